from __future__ import annotations

import pytest

from certstatus.errors import MalformedError
from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.ocsp import OCSPResponseStatus, Revoked, Unknown, parse_response
from certstatus.pkix import CRLReason
from certstatus.testing import LIES, Forge, TinyCA
from certstatus.tls import fault_lies as lies

CA = TinyCA()


@pytest.fixture
def forge() -> Forge:
    return Forge.honest(CA, 7)


def statuses(der: bytes) -> list[object]:
    basic = parse_response(der).basic
    assert basic is not None
    return [one.cert_status for one in basic.tbs_response_data.responses]


def test_the_truth_is_the_forge_s_own(forge: Forge) -> None:
    assert parse_response(lies.honest(forge)).basic is not None


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_told_by_its_name(name: str, forge: Forge) -> None:
    fixed = forge.but(sign=lambda _: b"signature")
    tell = LIES[name][1]
    if name in {"signature of other bytes", "SHA-1 signature"} or "delegate" in name:
        assert lies.lie(name)(forge) != forge.der
    elif name not in {"leaf without the purpose", "any purpose only", "another issuer"}:
        assert lies.lie(name)(fixed) == tell(fixed).der


def test_unwelcome_answers_are_well_formed(forge: Forge) -> None:
    (gone,) = statuses(lies.revoked(forge))
    (unknown,) = statuses(lies.unknown(forge))
    (never,) = statuses(lies.unissued(forge))
    good, revoked = statuses(lies.said_twice(forge))

    assert isinstance(gone, Revoked)
    assert gone.reason is CRLReason.KEY_COMPROMISE
    assert unknown == Unknown()
    assert isinstance(never, Revoked)
    assert never.reason is CRLReason.CERTIFICATE_HOLD
    assert good != revoked


@pytest.mark.rule("O10")
def test_an_error_status_is_five_octets(forge: Forge) -> None:
    der = lies.error_status(OCSPResponseStatus.INTERNAL_ERROR)(forge)

    assert der.hex() == "30030a0102"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lies.nothing, "cut short"),
        (lies.cut_short, "cut short"),
        (lies.one_more_byte, "bytes after its end"),
        (lies.broken_tag, "not an ENUMERATED"),
        (lies.oversized, "larger than"),
    ],
)
def test_what_is_no_answer_is_so_for_its_own_reason(
    spoil: lies.Tell, reason: str, forge: Forge
) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_response(spoil(forge))


def test_oversize_is_just_past_what_we_read(forge: Forge) -> None:
    assert len(lies.oversized(forge)) == MAX_RESPONSE_BYTES + 1
