"""Numbers and identifiers, against another implementation's list of them."""

from __future__ import annotations

from enum import Enum, IntEnum

import pytest
from cryptography.x509 import ObjectIdentifier
from pyasn1_alt_modules import rfc5055 as judge

from certstatus.asn1 import oids
from certstatus.scvp import (
    Check,
    CVStatusCode,
    ReplyStatus,
    ResponseTypes,
    RevocationInfoTypes,
    ValidationError,
    WantBack,
)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (CVStatusCode, judge.CVStatusCode),
        (ReplyStatus, judge.ReplyStatus),
        (ResponseTypes, judge.ResponseTypes),
    ],
)
def test_every_number_has_the_name_of_the_standard(ours: type[IntEnum], theirs: type) -> None:
    named = {member.label: int(member) for member in ours}  # type: ignore[attr-defined]

    assert named == dict(theirs.namedValues)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "prefixes"),
    [
        (Check, ("id_stc_",)),
        (WantBack, ("id_swb_",)),
        (ValidationError, ("id_bvae_", "id_nvae_")),
    ],
    ids=["checks", "wantBacks", "errors"],
)
def test_every_identifier_has_the_name_of_the_standard(
    kind: type[Enum], prefixes: tuple[str, ...]
) -> None:
    theirs = {
        name.replace("_", "-"): str(value)
        for name, value in vars(judge).items()
        if name.startswith(prefixes)
    }

    assert {one.label: one.oid.dotted_string for one in kind} == theirs  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (oids.ID_CT_SCVP_CERT_VAL_REQUEST, judge.id_ct_scvp_certValRequest),
        (oids.ID_CT_SCVP_CERT_VAL_RESPONSE, judge.id_ct_scvp_certValResponse),
        (oids.ID_CT_SCVP_VAL_POL_REQUEST, judge.id_ct_scvp_valPolRequest),
        (oids.ID_CT_SCVP_VAL_POL_RESPONSE, judge.id_ct_scvp_valPolResponse),
        (oids.ID_KP_SCVP_SERVER, judge.id_kp_scvpServer),
        (oids.ID_KP_SCVP_CLIENT, judge.id_kp_scvpClient),
        (oids.ID_SVP_DEFAULT_VAL_POLICY, judge.id_svp_defaultValPolicy),
        (oids.ID_SVP_NAME_VAL_ALG, judge.id_svp_nameValAlg),
        (oids.ID_SVP_BASIC_VAL_ALG, judge.id_svp_basicValAlg),
        (oids.ID_NVA_DN_COMP_ALG, judge.id_nva_dnCompAlg),
    ],
)
def test_an_identifier_is_the_one_of_the_standard(ours: ObjectIdentifier, theirs: object) -> None:
    assert ours.dotted_string == str(theirs)


def test_types_of_revocation_information_are_bits_from_the_highest_on() -> None:
    places = dict(judge.RevocationInfoTypes.namedValues)

    assert [
        places[name] for name in ("fullCRLs", "deltaCRLs", "indirectCRLs", "oCSPResponses")
    ] == [3 - (int(member).bit_length() - 1) for member in RevocationInfoTypes]


def test_a_member_is_found_by_number_or_identifier_or_is_none() -> None:
    assert CVStatusCode.from_number(27) is CVStatusCode.UNSUPPORTED_CHECKS
    assert CVStatusCode.from_number(2) is None
    assert WantBack.from_oid(WantBack.PKC_CERT.oid) is WantBack.PKC_CERT
    assert WantBack.from_oid(Check.BUILD_PKC_PATH.oid) is None


def test_checks_are_told_apart_by_what_they_ask_for() -> None:
    assert [one.name for one in Check if one.asks_for_revocation] == [
        "BUILD_STATUS_CHECKED_PKC_PATH",
        "BUILD_STATUS_CHECKED_AA_PATH",
        "STATUS_CHECK_AC_AND_BUILD_STATUS_CHECKED_AA_PATH",
    ]
    assert [one.name for one in Check if not one.is_of_attribute_certificates] == [
        "BUILD_PKC_PATH",
        "BUILD_VALID_PKC_PATH",
        "BUILD_STATUS_CHECKED_PKC_PATH",
    ]
