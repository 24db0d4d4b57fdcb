"""ValidationPolicy: every field both ways, and the difference between none and absent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certstatus.asn1 import Departure, oids
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BUNDLE_CERTS, MAX_SCVP_OIDS
from certstatus.pkix import GeneralName
from certstatus.scvp import (
    DEFAULT_POLICY,
    NameValidationAlgParms,
    PKCReference,
    ValidationAlg,
    ValidationPolicy,
    ValidationPolRef,
)
from certstatus.scvp.policy import encode_validation_policy, read_validation_policy
from tests import der as hand
from tests import scvp_messages as of

REFERENCE = of.POLICY_MEMBERS[0]


def read(der: bytes) -> tuple[ValidationPolicy, list[Departure]]:
    departures: list[Departure] = []
    return read_validation_policy(der, "policy", departures), departures


def test_a_policy_is_the_octets_of_the_standard_both_ways() -> None:
    der = hand.sequence(*of.POLICY_MEMBERS)

    assert encode_validation_policy(of.POLICY) == der
    assert read(der) == (of.POLICY, [])


def test_the_default_policy_names_itself_and_nothing_else() -> None:
    assert encode_validation_policy(DEFAULT_POLICY) == hand.sequence(
        hand.sequence(hand.oid(f"{of.SVP}.1"))
    )
    assert DEFAULT_POLICY.is_by_reference


def test_no_usage_asked_for_is_not_the_same_as_nothing_said_of_usages() -> None:
    """An empty list overrides what the policy asks for (S9)."""
    empty = hand.sequence(REFERENCE, *(hand.explicit(number) for number in (6, 7, 8)))
    found, departures = read(empty)

    assert (found.key_usages, found.extended_key_usages, found.specified_key_usages) == ((), (), ())
    assert departures == []
    assert encode_validation_policy(found) == empty
    assert read(hand.sequence(REFERENCE))[0].key_usages is None


@pytest.mark.parametrize(
    ("bits", "flags"),
    [
        (hand.bit_string(b"\x80\0", 7), 0x8000),
        (hand.bit_string(b"\x80", 0), 0x8000),
        (hand.bit_string(b"\0", 0), 0),
    ],
)
def test_zero_bits_at_the_end_of_a_key_usage_are_read_and_noted(bits: bytes, flags: int) -> None:
    found, departures = read(hand.sequence(REFERENCE, hand.explicit(6, bits)))

    assert found.key_usages == (flags,)
    assert [departure.where for departure in departures] == ["policy.keyUsages"]


@pytest.mark.parametrize("flags", [0x8000, 0x0080, 0x0180, 0xFF80, 0x0001, 0])
def test_a_key_usage_is_written_without_zero_bits_at_its_end(flags: int) -> None:
    policy = ValidationPolicy(key_usages=(flags,))

    assert read(encode_validation_policy(policy)) == (policy, [])


@pytest.mark.parametrize(
    "members",
    [
        pytest.param((hand.explicit(1),), id="userPolicySet empty"),
        pytest.param((hand.explicit(5),), id="trustAnchors empty"),
        pytest.param((hand.explicit(5, b"\xa2\0"),), id="an attribute certificate as anchor"),
        pytest.param((hand.explicit(6, hand.bit_string(bytes(3))),), id="KeyUsage of 24 bits"),
        pytest.param((hand.explicit(6, hand.octet_string(b"\x80")),), id="KeyUsage no BIT STRING"),
        pytest.param((hand.tlv(0x82, b"\x01"),), id="TRUE as 01"),
        pytest.param((hand.explicit(2, hand.TRUE),), id="a BOOLEAN under an explicit tag"),
        pytest.param((hand.tlv(0x83, b"\0"), hand.tlv(0x82, b"\0")), id="out of order"),
        pytest.param((hand.explicit(0),), id="validationAlg without an identifier"),
        pytest.param((hand.sequence(hand.oid("1.2.3")),), id="validationAlg without a tag"),
        pytest.param((hand.explicit(7, hand.NULL),), id="a purpose that is none"),
    ],
)
def test_a_policy_that_breaks_its_grammar_is_malformed(members: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedError):
        read(hand.sequence(REFERENCE, *members))


@pytest.mark.parametrize(
    ("tag", "member", "most"),
    [
        (1, hand.oid("1.2.3"), MAX_SCVP_OIDS),
        (5, b"\xa0\0", MAX_BUNDLE_CERTS),
        (6, hand.bit_string(b""), MAX_SCVP_OIDS),
        (7, hand.oid("1.2.3"), MAX_SCVP_OIDS),
        (8, hand.oid("1.2.3"), MAX_SCVP_OIDS),
    ],
)
def test_a_list_past_its_limit_is_malformed(tag: int, member: bytes, most: int) -> None:
    read(hand.sequence(REFERENCE, hand.explicit(tag, *[member] * most)))
    with pytest.raises(MalformedError, match=f"more than {most}"):
        read(hand.sequence(REFERENCE, hand.explicit(tag, *[member] * (most + 1))))


def test_a_list_past_its_limit_is_not_written_either() -> None:
    many = (oids.ID_KP_SERVER_AUTH,) * (MAX_SCVP_OIDS + 1)
    anchors = (PKCReference(cert=b"\x30\0"),) * (MAX_BUNDLE_CERTS + 1)

    for policy in (
        ValidationPolicy(user_policy_set=many),
        ValidationPolicy(specified_key_usages=many),
        ValidationPolicy(extended_key_usages=many),
        ValidationPolicy(key_usages=(0,) * (MAX_SCVP_OIDS + 1)),
        ValidationPolicy(trust_anchors=anchors),
    ):
        with pytest.raises(MalformedError, match="more than"):
            encode_validation_policy(policy)


# --- the parameters of algorithms -------------------------------------------------------------


def test_the_parameters_of_name_validation_are_read_when_asked_for() -> None:
    algorithm = of.POLICY.validation_alg

    assert algorithm is not None
    assert algorithm.name_parameters() == NameValidationAlgParms(
        oids.ID_KP_SERVER_AUTH, (GeneralName.dns_name("leaf.example"),)
    )
    assert ValidationAlg().name_parameters() is None


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        hand.NULL,
        hand.sequence(hand.oid("1.2.3")),
        hand.sequence(hand.oid("1.2.3"), hand.sequence()),
        hand.sequence(hand.oid("1.2.3"), hand.sequence(hand.NULL)),
    ],
    ids=["absent", "NULL", "no names", "names empty", "a name that is none"],
)
def test_broken_parameters_of_name_validation_spoil_no_policy(parameters: bytes | None) -> None:
    """What they are answered with is the server's to say."""
    broken = ValidationAlg(oids.ID_SVP_NAME_VAL_ALG, parameters)
    policy = replace(DEFAULT_POLICY, validation_alg=broken)

    assert read(encode_validation_policy(policy)) == (policy, [])
    with pytest.raises(MalformedError, match="ValidationAlg"):
        broken.name_parameters()


def test_name_validation_without_a_name_is_not_written() -> None:
    with pytest.raises(MalformedError, match="empty"):
        ValidationAlg.by_names(NameValidationAlgParms(oids.ID_NVA_DN_COMP_ALG, ()))


@pytest.mark.parametrize("flags", [-1, 0x10000])
def test_a_key_usage_of_more_bits_than_there_are_is_not_written(flags: int) -> None:
    with pytest.raises(MalformedError, match="16 bits"):
        encode_validation_policy(ValidationPolicy(key_usages=(flags,)))


def test_parameters_that_are_no_der_are_not_written() -> None:
    reference = ValidationPolRef(oids.ID_SVP_DEFAULT_VAL_POLICY, b"\x30\x05")

    with pytest.raises(MalformedError, match="valPolParams"):
        encode_validation_policy(ValidationPolicy(validation_pol_ref=reference))
