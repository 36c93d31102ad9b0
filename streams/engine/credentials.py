"""How Faust's own consumer gets into a secured cluster, by the settings that librdkafka has.

Records go through librdkafka, which reads `security.protocol`, `sasl.*` and `ssl.*` itself. The
control topic is read by Faust, whose client has other words for the same and fewer ways: PLAIN and
SCRAM, and certificates in files. What it cannot do as librdkafka would is an error, and never left
out. Names and defaults: librdkafka, CONFIGURATION.md.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from faust.auth import SASLCredentials, SSLCredentials

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
DEFAULT_MECHANISM = "GSSAPI"
"""librdkafka's, where none is named"""
TLS = frozenset(
    {
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.location",
        "ssl.key.password",
    }
)
"""Settings of TLS that are understood here, with `enable.ssl.certificate.verification`."""
FALSE = frozenset({"false", "f", "0"})

Kafka = Mapping[str, str | int]


class UnusableSecurity(ValueError):
    """A worker cannot get into a cluster that is secured like this; the message names the setting.

    It never has a secret in it.
    """


def credentials(kafka: Kafka) -> SASLCredentials | SSLCredentials | None:
    """Faust's `broker_credentials`; None for a cluster without security.

    Reads the files that the settings name. Raises UnusableSecurity.
    """
    protocol = str(kafka.get("security.protocol", "PLAINTEXT")).upper()
    if protocol not in PROTOCOLS:
        raise UnusableSecurity(f"security.protocol: {protocol} is none of {', '.join(PROTOCOLS)}")
    context = _context(kafka) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        return _sasl(kafka, context)
    return SSLCredentials(context) if context is not None else None


def _sasl(kafka: Kafka, context: ssl.SSLContext | None) -> SASLCredentials:
    mechanism = str(
        kafka.get("sasl.mechanisms") or kafka.get("sasl.mechanism") or DEFAULT_MECHANISM
    )
    if mechanism not in MECHANISMS:
        raise UnusableSecurity(
            f"sasl.mechanism: workers know {', '.join(MECHANISMS)}, and not {mechanism}"
            + (", which is librdkafka's own when none is named" * (mechanism == DEFAULT_MECHANISM))
        )
    username, password = kafka.get("sasl.username", ""), kafka.get("sasl.password", "")
    if username == "" or password == "":
        missing = "sasl.username" if username == "" else "sasl.password"
        raise UnusableSecurity(f"{missing}: is missing, and {mechanism} needs it")
    return SASLCredentials(
        username=str(username), password=str(password), ssl_context=context, mechanism=mechanism
    )


def _context(kafka: Kafka) -> ssl.SSLContext:
    unknown = sorted(name for name in kafka if name.startswith("ssl.") and name not in TLS)
    if unknown:
        raise UnusableSecurity(f"{unknown[0]}: workers know {', '.join(sorted(TLS))}, and not this")
    context = _trusting(str(kafka.get("ssl.ca.location", "")))
    if str(kafka.get("ssl.endpoint.identification.algorithm", "https")).lower() == "none":
        context.check_hostname = False
    if str(kafka.get("enable.ssl.certificate.verification", "true")).lower() in FALSE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = kafka.get("ssl.certificate.location"), kafka.get("ssl.key.location")
    if certificate is not None or key is not None:
        _identify(context, str(certificate or ""), str(key or ""), kafka.get("ssl.key.password"))
    return context


def _trusting(authorities: str) -> ssl.SSLContext:
    """A client's side of TLS that trusts these, a file or a folder; else those of the system."""
    if authorities in ("", "probe"):
        return ssl.create_default_context()
    folder = Path(authorities).is_dir()
    try:
        if folder:
            return ssl.create_default_context(capath=authorities)
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise UnusableSecurity(f"ssl.ca.location: {authorities}: {_why(error)}") from error


def _identify(
    context: ssl.SSLContext, certificate: str, key: str, password: str | int | None
) -> None:
    for name, file in (("ssl.certificate.location", certificate), ("ssl.key.location", key)):
        if not Path(file).is_file():
            raise UnusableSecurity(f"{name}: {f'no file {file}' if file else 'is missing'}")
    try:
        # An empty password fails where OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, str(password or ""))
    except OSError as error:
        raise UnusableSecurity(
            f"ssl.key.location: {certificate} with {key}"
            f"{'' if password is None else ' and ssl.key.password'}: {_why(error)}"
        ) from error


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
