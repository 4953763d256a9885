"""Certificates that tests make for themselves: an authority, and who it vouches for."""

from __future__ import annotations

import atexit
import functools
import ipaddress
import itertools
import os
import shutil
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = timedelta(days=1)
_NO_USE = dict.fromkeys(
    (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    ).split(),
    False,
)


@dataclass(frozen=True)
class Authority:
    """One that signs certificates; `file` is its own, in PEM."""

    folder: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    file: Path
    _numbers: itertools.count[int] = field(default_factory=itertools.count, repr=False)

    def issue(self, *names: str, days: int = 1) -> tuple[Path, Path]:
        """A certificate for host names or IP addresses, and its key, as files in PEM.

        The first name is the common name, too. With `days` below zero it has run out.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_named(names[0]), self.name, key, datetime.now(UTC) + days * _DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(x509.SubjectAlternativeName([*map(_alternative, names)]), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
            )
        )
        certificate = builder.sign(self.key, hashes.SHA256())
        stem = self.folder / f"{next(self._numbers)}"
        return _written(stem.with_suffix(".pem"), certificate), _kept(stem.with_suffix(".key"), key)

    def server(self, *names: str, days: int = 1) -> ssl.SSLContext:
        """How a server of these names speaks TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*names, days=days))
        return context

    def client(self, *names: str) -> ssl.SSLContext:
        """How one that trusts this authority alone speaks TLS; as these names, if there are any."""
        context = ssl.create_default_context(cafile=str(self.file))
        if names:
            context.load_cert_chain(*self.issue(*names))
        return context


@functools.cache
def authority(name: str = "Authority of all tests") -> Authority:
    """The authority of this name; its certificates last as long as the tests run."""
    folder = Path(tempfile.mkdtemp(prefix="certificates-"))
    atexit.register(_remove, folder, os.getpid())
    key = ec.generate_private_key(ec.SECP256R1())
    uses = x509.KeyUsage(**{**_NO_USE, "key_cert_sign": True, "crl_sign": True})
    certificate = (
        _builder(_named(name), _named(name), key, datetime.now(UTC) + _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(uses, True)
        .sign(key, hashes.SHA256())
    )
    return Authority(folder, _named(name), key, _written(folder / "authority.pem", certificate))


def _remove(folder: Path, maker: int) -> None:
    # Those that a test forks end, too, and would take the files away from the others.
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(min(datetime.now(UTC), until) - _DAY)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _written(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _kept(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
