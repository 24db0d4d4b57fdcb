"""A tiny CA on disk, for trying things: what ``certstatus lab`` makes, and tests and examples use.

Its law: every file stands whole or not at all; keys are readable by their owner alone;
nothing that was there is overwritten unless asked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from certstatus.errors import ConfigError
from certstatus.pkix import Certificate, CRLReason, HashAlgorithm
from certstatus.testing.ca import Issued, TinyCA

__all__ = ["DEFAULT_OCSP_URL", "Lab", "build_lab"]

DEFAULT_OCSP_URL: Final = "http://127.0.0.1:8080/"
"""What the lab's certificates name as their responder: where ``certstatus serve`` listens."""

_CA_DAYS: Final = 3650
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A CA, a delegated responder and three certificates, in memory and on disk.

    ``good`` and ``revoked`` (for keyCompromise) stand in ``index.txt``; ``never_issued``
    is signed by the same CA and stands nowhere, as if another had got hold of its key.
    """

    directory: Path
    ocsp_url: str
    ca: TinyCA
    responder: Issued
    good: Issued
    revoked: Issued
    never_issued: Issued

    @property
    def ca_certificate(self) -> Path:
        """The CA's certificate, PEM."""
        return self.directory / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The CA's key, PKCS #8 PEM."""
        return self.directory / "ca.key"

    @property
    def responder_certificate(self) -> Path:
        """The delegated responder's certificate, PEM."""
        return self.directory / "responder.pem"

    @property
    def responder_key(self) -> Path:
        """The delegated responder's key, PKCS #8 PEM."""
        return self.directory / "responder.key"

    @property
    def index(self) -> Path:
        """What the CA issued and revoked, as ``openssl ca`` keeps it."""
        return self.directory / "index.txt"

    @property
    def crl(self) -> Path:
        """The CA's CRL, DER."""
        return self.directory / "ca.crl"

    @property
    def config(self) -> Path:
        """A configuration with which ``certstatus serve`` answers for the lab."""
        return self.directory / "certstatus.toml"

    @property
    def certificates(self) -> dict[str, Path]:
        """The three leaf certificates by what a responder should say of them."""
        return {name: self.directory / f"{name}.pem" for name in self._leaves}

    @property
    def _leaves(self) -> dict[str, Issued]:
        return {"good": self.good, "revoked": self.revoked, "never-issued": self.never_issued}


def build_lab(
    directory: Path,
    *,
    now: datetime,
    name: str = "Lab CA",
    kind: str = "p256",
    responder_kind: str | None = None,
    digest: HashAlgorithm = HashAlgorithm.SHA256,
    ocsp_url: str = DEFAULT_OCSP_URL,
    days: int = 90,
    responder_days: int = 30,
    force: bool = False,
) -> Lab:
    """Make a lab in ``directory``, which may be absent or empty.

    Certificates are valid from an hour before ``now`` (aware UTC), the leaves for ``days``
    and the responder for ``responder_days``. ``kind`` and ``responder_kind`` are of
    ``KEY_KINDS``; ``digest`` is what RSA and ECDSA sign with.

    Raises:
        ConfigError: ``directory`` holds files, and ``force`` is not set; or ``ocsp_url`` is
            no http URL in ASCII.
        OSError: the file system refused.
    """
    if not force and directory.is_dir() and any(directory.iterdir()):
        raise ConfigError(
            "is not empty", file=str(directory), remedy="name another, or replace with --force"
        )
    settings = _settings(ocsp_url)
    start = now.replace(microsecond=0) - _HOUR
    ca = TinyCA(
        name, kind=kind, not_before=start, not_after=start + timedelta(days=_CA_DAYS), digest=digest
    )

    def leaf(host: str) -> Issued:
        end = start + timedelta(days=days)
        return ca.issue_server(host, kind=kind, not_after=end, ocsp_uris=(ocsp_url,))

    lab = Lab(
        directory=directory,
        ocsp_url=ocsp_url,
        ca=ca,
        responder=ca.issue_responder(
            f"{name} OCSP responder",
            kind=responder_kind or kind,
            not_after=start + timedelta(days=responder_days),
        ),
        good=leaf("good.example"),
        revoked=leaf("revoked.example"),
        never_issued=leaf("never-issued.example"),
    )
    files = _contents(lab, revoked_at=start + _HOUR / 2)
    _write_all(directory, {**files, "certstatus.toml": settings.encode()})
    return lab


def _contents(lab: Lab, revoked_at: datetime) -> dict[str, bytes]:
    """Return every file of the lab by its name."""
    files: dict[str, bytes] = {}
    everyone = {"ca": lab.ca.issued, "responder": lab.responder, **lab._leaves}  # noqa: SLF001
    for name, issued in everyone.items():
        files[f"{name}.pem"] = issued.certificate_pem
        files[f"{name}.key"] = issued.key_pem()
    revoked = lab.revoked.certificate.serial_number, revoked_at, CRLReason.KEY_COMPROMISE
    files["ca.crl"] = lab.ca.crl([revoked], this_update=revoked_at)
    files["index.txt"] = "".join(
        (
            _index_line(lab.responder.certificate),
            _index_line(lab.good.certificate),
            _index_line(lab.revoked.certificate, f"{_index_time(revoked_at)},keyCompromise"),
        )
    ).encode()
    files["README.md"] = _README.format(url=lab.ocsp_url).encode()
    return files


def _index_line(certificate: Certificate, revocation: str = "") -> str:
    """Write one line of an index as ``openssl ca`` does: status, times, serial, subject."""
    serial = f"{certificate.serial_number:X}"
    subject = "".join(
        f"/{attribute.rfc4514_attribute_name}={attribute.value!s}"
        for attribute in certificate.subject.parsed()
    )
    return "\t".join(
        (
            "R" if revocation else "V",
            _index_time(certificate.not_after),
            revocation,
            serial.zfill(len(serial) + len(serial) % 2),
            "unknown",
            f"{subject}\n",
        )
    )


def _index_time(moment: datetime) -> str:
    return f"{moment:%y%m%d%H%M%SZ}" if moment.year < 2050 else f"{moment:%Y%m%d%H%M%SZ}"


def _settings(url: str) -> str:
    """Write the responder's configuration: it listens on this machine, as the URL says."""
    try:
        parts = urlsplit(url)
        port = parts.port or 8080
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii():
        raise ConfigError("is no http URL in ASCII", key="ocsp_url", remedy=DEFAULT_OCSP_URL)
    return _SETTINGS.format(port=port, path=json.dumps(parts.path or "/"))


_SETTINGS: Final = """\
[server]
host = "127.0.0.1"
port = {port}
path = {path}

[[authority]]
certificate = "ca.pem"

[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"

[[authority.source]]
index = "index.txt"
"""

_README: Final = """\
# A CA to try certstatus with

| file | what it is |
|---|---|
| `ca.pem`, `ca.key` | the CA |
| `responder.pem`, `responder.key` | the responder to which the CA delegates (OCSPSigning, nocheck) |
| `good.pem` | a certificate in good standing |
| `revoked.pem` | a certificate revoked for keyCompromise |
| `never-issued.pem` | signed with the CA's key, and not on the CA's books |
| `index.txt` | the CA's books, as `openssl ca` keeps them |
| `ca.crl` | the CA's CRL |
| `certstatus.toml` | the responder's configuration |

Serve what the books say:

    certstatus serve --config certstatus.toml

Then, in another terminal:

    certstatus check good.pem --issuer ca.pem --allow-private
    certstatus check revoked.pem --issuer ca.pem --allow-private
    certstatus check never-issued.pem --issuer ca.pem --allow-private

The certificates name the responder on this machine, {url}, and `check`
follows a certificate into a private network only if you say so.

Look inside:

    certstatus show good.pem ca.crl
    certstatus request --issuer ca.pem --cert good.pem -o query.der
    certstatus show query.der

Keep the books in a database, and change them:

    certstatus db init
    certstatus db import index.txt --issuer ca.pem
    certstatus db revoke good.pem --reason superseded
    certstatus serve --ca ca.pem --signer responder.pem --key responder.key --database certstatus.db

Another client sees the same:

    openssl ocsp -issuer ca.pem -cert good.pem -CAfile ca.pem -url {url}

These keys protect nothing. Don't trust this CA anywhere.
"""


def _write_all(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write every file beside its place first, then move all into place."""
    directory.mkdir(parents=True, exist_ok=True)
    with _aside(directory) as aside:
        for name, data in files.items():
            mode = 0o600 if name.endswith(".key") else 0o644
            with os.fdopen(os.open(aside / name, os.O_CREAT | os.O_WRONLY, mode), "wb") as file:
                file.write(data)
        for name in files:
            (aside / name).replace(directory / name)


@contextlib.contextmanager
def _aside(directory: Path) -> Iterator[Path]:
    """Lend a folder on the same file system, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=directory, prefix=".lab-") as folder:
        yield Path(folder)
