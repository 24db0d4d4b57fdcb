"""What several CRLs say together: deltas and partitions (RFC 5280 §5.2.4, §6.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from cryptography import x509

from certstatus.errors import MalformedError
from certstatus.pkix import CertificateList, CRLReason
from certstatus.sources.crl_listing import Listing, read_listing
from certstatus.sources.crl_scope import Issuance, Issues
from certstatus.sources.crl_set import CRLSet, Listed, NotListed, Undetermined
from certstatus.testing import TinyCA
from tests.books import DAY, HOLD, NOW, REMOVED, crl, scope

LOST, FINE = 0x9B, 0x9A
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA()


def listing(ca: TinyCA, der: bytes, *signers: TinyCA) -> Listing:
    everyone = [ca.certificate, *(one.certificate for one in signers)]
    return read_listing(CertificateList.from_der(der), everyone, now=NOW)


def together(ca: TinyCA, *ders: bytes, issuance: Issuance | None = None) -> CRLSet:
    return CRLSet([listing(ca, der) for der in ders], issuance or Issuance())


def reason_of(crls: CRLSet, serial_number: int = LOST) -> CRLReason | str | None:
    """Return why a serial is revoked, or "good", or "undetermined"."""
    verdict = crls.say(serial_number, NOW)
    if isinstance(verdict, Listed):
        return verdict.entry.reason
    return "good" if isinstance(verdict, NotListed) else "undetermined"


def because(
    serial_number: int, flag: x509.ReasonFlags
) -> tuple[int, list[tuple[x509.ExtensionType, bool]]]:
    return serial_number, [(x509.CRLReason(flag), False)]


# --- C2: when a delta combines ------------------------------------------------------------------


@pytest.mark.rule("C2", "C9")
def test_number_and_times_are_the_deltas(ca: TinyCA) -> None:
    base = crl(ca, number=5, this_update=NOW - DAY, next_update=NOW + 7 * DAY)
    delta = crl(ca, LOST, number=8, delta_of=5, this_update=NOW - HOUR, next_update=NOW + HOUR)
    (view,) = together(ca, base, delta).views

    assert (view.newest.crl_number, view.newest.this_update) == (8, NOW - HOUR)
    assert view.newest.next_update == NOW + HOUR


@pytest.mark.rule("C2")
@pytest.mark.parametrize(
    ("full", "base", "delta", "combines"),
    [
        (5, 5, 6, True),  # the delta's own base
        (6, 5, 8, True),  # a full CRL between base and delta
        (4, 5, 6, False),  # the full CRL is older than the base
        (6, 5, 6, False),  # the full CRL is as new as the delta
        (7, 5, 6, False),  # and newer
        (None, 5, 6, False),  # and has no number
    ],
)
def test_the_full_crls_number_lies_from_the_base_up_to_the_deltas_own(
    ca: TinyCA, full: int | None, base: int, delta: int, *, combines: bool
) -> None:
    """§5.2.4 c and d."""
    crls = together(ca, crl(ca, number=full), crl(ca, LOST, number=delta, delta_of=base))

    assert reason_of(crls) == (None if combines else "good")


POINT = scope(full_name="http://ca.example/1.crl")
USERS = scope(only_contains_user_certs=True)
CAS = scope(only_contains_ca_certs=True)


@pytest.mark.rule("C2")
@pytest.mark.parametrize(
    ("of_full", "of_delta", "problem"),
    [
        ([POINT], [], "issuingDistributionPoint"),
        ([], [POINT], "issuingDistributionPoint"),
        ([POINT], [USERS], "issuingDistributionPoint"),
        ([], ["AKI"], "authorityKeyIdentifier"),
        (["AKI"], [], "authorityKeyIdentifier"),
        ([POINT, "AKI"], [POINT, "AKI"], None),
    ],
)
def test_a_delta_of_another_scope_or_key_identifier_does_not_combine(
    ca: TinyCA,
    of_full: Sequence[tuple[x509.ExtensionType, bool] | str],
    of_delta: Sequence[tuple[x509.ExtensionType, bool] | str],
    problem: str | None,
) -> None:
    """§5.2.4 a and b, §6.3.3 c."""

    def extensions(
        named: Sequence[tuple[x509.ExtensionType, bool] | str],
    ) -> list[tuple[x509.ExtensionType, bool]]:
        return [(ca.key_identifier, False) if isinstance(one, str) else one for one in named]

    crls = together(
        ca,
        crl(ca, number=5, extensions=extensions(of_full)),
        crl(ca, LOST, number=6, delta_of=5, extensions=extensions(of_delta)),
    )

    assert isinstance(crls.say(LOST, NOW), Listed) == (problem is None)
    assert [problem in text for text in crls.idle_deltas() if problem] == [True] * bool(problem)


@pytest.mark.rule("C2")
def test_a_delta_of_another_key_does_not_combine(ca: TinyCA) -> None:
    renewed = TinyCA()
    lists = [
        listing(ca, crl(ca, number=5), renewed),
        listing(ca, crl(renewed, LOST, number=6, delta_of=5), renewed),
    ]
    crls = CRLSet(lists, Issuance())

    assert reason_of(crls) == "good"
    assert "signed with another key" in crls.idle_deltas()[0]


@pytest.mark.rule("C2")
@pytest.mark.parametrize(("number", "base"), [(None, 5), (5, 5), (4, 5)])
def test_a_delta_is_refused_whose_numbers_make_no_sense(
    ca: TinyCA, number: int | None, base: int
) -> None:
    with pytest.raises(MalformedError, match="delta CRL") as caught:
        listing(ca, crl(ca, number=number, delta_of=base))
    assert caught.value.rule == "C2"


@pytest.mark.rule("C2")
def test_a_delta_that_a_full_crl_overtook_is_no_problem(ca: TinyCA) -> None:
    crls = together(ca, crl(ca, number=9), crl(ca, LOST, number=8, delta_of=5))

    assert crls.idle_deltas() == []
    assert reason_of(crls) == "good"


@pytest.mark.rule("C2")
def test_deltas_may_stand_upon_each_other(ca: TinyCA) -> None:
    """§5.2.4: a complete CRL may itself be the result of an earlier combination."""
    ders = (
        crl(ca, LOST, number=5),
        crl(ca, FINE, number=7, delta_of=5),
        crl(ca, (LOST, [REMOVED]), number=9, delta_of=7),
    )
    for order in permutations(ders):
        crls = together(ca, *order)
        assert (reason_of(crls, LOST), reason_of(crls, FINE)) == ("good", None)
        assert crls.views[0].newest.crl_number == 9


@pytest.mark.rule("C2")
def test_a_delta_of_an_earlier_base_makes_those_between_needless(ca: TinyCA) -> None:
    ders = [crl(ca, number=5), *(crl(ca, number=number, delta_of=5) for number in (6, 7, 8))]
    (view,) = together(ca, *ders).views

    assert [one.crl_number for one in view.deltas] == [8]


@pytest.mark.rule("C2", "C9")
def test_past_the_deltas_next_update_nothing_is_determined(ca: TinyCA) -> None:
    """What the delta revoked must not come back as good with the full CRL alone."""
    base = crl(ca, number=5, next_update=NOW + 7 * DAY)
    crls = together(ca, base, crl(ca, LOST, number=6, delta_of=5, next_update=NOW + HOUR))

    for serial_number in (LOST, FINE):
        verdict = crls.say(serial_number, NOW + HOUR)
        assert isinstance(verdict, Undetermined)
        assert verdict.is_expiry


@pytest.mark.rule("C2")
def test_a_current_delta_carries_on_a_full_crl_past_its_next_update(ca: TinyCA) -> None:
    """§6.3.3 a: an outdated CRL is updated by a complete or by a delta CRL."""
    base = crl(ca, LOST, number=5, this_update=NOW - 2 * DAY, next_update=NOW - HOUR)

    assert reason_of(together(ca, base)) == "undetermined"
    assert reason_of(together(ca, base, crl(ca, number=6, delta_of=5))) is None


# --- C3: hold and release -------------------------------------------------------------------------


@pytest.mark.rule("C3")
@pytest.mark.parametrize("is_delta_first", [True, False])
@pytest.mark.parametrize(
    ("in_full", "in_delta", "said"),
    [
        ((LOST, [HOLD]), (LOST, [REMOVED]), "good"),
        ((LOST, []), (LOST, [REMOVED]), "good"),  # the base is not consulted
        ((FINE, []), (LOST, [REMOVED]), "good"),
        ((FINE, []), (LOST, [HOLD]), CRLReason.CERTIFICATE_HOLD),
        ((LOST, [HOLD]), (FINE, []), CRLReason.CERTIFICATE_HOLD),
        (
            (LOST, [HOLD]),
            because(LOST, x509.ReasonFlags.key_compromise),
            CRLReason.KEY_COMPROMISE,
        ),
        (
            because(LOST, x509.ReasonFlags.key_compromise),
            (LOST, [HOLD]),
            CRLReason.CERTIFICATE_HOLD,
        ),
    ],
)
def test_the_delta_is_searched_first(
    ca: TinyCA,
    in_full: tuple[int, list[tuple[x509.ExtensionType, bool]]],
    in_delta: tuple[int, list[tuple[x509.ExtensionType, bool]]],
    said: object,
    *,
    is_delta_first: bool,
) -> None:
    ders = [crl(ca, in_full, number=5), crl(ca, in_delta, number=6, delta_of=5)]

    assert reason_of(together(ca, *(reversed(ders) if is_delta_first else ders))) == said


@pytest.mark.rule("C3")
def test_a_certificate_is_held_released_and_held_again(ca: TinyCA) -> None:
    ders = [
        crl(ca, number=1),
        crl(ca, (LOST, [HOLD]), number=2, delta_of=1),
        crl(ca, (LOST, [REMOVED]), number=3, delta_of=1),
        crl(ca, (LOST, [HOLD]), number=4, delta_of=1),
        crl(ca, number=5),
    ]
    said = [reason_of(together(ca, *ders[: end + 1])) for end in range(len(ders))]

    hold = CRLReason.CERTIFICATE_HOLD
    assert said == ["good", hold, "good", hold, "good"]


@pytest.mark.rule("C3")
def test_remove_from_crl_stands_in_deltas_alone(ca: TinyCA) -> None:
    with pytest.raises(MalformedError, match="removeFromCRL") as caught:
        listing(ca, crl(ca, (LOST, [REMOVED])))
    assert caught.value.rule == "C3"


@pytest.mark.rule("C3")
def test_of_a_removal_and_a_revocation_in_one_delta_the_revocation_stands(ca: TinyCA) -> None:
    for entries in permutations([(LOST, [REMOVED]), (LOST, [HOLD])]):
        crls = together(ca, crl(ca, number=1), crl(ca, *entries, number=2, delta_of=1))
        assert reason_of(crls) is CRLReason.CERTIFICATE_HOLD


@pytest.mark.rule("C3", "C5")
def test_what_one_scope_releases_another_may_still_revoke(ca: TinyCA) -> None:
    crls = together(
        ca,
        crl(ca, (LOST, [HOLD]), number=1, extensions=[USERS]),
        crl(ca, (LOST, [REMOVED]), number=2, delta_of=1, extensions=[USERS]),
        crl(ca, because(LOST, x509.ReasonFlags.superseded), number=1),
    )

    assert reason_of(crls) is CRLReason.SUPERSEDED


# --- C4, C5: partitions -----------------------------------------------------------------------------

KEYS = [x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise]
REST = [
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
    x509.ReasonFlags.certificate_hold,
    x509.ReasonFlags.privilege_withdrawn,
    x509.ReasonFlags.aa_compromise,
]


@pytest.mark.rule("C5")
def test_unlisted_is_good_only_once_all_reasons_are_covered(ca: TinyCA) -> None:
    keys = crl(ca, LOST, extensions=[scope(some=KEYS)])
    rest = crl(ca, extensions=[scope(some=REST)])

    for alone in (keys, rest):
        assert reason_of(together(ca, alone), FINE) == "undetermined"
    assert reason_of(together(ca, keys, rest), FINE) == "good"
    assert reason_of(together(ca, keys, rest), LOST) is None


@pytest.mark.rule("C5")
@pytest.mark.parametrize("missing", REST)
def test_one_reason_left_out_is_named(ca: TinyCA, missing: x509.ReasonFlags) -> None:
    some = [one for one in (*KEYS, *REST) if one is not missing]
    verdict = together(ca, crl(ca, extensions=[scope(some=some)])).say(FINE, NOW)

    assert isinstance(verdict, Undetermined)
    assert verdict.rule == "C5"
    assert verdict.reason.endswith(f"and not {missing.value}")


@pytest.mark.rule("C5", "C9")
def test_a_partition_that_expired_leaves_its_reasons_out(ca: TinyCA) -> None:
    keys = crl(ca, LOST, extensions=[scope(some=KEYS)], next_update=NOW + 2 * DAY)
    rest = crl(ca, extensions=[scope(some=REST)], next_update=NOW + HOUR)
    crls = together(ca, keys, rest)
    unlisted, lost = (crls.say(serial, NOW + HOUR) for serial in (FINE, LOST))

    assert isinstance(unlisted, Undetermined)
    assert unlisted.is_expiry
    assert isinstance(lost, Listed)


@pytest.mark.rule("C4", "C5")
@pytest.mark.parametrize(
    ("limits", "issues", "said"),
    [
        ([USERS], Issues.ANY, "undetermined"),
        ([CAS], Issues.ANY, "undetermined"),
        ([USERS, CAS], Issues.ANY, "good"),
        ([USERS], Issues.USER_CERTIFICATES, "good"),
        ([CAS], Issues.USER_CERTIFICATES, "undetermined"),
        ([CAS], Issues.CA_CERTIFICATES, "good"),
    ],
)
def test_users_and_cas_have_their_own_crls(
    ca: TinyCA, limits: list[tuple[x509.ExtensionType, bool]], issues: Issues, said: str
) -> None:
    """§5.2.5: a CRL of CA certificates says nothing of a user's."""
    crls = together(
        ca, *(crl(ca, extensions=[one]) for one in limits), issuance=Issuance(issues=issues)
    )

    assert reason_of(crls, FINE) == said


@pytest.mark.rule("C4")
def test_a_crl_of_attribute_certificates_is_refused(ca: TinyCA) -> None:
    with pytest.raises(MalformedError, match="attribute certificates alone") as caught:
        listing(ca, crl(ca, extensions=[scope(only_contains_attribute_certs=True)]))
    assert caught.value.rule == "C4"


@pytest.mark.rule("C4", "C5")
def test_every_partition_must_be_at_hand(ca: TinyCA) -> None:
    urls = [f"http://ca.example/{number}.crl" for number in range(3)]
    shards = [crl(ca, 0x100 + at, extensions=[scope(full_name=url)]) for at, url in enumerate(urls)]
    issuance = Issuance(partitions=frozenset(urls))

    some = together(ca, *shards[:2], issuance=issuance)
    assert some.say(FINE, NOW) == Undetermined(
        f"the CRLs cover other partitions only than {urls[2]}", "C5"
    )
    assert reason_of(some, 0x101) is None
    assert reason_of(together(ca, *shards, issuance=issuance), FINE) == "good"
    assert reason_of(together(ca, *shards), FINE) == "undetermined"


@pytest.mark.rule("C5")
def test_of_two_crls_that_list_a_serial_the_strictest_entry_stands(ca: TinyCA) -> None:
    held = crl(ca, (LOST, [HOLD]), extensions=[scope(some=REST)])
    lost = crl(ca, because(LOST, x509.ReasonFlags.key_compromise), extensions=[scope(some=KEYS)])

    for order in permutations([held, lost]):
        assert reason_of(together(ca, *order)) is CRLReason.KEY_COMPROMISE


# --- C1: what replaces what ---------------------------------------------------------------------------


@pytest.mark.rule("C1")
def test_of_one_scope_the_newest_full_crl_counts(ca: TinyCA) -> None:
    ders = [crl(ca, LOST, number=4), crl(ca, number=5), crl(ca, LOST, number=3)]

    for order in permutations(ders):
        assert reason_of(together(ca, *order)) == "good"
