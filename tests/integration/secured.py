"""A broker that also listens with passwords, with TLS and with client certificates.

Its plain listener stays: the broker's own start, and whoever looks from outside, use that.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.broker import EmbeddedBroker, free_port

USER, PASSWORD = "millrace", "of-a-test"
TIMEOUT_SECONDS = 30.0
MECHANISMS = {"PASSWORD": "PLAIN", "SCRAM": "SCRAM-SHA-512"}
PROTOCOLS = {"PASSWORD": "SASL_PLAINTEXT", "SCRAM": "SASL_SSL", "CERTIFICATE": "SSL"}


class SecuredBroker(EmbeddedBroker):
    """An EmbeddedBroker with a listener for each of PROTOCOLS."""

    def __init__(self, data_dir: Path) -> None:
        """Make the certificates as well."""
        super().__init__(data_dir)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._ports: dict[str, int] = {}
        self.authority = self.data_dir / "authority.pem"
        certificates(self.data_dir)

    def address(self, listener: str) -> str:
        """`host:port` of a listener."""
        return f"{self.host}:{self._ports[listener]}"

    def settings(self, listener: str) -> dict[str, str]:
        """What librdkafka needs to connect there, but for the address."""
        settings = {"security.protocol": PROTOCOLS[listener]}
        if listener in MECHANISMS:
            settings |= {
                "sasl.mechanism": MECHANISMS[listener],
                "sasl.username": USER,
                "sasl.password": PASSWORD,
            }
        if listener != "PASSWORD":
            settings["ssl.ca.location"] = str(self.authority)
        if listener == "CERTIFICATE":
            settings |= {
                "ssl.certificate.location": str(self.data_dir / "client.pem"),
                "ssl.key.location": str(self.data_dir / "client.key"),
                "ssl.key.password": PASSWORD,
            }
        return settings

    def let_the_user_in(self) -> None:
        """SCRAM's users are kept by the cluster, not by its configuration."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        wanted = UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
        for future in admin.alter_user_scram_credentials([wanted]).values():
            future.result(TIMEOUT_SECONDS)

    def _write_properties(self) -> None:
        super()._write_properties()
        for listener in PROTOCOLS:
            if listener not in self._ports:
                self._ports[listener] = free_port(self.host)
        lines = dict(
            line.split("=", 1) for line in self._properties.read_text().splitlines() if line
        )
        for name in ("listeners", "advertised.listeners"):
            added = [f"{listener}://{self.address(listener)}" for listener in PROTOCOLS]
            lines[name] = ",".join([lines[name], *added])
        mapped = [f"{listener}:{protocol}" for listener, protocol in PROTOCOLS.items()]
        lines["listener.security.protocol.map"] += "," + ",".join(mapped)
        module = "org.apache.kafka.common.security"
        lines |= {
            "listener.name.password.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.password.plain.sasl.jaas.config": (
                f'{module}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            ),
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                f"{module}.scram.ScramLoginModule required;"
            ),
            "listener.name.certificate.ssl.client.auth": "required",
        }
        for listener in ("scram", "certificate"):
            lines |= {
                f"listener.name.{listener}.ssl.keystore.type": "PEM",
                f"listener.name.{listener}.ssl.keystore.location": f"{self.data_dir}/broker.both",
                f"listener.name.{listener}.ssl.truststore.type": "PEM",
                f"listener.name.{listener}.ssl.truststore.location": str(self.authority),
            }
        self._properties.write_text("".join(f"{n}={value}\n" for n, value in lines.items()))


def certificates(directory: Path) -> None:
    """An authority, a certificate of the broker, and one of a client whose key has a password."""

    def openssl(*arguments: str) -> None:
        command = ["openssl", *arguments]
        subprocess.run(
            command, cwd=directory, check=True, capture_output=True, timeout=TIMEOUT_SECONDS
        )

    new_key = ("-newkey", "rsa:2048", "-sha256", "-days", "2")
    openssl("req", "-x509", *new_key, "-nodes", "-subj", "/CN=authority",
            "-keyout", "authority.key", "-out", "authority.pem")  # fmt: skip
    signed = ("-CA", "authority.pem", "-CAkey", "authority.key", "-addext",
              "basicConstraints=critical,CA:FALSE")  # fmt: skip
    openssl("req", "-x509", *new_key, *signed, "-nodes", "-subj", "/CN=broker",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "broker.key",
            "-out", "broker.pem")  # fmt: skip
    openssl("req", "-x509", *new_key, *signed, "-passout", f"pass:{PASSWORD}",
            "-subj", "/CN=client", "-keyout", "client.key", "-out", "client.pem")  # fmt: skip
    both = (directory / "broker.key").read_text() + (directory / "broker.pem").read_text()
    (directory / "broker.both").write_text(both)
