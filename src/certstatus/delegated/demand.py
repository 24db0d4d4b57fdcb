"""What a CVRequest asks for, held against what is offered (RFC 5055 §3; S8, S12, S13).

Pure. Whatever can't be done ends the request with its own code: nothing is left out silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.delegated.refusal import Refusal
from certstatus.delegated.settings import SCVPSettings
from certstatus.ocsp import Extensions
from certstatus.pkix import GeneralName
from certstatus.scvp import (
    Check,
    CVRequest,
    CVStatusCode,
    PKCReference,
    Query,
    WantBack,
)

__all__ = ["CHECKS", "WANT_BACKS", "Demand", "is_same_name", "read_demand"]

T = TypeVar("T")

CHECKS: Final = (
    Check.BUILD_PKC_PATH,
    Check.BUILD_VALID_PKC_PATH,
    Check.BUILD_STATUS_CHECKED_PKC_PATH,
)
"""The checks that are offered, each of which asks for more than the one before."""

WANT_BACKS: Final = (
    WantBack.PKC_BEST_CERT_PATH,
    WantBack.PKC_REVOCATION_INFO,
    WantBack.PKC_PUBLIC_KEY_INFO,
    WantBack.PKC_CERT,
    WantBack.PKC_ALL_CERT_PATHS,
    WantBack.PKC_EE_REVOCATION_INFO,
    WantBack.PKC_CAS_REVOCATION_INFO,
    WantBack.RELAYED_RESPONSES,
)
"""The wantBacks that are offered: none of attribute certificates."""

_REVOCATION: Final = frozenset(
    {
        WantBack.PKC_REVOCATION_INFO,
        WantBack.PKC_EE_REVOCATION_INFO,
        WantBack.PKC_CAS_REVOCATION_INFO,
    }
)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is asked about each certificate; each check and wantBack once, in the order asked.

    ``at`` is the time to validate for, aware UTC; None: now. ``skips_items``: extensions were
    there that are not known, and need not be.
    """

    references: tuple[PKCReference, ...]
    checks: tuple[Check, ...]
    want_backs: tuple[WantBack, ...] = ()
    at: datetime | None = None
    skips_items: bool = False

    @property
    def hardest(self) -> Check:
        """The check that asks for most: the others follow from what it finds."""
        return max(self.checks, key=CHECKS.index)

    @property
    def all_paths(self) -> bool:
        """Whether every path is wanted, and not the best alone."""
        return WantBack.PKC_ALL_CERT_PATHS in self.want_backs

    @property
    def next_paths(self) -> bool:
        """Whether the query may be repeated for more paths (S17)."""
        return WantBack.PKC_BEST_CERT_PATH in self.want_backs and not self.all_paths

    @property
    def returns_path(self) -> bool:
        """Whether the certificates of the path go back."""
        return self.all_paths or WantBack.PKC_BEST_CERT_PATH in self.want_backs

    @property
    def revocation_info(self) -> bool:
        """Whether what tells the statuses goes back."""
        return not _REVOCATION.isdisjoint(self.want_backs)


def read_demand(
    request: CVRequest, own_names: Iterable[GeneralName], settings: SCVPSettings, now: datetime
) -> Demand:
    """Read what a request asks for; ``now`` is aware UTC.

    Raises:
        Refusal: it asks for what is not offered, or contradicts itself.
    """
    query = request.query
    _check_loop(request, tuple(own_names))
    _check_extensions(request)
    _check_flags(request, settings)
    checks, want_backs = _checks(query), _want_backs(query)
    if len(query.queried_certs) > settings.limits.certificates:
        raise Refusal(
            CVStatusCode.INVALID_REQUEST,
            f"asks about {len(query.queried_certs)} certificates,"
            f" more than {settings.limits.certificates}",
        )
    return Demand(
        references=tuple(one for one in query.queried_certs if isinstance(one, PKCReference)),
        checks=checks,
        want_backs=want_backs,
        at=_validation_time(query, settings, now),
        skips_items=bool(query.query_extensions.members or request.request_extensions.members),
    )


def _check_loop(request: CVRequest, own_names: tuple[GeneralName, ...]) -> None:
    """Refuse what came by here before (S20)."""
    for name in request.requestor_ref:
        if any(is_same_name(name, own) for own in own_names):
            raise Refusal(CVStatusCode.RELAYING_LOOP, f"requestorRef names this server: {name}")


def is_same_name(one: GeneralName, other: GeneralName) -> bool:
    """Compare: directory names by their rules, DNS names without regard to case."""
    if one.kind is not other.kind:
        return False
    if one.name is not None and other.name is not None:
        return one.name.matches(other.name)
    return one.contents.lower() == other.contents.lower()


def _check_extensions(request: CVRequest) -> None:
    """Refuse critical ones: none is known, and the others may be passed over (S8)."""
    for extensions, code in (
        (request.request_extensions, CVStatusCode.UNRECOGNIZED_CRIT_REQUEST_EXT),
        (request.query.query_extensions, CVStatusCode.UNRECOGNIZED_CRIT_QUERY_EXT),
    ):
        critical = _critical(extensions)
        if critical is not None:
            raise Refusal(code, f"the critical extension {critical} is not known")


def _critical(extensions: Extensions) -> str | None:
    found = (oids.name_of(one.oid) for one in extensions.members if one.critical)
    return next(found, None)


def _check_flags(request: CVRequest, settings: SCVPSettings) -> None:
    flags = request.query.response_flags
    if not flags.cached_response and request.request_nonce is None:
        raise Refusal(
            CVStatusCode.INVALID_REQUEST, "asks for a fresh reply, and has no requestNonce (S13)"
        )
    if flags.full_request_in_response and not settings.gives_full_requests:
        raise Refusal(
            CVStatusCode.FULL_REQUEST_IN_RESPONSE_UNSUPPORTED, "replies hold the request's hash"
        )
    if not flags.response_validation_pol_by_ref and not settings.gives_full_policies:
        raise Refusal(CVStatusCode.FULL_POL_RESPONSE_UNSUPPORTED, "replies name their policy")


def _checks(query: Query) -> tuple[Check, ...]:
    """Return the checks, all of them known and of public key certificates."""
    if query.asks_for_attribute_certs:
        raise Refusal(
            CVStatusCode.UNSUPPORTED_CHECKS, "attribute certificates are not checked here"
        )
    return _offered(query.checks, Check.from_oid, CHECKS, CVStatusCode.UNSUPPORTED_CHECKS)


def _want_backs(query: Query) -> tuple[WantBack, ...]:
    code = CVStatusCode.UNSUPPORTED_WANT_BACKS
    return _offered(query.want_back, WantBack.from_oid, WANT_BACKS, code)


def _offered(
    asked: Iterable[ObjectIdentifier],
    read: Callable[[ObjectIdentifier], T | None],
    offered: tuple[T, ...],
    code: CVStatusCode,
) -> tuple[T, ...]:
    """Return the members of what is asked for, each once. Raises Refusal for any other."""
    found: dict[T, None] = {}
    for oid in asked:
        member = read(oid)
        if member is None or member not in offered:
            raise Refusal(code, f"{oids.name_of(oid)} is not offered")
        found[member] = None
    return tuple(found)


def _validation_time(query: Query, settings: SCVPSettings, now: datetime) -> datetime | None:
    """Return the time to validate for; one that is now but for clocks is no wish (S12)."""
    asked = query.validation_time
    if asked is None or abs(now - asked) <= settings.clock_skew:
        return None
    if asked > now:
        raise Refusal(CVStatusCode.INVALID_REQUEST, "validationTime lies in the future (S12)")
    return asked
