"""The linter finds each defect that a forge can make, and lets through what is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from certstatus.asn1 import oids
from certstatus.ocsp import (
    ArchiveCutoff,
    ByName,
    CertID,
    Extensions,
    Good,
    Nonce,
    OCSPResponseStatus,
    ReasonCode,
    Revoked,
    Unknown,
    encode_error_response,
    parse_response,
)
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm
from certstatus.responder.lint import Series, Wanted, lint
from certstatus.responder.mould import serial_octets
from certstatus.signing import Profile, make_signers
from certstatus.stores import StoredResponse, StoreKey
from certstatus.testing import LIES, Forge, TinyCA, plain_algorithm
from certstatus.verify import Check
from tests.desk import DAY, HOUR, NOW, REVOKED, authority

SECOND: Final = timedelta(seconds=1)
CA_: Final = TinyCA("Lint CA")
RESPONDER: Final = CA_.issue_responder()
HONEST: Final = Forge.honest(CA_, 7, RESPONDER).but(produced_at=NOW)
DUAL: Final = HONEST.but(
    cert_ids=tuple(
        CertID.of(CA_.certificate, 7, one) for one in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    )
)
KEY: Final = plain_algorithm(RESPONDER.key)


def stored(forge: Forge, **beside: Any) -> StoredResponse:
    """Lay a response down with what was meant beside it, as whoever made it wrong believes."""
    first = HONEST.single(HONEST.cert_ids[0])
    assert first.next_update is not None
    fields: dict[str, Any] = {
        "der": forge.der,
        "meaning": bytes(32),
        "this_update": forge.this_update or first.this_update,
        "next_update": forge.next_update or first.next_update,
        "produced_at": forge.produced_at or NOW,
        "fresh_until": NOW + HOUR,
    }
    return StoredResponse(**fields | beside)


def wanted(
    forge: Forge, profile: Profile = Profile.RFC_6960, now: datetime = NOW, **policy: Any
) -> Wanted:
    signers = make_signers(RESPONDER.key, RESPONDER.certificate, issuer=CA_.certificate)
    (signer,) = [one for one in signers if one.algorithm.identifier == KEY]
    return Wanted(
        authority=authority(ca=CA_, by=signers, profile=profile, **policy),
        signer=signer,
        cert_ids=forge.cert_ids,
        cert_status=forge.cert_status,
        now=now,
    )


def rules(forge: Forge, as_wanted: Forge = HONEST, **more: Any) -> set[str]:
    """Name the rules that a response breaks."""
    return {check.rule for check in lint(stored(forge), wanted(as_wanted, **more))}


# --- what is right --------------------------------------------------------------------------


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(
    "forge",
    [HONEST, DUAL, HONEST.but(cert_status=REVOKED), HONEST.but(cert_status=Revoked(NOW - DAY))],
    ids=["good", "dual hash", "revoked", "revoked without reason"],
)
def test_what_is_right_passes(forge: Forge, profile: Profile) -> None:
    assert lint(stored(forge), wanted(forge, profile)) == ()


def test_an_odd_serial_number_is_the_cas_business() -> None:
    zero = HONEST.but(cert_ids=(CertID.of(CA_.certificate, 0),))

    assert lint(stored(zero), wanted(zero)) == ()


# --- every lie of the forge -----------------------------------------------------------------


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_is_stored(lie: str) -> None:
    rule, tell = LIES[lie]

    # There was no nonce to be wrong: in an answer for everyone any is.
    assert ("L3" if rule == "N3" else rule) in rules(tell(HONEST))


def test_no_flipped_bit_is_stored() -> None:
    der = HONEST.der
    for at in range(0, len(der), 7):
        spoiled = bytearray(der)
        spoiled[at] ^= 1
        assert lint(replace(stored(HONEST), der=bytes(spoiled)), wanted(HONEST)), at


# --- defects that clients would not mind, or not see --------------------------------------------


def _dual_that_differs() -> Forge:
    first, second = (HONEST.but(cert_ids=(one,)).single(one) for one in DUAL.cert_ids)
    return HONEST.but(
        cert_ids=DUAL.cert_ids[:1],
        more=(replace(second, this_update=first.this_update - SECOND),),
    )


@pytest.mark.parametrize(
    ("forge", "as_wanted", "rule"),
    [
        (HONEST.but(cert_status=REVOKED), HONEST, "O12"),
        (HONEST, HONEST.but(cert_status=REVOKED), "O12"),
        (HONEST.but(cert_status=Unknown()), HONEST, "O12"),
        (HONEST.but(more=(HONEST.single(CertID.of(CA_.certificate, 8)),)), HONEST, "L3"),
        (HONEST, DUAL, "L3"),
        (DUAL, HONEST, "L3"),
        (_dual_that_differs(), DUAL, "L3"),
        (
            HONEST.but(response_extensions=Extensions.of(ArchiveCutoff(NOW - DAY))),
            HONEST,
            "L3",
        ),
        (HONEST.but(response_extensions=Extensions.of(Nonce(bytes(32)))), HONEST, "L3"),
        (HONEST.but(certs=(RESPONDER.certificate.der,) * 2), HONEST, "O18"),
        (HONEST.but(signer=CA_.issue_responder()), HONEST, "O16"),
        (HONEST.but(this_update=NOW - HOUR, produced_at=NOW - 2 * HOUR), HONEST, "O19"),
        (HONEST.but(this_update=NOW + SECOND), HONEST, "O19"),
        (HONEST.but(produced_at=NOW + SECOND), HONEST, "O19"),
        (HONEST.but(next_update=NOW - SECOND), HONEST, "L10"),
        (HONEST.but(has_next_update=False), HONEST, "L7"),
        (
            HONEST.but(
                cert_ids=(
                    replace(
                        HONEST.cert_ids[0],
                        hash_algorithm=AlgorithmIdentifier(oids.ID_SHA256, b"\x04\x00"),
                    ),
                )
            ),
            HONEST,
            "L3",
        ),
    ],
)
def test_each_defect_is_found(forge: Forge, as_wanted: Forge, rule: str) -> None:
    assert rule in rules(forge, as_wanted)


@pytest.mark.parametrize(
    ("forge", "profile", "rule"),
    [
        (
            HONEST.but(responder_id=ByName(RESPONDER.certificate.subject)),
            Profile.RFC_9919,
            "L5",
        ),
        (HONEST.but(next_update=NOW + 7 * HOUR), Profile.CABF, "B2"),
        (HONEST.but(next_update=NOW + 10 * DAY), Profile.CABF, "B2"),
        (
            HONEST.but(cert_status=Revoked(NOW - DAY, CRLReason.CERTIFICATE_HOLD)),
            Profile.CABF,
            "B5",
        ),
        (
            HONEST.but(single_extensions=Extensions.of(ReasonCode(CRLReason.KEY_COMPROMISE))),
            Profile.CABF,
            "B5",
        ),
    ],
)
def test_each_profile_has_its_own_defects(forge: Forge, profile: Profile, rule: str) -> None:
    assert {check.rule for check in lint(stored(forge), wanted(forge, profile))} == {rule}
    assert lint(stored(forge), wanted(forge)) == ()


@pytest.mark.parametrize(
    "beside",
    [
        {"this_update": NOW},
        {"next_update": NOW + DAY},
        {"produced_at": NOW - SECOND},
        {"fresh_until": NOW - SECOND},
        {"fresh_until": NOW + 9 * DAY},
    ],
    ids=str,
)
def test_what_is_written_beside_an_answer_is_what_stands_in_it(beside: dict[str, Any]) -> None:
    found = lint(stored(HONEST, **beside), wanted(HONEST))

    assert {check.rule for check in found} == {"O19"}


@pytest.mark.parametrize(
    "der", [b"", b"\x30\x03", encode_error_response(OCSPResponseStatus.TRY_LATER)]
)
def test_what_is_no_answer_is_refused(der: bytes) -> None:
    assert lint(replace(stored(HONEST), der=der), wanted(HONEST))


def test_the_forge_is_honest() -> None:
    basic = parse_response(HONEST.der).basic
    assert basic is not None
    assert basic.tbs_response_data.responses[0].cert_status == Good()


# --- a series -------------------------------------------------------------------------------


def look(
    looking: Series, response: StoredResponse, serial_number: int, *, verify: bool = True
) -> tuple[Check, ...]:
    """Look at a response as an entry about a certificate."""
    key = StoreKey(bytes(16), bytes(16), serial_number)
    entry = response.encode(key)
    return looking.look(key.encode(), entry, serial_octets(serial_number), verify=verify)


def of_certificate(serial_number: int) -> Forge:
    return HONEST.but(cert_ids=(CertID.of(CA_.certificate, serial_number),))


def series() -> Series:
    """Look at answers of which the first few are honest, one of each length of a signature."""
    looking = Series(lambda serial_number: wanted(of_certificate(serial_number)))
    for serial_number in range(1, 40):
        assert look(looking, stored(of_certificate(serial_number)), serial_number) == ()
    return looking


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("lie", LIES)
def test_no_lie_is_stored_after_honest_answers(lie: str, verify: bool) -> None:
    _, tell = LIES[lie]
    response = stored(tell(HONEST))

    found = look(series(), response, 7, verify=verify)

    # A signature alone is not looked at unless it is to be verified.
    is_signature_alone = {one.rule for one in lint(response, wanted(HONEST))} == {"O21"}
    assert bool(found) == (verify or not is_signature_alone)


@pytest.mark.parametrize("verify", [True, False])
def test_no_flipped_bit_is_stored_after_honest_answers(verify: bool) -> None:
    looking, der = series(), HONEST.der
    basic = parse_response(der).basic
    assert basic is not None
    start = der.index(basic.signature)
    signature = range(start, start + len(basic.signature))
    for at in range(0, len(der), 3):
        spoiled = bytearray(der)
        spoiled[at] ^= 1
        found = look(looking, replace(stored(HONEST), der=bytes(spoiled)), 7, verify=verify)
        assert bool(found) == (verify or at not in signature), at


def test_an_answer_about_another_certificate_is_not_stored_after_honest_ones() -> None:
    found = look(series(), stored(of_certificate(8)), 9, verify=False)

    assert {check.rule for check in found} >= {"O15", "L3"}


def test_what_is_written_beside_counts_in_a_series_too() -> None:
    late = stored(of_certificate(8), fresh_until=NOW + 100 * DAY)

    assert {check.rule for check in look(series(), late, 8, verify=False)} == {"O19"}


def test_without_a_fit_answer_each_is_verified() -> None:
    """A key that is not the certificate's is found at once, however few are verified."""
    swapped = HONEST.but(signer=CA_.issue_responder(), certs=(RESPONDER.certificate.der,))
    looking = Series(lambda _: wanted(HONEST))

    for _ in range(3):
        assert look(looking, stored(swapped), 7, verify=False)
