"""Faust is let into a cluster by the same settings as librdkafka, or the worker does not start."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol

from streams.engine.credentials import Kafka, UnusableSecurity, credentials
from tests.integration.secured import PASSWORD, certificates

SASL: dict[str, str | int] = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.username": "millrace",
    "sasl.password": "secret",
}
TLS: dict[str, str | int] = {"security.protocol": "ssl"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    certificates(directory)
    return directory


def context_of(kafka: Kafka) -> ssl.SSLContext:
    found = credentials(kafka)
    assert isinstance(found, SSLCredentials)
    return found.context


def test_a_cluster_without_security_needs_none() -> None:
    assert credentials({}) is None
    assert credentials({"security.protocol": "plaintext", "sasl.username": "unused"}) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("name", ["sasl.mechanism", "sasl.mechanisms"])
def test_a_name_and_a_password_go_to_faust(name: str, mechanism: str) -> None:
    kafka = {n: value for n, value in SASL.items() if n != "sasl.mechanism"} | {name: mechanism}
    found = credentials(kafka)
    assert isinstance(found, SASLCredentials)
    assert found.protocol is AuthProtocol.SASL_PLAINTEXT
    assert (found.mechanism.value, found.ssl_context) == (mechanism, None)
    assert (found.username, found.password) == ("millrace", "secret")


def test_passwords_go_through_tls_where_it_is_asked_for(files: Path) -> None:
    authority = str(files / "authority.pem")
    found = credentials({**SASL, "security.protocol": "sasl_ssl", "ssl.ca.location": authority})
    assert isinstance(found, SASLCredentials)
    assert found.protocol is AuthProtocol.SASL_SSL
    assert found.ssl_context is not None
    [trusted] = found.ssl_context.get_ca_certs()
    assert trusted["subject"] == ((("commonName", "authority"),),)


def test_the_brokers_certificate_and_name_are_checked_unless_that_is_turned_off(
    files: Path,
) -> None:
    context = context_of(TLS)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    context = context_of({**TLS, "ssl.endpoint.identification.algorithm": "none"})
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_REQUIRED)
    context = context_of({**TLS, "enable.ssl.certificate.verification": "false"})
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
    folder = context_of({**TLS, "ssl.ca.location": str(files)})
    assert folder.verify_mode == ssl.CERT_REQUIRED


def identity(files: Path, **changed: str) -> dict[str, str | int]:
    names = {"certificate": "ssl.certificate.location", "key": "ssl.key.location"}
    paths = {"certificate": "client.pem", "key": "client.key"}
    paths |= {name: value for name, value in changed.items() if name in names}
    password = changed.get("password", PASSWORD)
    located = {names[name]: str(files / path) for name, path in paths.items()}
    return {**TLS, **located, "ssl.key.password": password}


def test_a_certificate_is_shown_with_its_key(files: Path) -> None:
    context_of(identity(files))


@pytest.mark.parametrize(
    ("kafka", "named"),
    [
        ({"security.protocol": "QUIC"}, "security.protocol: QUIC"),
        ({**SASL, "sasl.mechanism": "GSSAPI"}, "sasl.mechanism: .* not GSSAPI"),
        ({**SASL, "sasl.mechanism": "OAUTHBEARER"}, "sasl.mechanism: .* not OAUTHBEARER$"),
        ({"security.protocol": "SASL_SSL"}, "not GSSAPI, which is librdkafka's own when none"),
        ({**SASL, "sasl.username": ""}, "sasl.username: is missing"),
        ({**SASL, "sasl.password": ""}, "sasl.password: is missing"),
        ({**TLS, "ssl.keystore.location": "x"}, "ssl.keystore.location: workers know"),
        ({**TLS, "ssl.ca.location": "/none"}, "ssl.ca.location: /none: No such file"),
        ({**TLS, "ssl.certificate.location": __file__}, "ssl.key.location: is missing"),
        ({**TLS, "ssl.key.location": __file__}, "ssl.certificate.location: is missing"),
    ],
)
def test_what_faust_cannot_do_is_an_error_that_names_the_setting(kafka: Kafka, named: str) -> None:
    with pytest.raises(UnusableSecurity, match=named):
        credentials(kafka)


@pytest.mark.parametrize(
    "changed",
    [
        {"password": "wrong"},
        {"password": ""},
        {"key": "authority.key"},
        {"key": "absent.key"},
        {"certificate": "client.key"},
    ],
)
def test_a_key_that_cannot_be_used_is_an_error_without_the_password(
    files: Path, changed: dict[str, str]
) -> None:
    with pytest.raises(UnusableSecurity, match=r"^ssl\.key\.location: ") as caught:
        credentials(identity(files, **changed))
    assert PASSWORD not in str(caught.value)
