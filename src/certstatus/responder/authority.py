"""The CAs that are answered for, and how: issuer, source, signers and policy of each.

An authority is found by both hashes of a CertID, under every hash algorithm (O1, O12).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from certstatus.errors import ConfigError
from certstatus.limits import DEFAULT_BACKDATE, DEFAULT_VALIDITY
from certstatus.ocsp import ByKey, ByName, CertID, ResponderID
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm
from certstatus.responder.voice import Voice, Voices
from certstatus.signing import Profile, Rota, Signer
from certstatus.sources import Source

__all__ = [
    "PROFILE_DEFAULTS",
    "Archive",
    "Authorities",
    "Authority",
    "AuthorityPolicy",
    "NonceMode",
    "ProfileDefaults",
    "ResponderIDForm",
    "UnlistedMode",
]


class NonceMode(StrEnum):
    """What becomes of a nonce (N2, N3, L4)."""

    ECHO = "echo"
    """It is returned as it came, 1 to 128 octets, wrapped or bare."""
    IGNORE = "ignore"
    """The answer has none, so that one signature serves many."""
    REQUIRE = "require"
    """It is returned, and a request without one is malformed."""


class UnlistedMode(StrEnum):
    """What is said of a serial number that the source does not list (O12, O13, B4)."""

    UNKNOWN = "unknown"
    GOOD = "good"
    """An express choice, for sources that list what is revoked alone (C10)."""
    EXTENDED_REVOKE = "extended-revoke"
    """Revoked, where the source lists all that was issued; else unknown (O13)."""
    UNAUTHORIZED = "unauthorized"
    """No records, no answer: what RFC 9919 §3.2.3 asks for (L6)."""


class ResponderIDForm(StrEnum):
    """How the responder names itself (O16, O17, L5)."""

    BY_KEY = "by-key"
    BY_NAME = "by-name"

    def of(self, certificate: Certificate) -> ResponderID:
        """Name the responder with this certificate."""
        if self is ResponderIDForm.BY_KEY:
            return ByKey.of(certificate)
        return ByName(certificate.subject)


class Archive(StrEnum):
    """ArchiveCutoff other than a length of time before producedAt."""

    CA_START = "ca-start"
    """The CA's notBefore: status is kept for ever (EN 319 411-2 CSS-6.3.10-08)."""
    NONE = "none"
    """No ArchiveCutoff, whatever the profile says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileDefaults:
    """What a profile sets where the policy says nothing."""

    nonce: NonceMode = NonceMode.ECHO
    unlisted: UnlistedMode = UnlistedMode.UNKNOWN
    archive: Archive = Archive.NONE


PROFILE_DEFAULTS: Final[Mapping[Profile, ProfileDefaults]] = {
    Profile.RFC_6960: ProfileDefaults(),
    # One signature serves many (L3, L4), and who has no records does not answer (L6).
    Profile.RFC_9919: ProfileDefaults(nonce=NonceMode.IGNORE, unlisted=UnlistedMode.UNAUTHORIZED),
    Profile.CABF: ProfileDefaults(),
    # Status beyond expiry, and how far back (E2).
    Profile.ETSI: ProfileDefaults(archive=Archive.CA_START),
}


_BR_SHORTEST: Final = timedelta(hours=8)
_BR_LONGEST: Final = timedelta(days=10)


@dataclass(frozen=True, kw_only=True)
class AuthorityPolicy:
    """How an authority answers; what is None is as the profile sets it.

    ``validity`` runs from thisUpdate to nextUpdate, both ends included. A signed answer
    that still means the same is given again until it is ``refresh`` old, or half way to
    its nextUpdate where that is sooner. ``backdate`` moves thisUpdate back for slow
    clocks, where the source knows the status at any time. ``archive`` is how long status
    is kept after expiry (O27). ``dual_hash`` answers a SHA-1 or SHA-256 CertID with both
    (L3).

    Raises:
        ConfigError: a setting is wrong, or contradicts what the profile demands.
    """

    profile: Profile = Profile.RFC_6960
    nonce: NonceMode | None = None
    validity: timedelta = DEFAULT_VALIDITY
    refresh: timedelta | None = None
    backdate: timedelta = DEFAULT_BACKDATE
    unlisted: UnlistedMode | None = None
    responder_id: ResponderIDForm = ResponderIDForm.BY_KEY
    dual_hash: bool = False
    archive: timedelta | Archive | None = None
    hash_algorithms: frozenset[HashAlgorithm] = frozenset(HashAlgorithm)

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.backdate < self.validity:
            raise ConfigError(
                "must be shorter than validity", key="backdate", remedy="write 5m, or 0s for none"
            )
        if self.profile is Profile.RFC_9919:
            self._check_lightweight()
        if self.profile is Profile.CABF:
            self._check_cabf()

    def _check_lightweight(self) -> None:
        if self.responder_id is not ResponderIDForm.BY_KEY:
            raise ConfigError(
                "RFC 9919 responders name themselves by key [L5]",
                key="responder_id",
                remedy="write by-key",
            )
        if self.unlisted is UnlistedMode.UNKNOWN:
            raise ConfigError(
                "RFC 9919 responders answer unauthorized where they have no records [L6]",
                key="unlisted",
                remedy="write unauthorized, or leave it out",
            )

    def _check_cabf(self) -> None:
        if self.unlisted is UnlistedMode.EXTENDED_REVOKE:
            raise ConfigError(
                "would say certificateHold, which BR 7.2.2 does not allow [B4]",
                key="unlisted",
                remedy="write unknown or unauthorized",
            )
        if not _BR_SHORTEST <= self.validity <= _BR_LONGEST:
            raise ConfigError(
                "is not between 8 hours and 10 days (BR 4.9.9) [B2]",
                key="validity",
                remedy="write 4d",
            )

    @property
    def nonce_mode(self) -> NonceMode:
        """What becomes of a nonce: as set, or as the profile asks."""
        return self.nonce or PROFILE_DEFAULTS[self.profile].nonce

    @property
    def unlisted_mode(self) -> UnlistedMode:
        """What is said of unlisted serial numbers: as set, or as the profile asks."""
        return self.unlisted or PROFILE_DEFAULTS[self.profile].unlisted

    @property
    def no_records_mode(self) -> UnlistedMode:
        """What is said where the source can't speak for the serial number at all (L6)."""
        lightweight = self.profile is Profile.RFC_9919
        return UnlistedMode.UNAUTHORIZED if lightweight else UnlistedMode.UNKNOWN

    def archive_cutoff(
        self, issuer: Certificate, produced_at: datetime, *, keeps_expired: bool
    ) -> datetime | None:
        """Return ArchiveCutoff, None for none (O27).

        What the profile sets counts only for sources that keep what has expired; a setting
        of one's own is the operator's word.
        """
        if isinstance(self.archive, timedelta):
            return produced_at - self.archive
        mode = self.archive
        if mode is None and keeps_expired:
            mode = PROFILE_DEFAULTS[self.profile].archive
        return issuer.not_before if mode is Archive.CA_START else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Authority:
    """One CA that is answered for.

    The first of ``signers`` is the advertised default (O31); each has passed
    ``signing.check_signer``. They may be others between two requests, where their files are
    watched; of one line, ``signing.in_force`` chooses. ``compromised_since`` set, aware UTC: everything that the CA
    issued is revoked (O14). ``crl_algorithm`` is what the CA signs its CRL with (O31).
    """

    name: str
    issuer: Certificate
    source: Source
    signers: Sequence[Signer]
    policy: AuthorityPolicy = AuthorityPolicy()
    compromised_since: datetime | None = None
    crl_algorithm: AlgorithmIdentifier | None = None
    voices: Voices = field(init=False, repr=False, default_factory=Voices)
    _rota: Rota[Signer] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rota", Rota(self.issuer, validity=self.policy.validity))
        if not self.signers:
            raise ConfigError(
                f"authority {self.name} has no signer", key="signer", remedy="name its key"
            )

    def signers_in_force(self, now: datetime) -> tuple[Signer, ...]:
        """Return the one signer of each line that signs at ``now``, aware UTC."""
        in_force = self._rota.in_force(tuple(self.signers), now)
        self.voices.follow(in_force)
        return in_force

    def voice_of(self, signer: Signer) -> Voice:
        """Return a signer as it speaks for this authority."""
        found = self.voices.find(signer)
        if found is not None:
            return found
        responder_id = self.policy.responder_id.of(signer.certificate)
        return self.voices.keep(Voice(signer, self.issuer, responder_id))

    def cert_id(self, serial_number: int, algorithm: HashAlgorithm) -> CertID:
        """Name one of its certificates."""
        return CertID.of(self.issuer, serial_number, algorithm)


class Authorities:
    """Every authority of a responder, found by the hashes of its name and key."""

    def __init__(self, members: Iterable[Authority]) -> None:
        self.members = tuple(members)
        self._table: dict[tuple[str, bytes, bytes], Authority] = {}
        for authority in self.members:
            for algorithm in HashAlgorithm:
                key = _key(authority.cert_id(0, algorithm))
                other = self._table.setdefault(key, authority)
                if other is not authority:
                    raise ConfigError(
                        f"{authority.name} and {other.name} are the same CA",
                        key="authority",
                        remedy="keep one of them, with the sources and signers of both",
                    )

    def find(self, cert_id: CertID) -> Authority | None:
        """Return the authority whose name and key both are those of a CertID."""
        return self._table.get(_key(cert_id))


def _key(cert_id: CertID) -> tuple[str, bytes, bytes]:
    return cert_id.key[:3]
