"""Staples on disk, across restarts. What comes out was verified anew, or does not come out."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path

from certstatus.errors import ConfigError, MalformedError, UntrustedError
from certstatus.limits import MAX_CERTIFICATE_BYTES, MAX_RESPONSE_BYTES, MAX_STORED_STAPLES
from certstatus.pkix import Certificate
from certstatus.requestor import find_issuer
from certstatus.requestor.entries import Entries, directory_problem
from certstatus.staple.held import Held, Origin, hold
from certstatus.verify import NoncePolicy, Report, VerifyPolicy, verify_response

__all__ = ["StapleStore"]

_HEAD_BYTES: Final = 8_192 + MAX_CERTIFICATE_BYTES * 4 // 3

_OF_THE_MOMENT: Final = frozenset({"O19", "L10", "O24", "O25"})
"""What fails by these may have held before, or will once the clock is right: it is left alone."""


@dataclass(frozen=True, kw_only=True)
class _Stored:
    der: bytes
    certificate: str
    issuer: bytes
    fresh_until: datetime | None
    url: str


class StapleStore:
    """A directory of staples, a file for each certificate; many processes may share it.

    Files are written whole or not at all and flushed to disk. The directory is made for its
    owner alone; one that others can write to is not used.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._entries = Entries(
            user_cache_path("certstatus") / "staples"
            if directory is None
            else directory.absolute(),
            suffix=".staple",
            format_number=1,
            max_entries=MAX_STORED_STAPLES,
            max_bytes=MAX_RESPONSE_BYTES + _HEAD_BYTES,
            is_durable=True,
        )

    @property
    def directory(self) -> Path:
        """Where the staples rest."""
        return self._entries.directory

    def load(
        self,
        certificate: Certificate,
        issuers: Iterable[Certificate],
        *,
        now: datetime,
        policy: VerifyPolicy,
    ) -> Held | None:
        """Read a certificate's staple and verify it anew; None where none is to be had now.

        A file that holds something else than a staple of this certificate is removed.

        Args:
            certificate: whose staple is wanted.
            issuers: certificates among which its issuer may be; it may also be in the file.
            now: aware UTC.
            policy: how strictly to verify.

        Raises:
            ConfigError: the directory is not ours alone, so nothing was read.
            MalformedError: the file was damaged or none of ours, and was removed.
            UntrustedError: what it held is not to be believed, and was removed.
        """
        self._check_directory()
        try:
            stored = self._entries.read(_name(certificate), _take)
            if stored is None:
                return None
            return _verify(stored, certificate, issuers, now, policy)
        except (MalformedError, UntrustedError):
            self._entries.drop(_name(certificate))
            raise

    def keep(self, certificate: Certificate, held: Held) -> None:
        """Write a certificate's staple.

        Raises:
            ConfigError: it can't be written, and why. What stood there before still stands.
        """
        fresh = held.fresh_until
        told = {
            "certificate": certificate.fingerprint.hex(),
            "issuer": b64encode(held.issuer.der).decode("ascii"),
            "freshUntil": None if fresh is None else int(fresh.timestamp()),
            "url": held.url,
        }
        self._check_directory()
        try:
            self._entries.write(_name(certificate), told, held.staple.der)
        except OSError as error:
            raise self._problem(f"can't be written to: {error.strerror}") from error

    def _check_directory(self) -> None:
        """Refuse a directory into which others may write: they could make us forget."""
        if (problem := directory_problem(self.directory)) is not None:
            raise self._problem(problem)

    def _problem(self, reason: str) -> ConfigError:
        return ConfigError(
            f"the directory of staples {reason}",
            file=str(self.directory),
            remedy="name one of your own, or keep staples in memory",
        )


def _name(certificate: Certificate) -> str:
    return certificate.fingerprint.hex()


def _take(told: Mapping[str, Any], der: bytes) -> _Stored:
    fresh = told["freshUntil"]
    return _Stored(
        der=der,
        certificate=str(told["certificate"]),
        issuer=b64decode(told["issuer"], validate=True),
        fresh_until=None if fresh is None else datetime.fromtimestamp(int(fresh), UTC),
        url=str(told["url"]),
    )


def _verify(
    stored: _Stored,
    certificate: Certificate,
    issuers: Iterable[Certificate],
    now: datetime,
    policy: VerifyPolicy,
) -> Held | None:
    if stored.certificate != _name(certificate):
        raise MalformedError("is of another certificate", where="stored response")
    issuer = find_issuer(certificate, (*issuers, Certificate.from_der(stored.issuer)))
    if issuer is None:
        raise MalformedError("names no issuer of the certificate", where="stored response")
    # A response is stored for whoever asks: no nonce can match any more.
    lasting = replace(policy, nonce=NoncePolicy.OFF)
    report = verify_response(
        stored.der, issuer=issuer, certificate=certificate, now=now, policy=lasting
    )
    if report.verified is None:
        if _is_of_the_moment(report):
            return None
        report.require()
    assert report.verified is not None
    held = hold(
        report.verified,
        certificate,
        issuer,
        policy=policy,
        url=stored.url,
        origin=Origin.DISK,
        fresh_until=stored.fresh_until,
    )
    if held is None:
        raise UntrustedError("says unknown", report=report)
    return held if held.end > now else None


def _is_of_the_moment(report: Report) -> bool:
    return bool(report.failures) and all(one.rule in _OF_THE_MOMENT for one in report.failures)
