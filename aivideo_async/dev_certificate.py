"""A self-signed certificate for development, so that ``serve(ssl=…)`` can be tried before there is a real one.

::

    certificate = development_certificate(".certificates")
    async with client.receiver.serve(port=8443, ssl=certificate.server_context()): ...
    aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=certificate.client_context()))

It proves nothing to anybody who was not given it: senders on the internet refuse it, as they should.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aivideo_async.core.errors import ConfigurationError

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
VALID_FOR = timedelta(days=30)
_CLOCKS_DIFFER_BY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DevelopmentCertificate:
    """Where a certificate and its key are, as PEM files."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """For ``serve(ssl=…)``. It reads the files, which blocks. Raises OSError."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts this certificate and no other. It reads the file. Raises OSError."""
        return ssl.create_default_context(cafile=self.certificate)


def development_certificate(
    folder: str | os.PathLike[str],
    *,
    hosts: Sequence[str] = LOCAL_HOSTS,
    valid_for: timedelta = VALID_FOR,
    now: datetime | None = None,
) -> DevelopmentCertificate:
    """Make a key and a certificate for ``hosts`` (names or IP addresses) in ``folder``, in the place of earlier ones.

    It is valid from ``now`` (an aware datetime; default: the clock's), less five minutes, for ``valid_for``. The key's
    file can be read by its owner only. It writes files, which blocks. Raises ConfigurationError for what is no host or
    no time, and OSError where it cannot write.
    """
    if isinstance(hosts, str) or not hosts or not all(hosts) or valid_for <= timedelta(0):
        raise ConfigurationError("a certificate needs a list of hosts, and a time to be valid for")
    key = ec.generate_private_key(ec.SECP256R1())
    since = (now or datetime.now(UTC)) - _CLOCKS_DIFFER_BY
    certificate = _signed(key, [_name(host) for host in hosts], since, since + _CLOCKS_DIFFER_BY + valid_for)
    made = DevelopmentCertificate(Path(folder) / "aivideo-dev.pem", Path(folder) / "aivideo-dev-key.pem")
    made.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    _write(made.key, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    _write(made.certificate, certificate.public_bytes(pem), mode=0o644)
    return made


def _signed(
    key: ec.EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], since: datetime, until: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aivideo_async development")])
    own_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)  # it can sign no other
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own_key, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_key), critical=False)
        .sign(key, SHA256())
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host.encode("idna").decode("ascii"))
    except UnicodeError as error:
        raise ConfigurationError(f"no certificate can be made for the host {host!r}") from error


def _write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """A file that is new, whatever stood or pointed there, and has its mode before it has its content."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)
