"""Certificates with faults, made for one test."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """An authority, an intermediate one below it, and what they issue for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._made("test root", "test root", self.key, self.key, authority=True)
        self.between_key = ec.generate_private_key(ec.SECP256R1())
        self.between = self._made("test between", "test root", self.between_key, self.key, authority=True)

    def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts this authority and no other."""
        pem = self.root.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def server(
        self,
        *,
        begins: timedelta = -10 * DAY,
        ends: timedelta = 90 * DAY,
        host: str = "127.0.0.1",
        self_signed: bool = False,
        whole_chain: bool = True,
    ) -> ssl.SSLContext:
        """A server's context that shows a certificate with these properties; moments are from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, by = ("leaf", key) if self_signed else ("test between", self.between_key)
        leaf = self._made("leaf", issuer, key, by, begins=begins, ends=ends, host=host)
        shown = [leaf] if self_signed or not whole_chain else [leaf, self.between]
        pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in shown)
        pem += key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self.folder / "server.pem"
        file.write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    @staticmethod
    def _made(
        subject: str,
        issuer: str,
        key: ec.EllipticCurvePrivateKey,
        by: ec.EllipticCurvePrivateKey,
        *,
        begins: timedelta = -10 * DAY,
        ends: timedelta = 90 * DAY,
        host: str | None = None,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host is not None:
            named = x509.DNSName(host) if host[0].isalpha() else x509.IPAddress(ip_address(host))
            builder = builder.add_extension(x509.SubjectAlternativeName([named]), critical=False)
        return builder.sign(by, hashes.SHA256())
