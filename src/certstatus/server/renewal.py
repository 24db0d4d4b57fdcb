"""A signer's successor: had from a command or the CA's key at hand, judged, put in place.

Its law: nothing replaces a signer but what passes the same gate and lasts longer; what fails
leaves the old one as it was, is an alarm, and is tried again after a while.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.errors import CertStatusError, SignerError
from certstatus.limits_signers import SETTLING_TIME
from certstatus.pkix import Certificate
from certstatus.server.certificates import load_certificates
from certstatus.server.config import RenewConfig, SignerConfig
from certstatus.server.renewal_command import run_command
from certstatus.server.renewal_files import (
    certificate_in_force,
    finish_pair,
    place_certificate,
    place_pair,
    working_folder,
)
from certstatus.server.renewal_state import RenewalRecord, RenewalState, locked_record
from certstatus.server.signer_events import SignerEventKind
from certstatus.server.signers import SignerLoader
from certstatus.signing import (
    Delegator,
    SigningKey,
    encode_certificate_request,
    generate_key_like,
    key_pem,
    load_key,
    renewal_due,
)
from certstatus.signing.local import read_certificates, read_key_file

__all__ = ["Renewal", "RenewalOutcome", "RenewalResult", "renewals_of"]


class RenewalResult(StrEnum):
    """What became of a look at whether a signer is to be renewed."""

    RENEWED = "renewed"
    NOT_DUE = "not-due"
    BUSY = "busy"
    WAITING = "waiting"
    FAILED = "failed"

    @property
    def words(self) -> str:
        """The same for a person."""
        return _WORDS[self]


_WORDS: Final = {
    RenewalResult.RENEWED: "renewed",
    RenewalResult.NOT_DUE: "not due",
    RenewalResult.BUSY: "is being renewed by another process",
    RenewalResult.WAITING: "waits, since it was tried a short while ago",
    RenewalResult.FAILED: "not renewed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalOutcome:
    """What became of one signer: the certificate that stands now, and when it is due."""

    authority: str
    file: Path
    result: RenewalResult
    certificate: Certificate | None = None
    due: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A new certificate, PEM, and a new key where there is one."""

    certificate: bytes
    key: bytes | None


class Renewal:
    """Renews what one ``[[authority.signer]]`` names, by its ``renew``."""

    def __init__(self, loader: SignerLoader, renew: RenewConfig, certificate: Path) -> None:
        self._loader = loader
        self._renew = renew
        self._file = certificate

    @property
    def file(self) -> Path:
        """Where the certificate stands."""
        return self._file

    def run(
        self,
        now: datetime,
        *,
        force: bool = False,
        stop: threading.Event | None = None,
    ) -> RenewalOutcome:
        """Renew the signer if that is due (or ``force``) and nobody else is at it.

        Never raises for what goes wrong: that is told as an alarm, and in the outcome.
        ``stop`` set ends the command that runs.
        """
        try:
            if not force and not self._is_due(now):
                return self._outcome(RenewalResult.NOT_DUE)
            with locked_record(self._file) as record:
                return self._locked(record, now, force=force, stop=stop)
        except (CertStatusError, OSError) as error:
            return self._failed(error)

    def _locked(
        self,
        record: RenewalRecord | None,
        now: datetime,
        *,
        force: bool,
        stop: threading.Event | None,
    ) -> RenewalOutcome:
        if record is None:
            return self._outcome(RenewalResult.BUSY)
        if (key := self._key_file) is not None:
            finish_pair(self._file, key)
        if not force and not self._is_due(now):
            return self._outcome(RenewalResult.NOT_DUE)  # another process was quicker
        if not force and not record.state.allows(now):
            return self._outcome(RenewalResult.WAITING)
        # Should this process die, the next one waits as after a failure.
        before = record.state
        record.save(before.after_failure(now))
        self._replace(record, now, force=force, stop=stop)
        record.save(RenewalState.after_success(now))
        outcome = self._outcome(RenewalResult.RENEWED)
        assert outcome.certificate is not None
        self._loader.teller.tell(
            SignerEventKind.RENEWED,
            f"is valid until {outcome.certificate.not_after:%F %TZ}",
            certificate=str(outcome.certificate),
            file=str(self._file),
        )
        return outcome

    # --- when ------------------------------------------------------------------------------

    @property
    def _key_file(self) -> Path | None:
        key = self._loader.config.key
        return key if isinstance(key, Path) else None

    def _current(self) -> Certificate:
        """Read the certificate that stands; of several the first that the CA has issued."""
        key = self._key_file
        file = self._file if key is None else certificate_in_force(self._file, key)
        issuer = self._loader.issuer
        for one in read_certificates(file):
            if one.issuer.matches(issuer.subject) and one.spki_der != issuer.spki_der:
                return one
        raise SignerError(f"{file}: holds no delegate of {issuer.subject}, and no other is renewed")

    def due(self) -> datetime:
        """Return when the certificate that stands is to be renewed.

        Raises:
            SignerError: it can't be read.
        """
        certificate = self._current()
        before = self._loader.config.renew_before
        if before is None:
            before = _usual(certificate, self._loader.policy.validity)
        return renewal_due(certificate, self._loader.issuer, before=before)

    def _is_due(self, now: datetime) -> bool:
        return self.due() <= now

    # --- how -------------------------------------------------------------------------------

    def _replace(
        self,
        record: RenewalRecord,
        now: datetime,
        *,
        force: bool,
        stop: threading.Event | None,
    ) -> None:
        """Have a new certificate, and put it in place.

        Raises:
            CertStatusError, OSError: nothing was replaced.
        """
        with working_folder(self._file) as place:
            if self._renew.command is not None:
                candidate = self._by_command(self._renew.command, record, place, stop)
            else:
                candidate = self._by_ca(now)
            self._judge(candidate, place, now, force=force)
        key = self._key_file
        if candidate.key is None or key is None:
            place_certificate(self._file, candidate.certificate)
        else:
            place_pair(self._file, candidate.certificate, key, candidate.key)

    def _by_ca(self, now: datetime) -> _Candidate:
        renew, current = self._renew, self._current()
        assert renew.ca_key is not None
        password = _password(renew.ca_password_file)
        ca = self._loader.issuer
        if renew.ca_certificate is not None:
            (ca,) = load_certificates((renew.ca_certificate,))
        delegator = Delegator(certificate=ca, key=load_key(renew.ca_key, password).key)
        key = self._new_key(current)
        public_key = current.public_key if key is None else key.public_key()
        issued = delegator.issue(public_key, current.parsed.subject, now=now, life=renew.life)
        return _Candidate(
            certificate=issued.parsed.public_bytes(Encoding.PEM), key=self._written(key)
        )

    def _by_command(
        self,
        command: tuple[str, ...],
        record: RenewalRecord,
        place: Path,
        stop: threading.Event | None,
    ) -> _Candidate:
        current, key_file = self._current(), self._key_file
        certificate, new_key = place / "certificate.pem", place / "key.pem"
        names = {
            "CERTSTATUS_AUTHORITY": self._loader.authority,
            "CERTSTATUS_CERTIFICATE": str(self._file),
            "CERTSTATUS_NEW_CERTIFICATE": str(certificate),
        }
        if key_file is not None:
            key = self._new_key(current)
            written = self._written(key)
            if written is not None:
                new_key.touch(0o600)
                new_key.write_bytes(written)
            signing = key or load_key(key_file, self._own_password()).key
            request = place / "request.pem"
            request.write_bytes(encode_certificate_request(signing, current.parsed.subject))
            names |= {
                "CERTSTATUS_KEY": str(key_file),
                "CERTSTATUS_REQUEST": str(request),
                "CERTSTATUS_NEW_KEY": str(new_key),
            }
        run_command(command, names, lock=record.descriptor, stop=stop)
        if not certificate.exists():
            text = f"{command[0]}: wrote no certificate to $CERTSTATUS_NEW_CERTIFICATE"
            raise SignerError(text)
        return _Candidate(
            certificate=read_key_file(certificate),
            key=read_key_file(new_key) if new_key.exists() else None,
        )

    def _new_key(self, current: Certificate) -> SigningKey | None:
        """Make a key like the one that stands, where that is wanted."""
        wanted = self._renew.new_key and self._key_file is not None
        return generate_key_like(current.public_key) if wanted else None

    def _written(self, key: SigningKey | None) -> bytes | None:
        return None if key is None else key_pem(key, self._own_password())

    def _own_password(self) -> bytes | None:
        return _password(self._loader.config.password_file)

    def _judge(self, candidate: _Candidate, place: Path, now: datetime, *, force: bool) -> None:
        """Raise SignerError unless it passes the gate and, but for ``force``, lasts longer."""
        certificate = place / "candidate.pem"
        certificate.write_bytes(candidate.certificate)
        changes: dict[str, Path] = {"certificate": certificate}
        if candidate.key is not None:
            changes["key"] = place / "candidate.key"
            changes["key"].touch(0o600)
            changes["key"].write_bytes(candidate.key)
        config: SignerConfig = self._loader.config.model_copy(update=changes)
        try:
            signers = replace(self._loader, config=config).load(now)
        except CertStatusError as error:
            text = str(error).replace(f"{place}/", "")
            raise SignerError(f"the new signer is refused: {text}", rule=error.rule) from error
        new, old = signers[0].certificate, self._current()
        if new.not_after <= old.not_after and not force:
            text = f"the new certificate ends on {new.not_after:%F %TZ}, no later than the old one"
            raise SignerError(text)
        if now + SETTLING_TIME < new.not_before and old.not_after <= new.not_before:
            text = f"the new certificate is valid from {new.not_before:%F %TZ} on, too late"
            raise SignerError(text)

    # --- what is told ----------------------------------------------------------------------

    def _outcome(self, result: RenewalResult) -> RenewalOutcome:
        return RenewalOutcome(
            authority=self._loader.authority,
            file=self._file,
            result=result,
            certificate=self._current(),
            due=self.due(),
        )

    def _failed(self, error: CertStatusError | OSError) -> RenewalOutcome:
        reason = str(error)
        self._loader.teller.tell(SignerEventKind.RENEWAL_FAILED, reason, file=str(self._file))
        return RenewalOutcome(
            authority=self._loader.authority,
            file=self._file,
            result=RenewalResult.FAILED,
            error=reason,
        )


def renewals_of(loaders: tuple[SignerLoader, ...]) -> tuple[Renewal, ...]:
    """Return what renews those that say how."""
    return tuple(
        Renewal(one, one.config.renew, one.config.certificate)
        for one in loaders
        if one.config.renew is not None and one.config.certificate is not None
    )


def _usual(certificate: Certificate, validity: timedelta) -> timedelta:
    """A third of its life, and time for two whole answers, but never more than two thirds."""
    life = certificate.not_after - certificate.not_before
    return min(max(life / 3, 2 * validity), life * 2 / 3)


def _password(file: Path | None) -> bytes | None:
    return None if file is None else read_key_file(file).rstrip(b"\r\n")
