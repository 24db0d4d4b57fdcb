"""CVRequest: every field both ways, octet for octet, and each trap of its tags."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.x509 import ObjectIdentifier
from pyasn1.codec.der.decoder import decode as judge_decode
from pyasn1_alt_modules import rfc5055 as judge

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_EXTENSIONS
from certstatus.limits_scvp import (
    MAX_BUNDLE_CERTS,
    MAX_CV_REQUEST_BYTES,
    MAX_QUERIED_CERTS,
    MAX_REQUESTOR_TEXT,
    MAX_REVOCATION_INFOS,
    MAX_SCVP_NAMES,
    MAX_SCVP_OIDS,
)
from certstatus.ocsp import Extension, Extensions
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.scvp import (
    ACReference,
    CVRequest,
    PKCReference,
    ResponseFlags,
    cv_request_version,
    encode_cv_request,
    parse_cv_request,
    request_hash,
)
from tests import der as hand
from tests import scvp_messages as of

VERSION_1 = hand.integer(1)
ALL_DEFAULTS = hand.sequence(
    hand.tlv(0x80, b"\0"), hand.tlv(0x81, b"\xff"), hand.tlv(0x82, b"\xff"), hand.tlv(0x83, b"\xff")
)


def with_query(*members: bytes) -> bytes:
    return hand.sequence(hand.sequence(*members))


def with_query_member(position: int, *members: bytes) -> bytes:
    """Write the full request with others in the place of one member of its Query."""
    query = [*of.QUERY_MEMBERS[:position], *members, *of.QUERY_MEMBERS[position + 1 :]]
    return hand.sequence(hand.sequence(*query), *of.CV_REQUEST_MEMBERS[1:])


def with_references(*references: bytes, tag: int = 0xA0) -> bytes:
    return with_query(hand.tlv(tag, *references), *of.MINIMAL_QUERY_MEMBERS[1:])


# --- every field ----------------------------------------------------------------------------


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    ("request_", "octets"),
    [
        (of.CV_REQUEST, of.CV_REQUEST_OCTETS),
        (of.MINIMAL_REQUEST, of.MINIMAL_REQUEST_OCTETS),
    ],
    ids=["every optional item", "the minimum"],
)
def test_a_request_is_the_octets_of_the_standard_both_ways(
    request_: CVRequest, octets: bytes
) -> None:
    assert encode_cv_request(request_) == octets
    assert parse_cv_request(octets) == request_
    assert parse_cv_request(octets).departures == ()
    assert parse_cv_request(octets).der == octets


@pytest.mark.rule("S6")
def test_every_optional_item_may_stand_alone() -> None:
    """Each of the eight items of a request, and of the eight of a Query, without the others."""
    query, request = of.QUERY_MEMBERS, of.CV_REQUEST_MEMBERS
    mandatory = (query[0], query[1], query[3])
    for position in (2, *range(4, len(query))):
        members = list(mandatory)
        members.insert(2 if position == 2 else 3, query[position])
        parse_cv_request(with_query(*members))
    for member in request[1:]:
        parse_cv_request(hand.sequence(hand.sequence(*mandatory), member))


def test_another_reader_reads_the_same() -> None:
    found, rest = judge_decode(of.CV_REQUEST_OCTETS, asn1Spec=judge.CVRequest())
    query = found["query"]
    policy = query["validationPolicy"]

    assert rest == b""
    assert found["cvRequestVersion"] == 1
    assert bytes(found["requestNonce"]) == b"nonce"
    assert str(found["responderName"]["dNSName"]) == "scvp.example"
    assert found["requestorName"].getName() == "directoryName"
    assert [name.getName() for name in found["requestorRef"]] == ["dNSName", "directoryName"]
    assert str(found["requestorText"]) == "für die Akten"
    assert [str(oid) for oid in query["checks"]] == [f"{of.STC}.3", "1.2.3.5"]
    assert [str(oid) for oid in query["wantBack"]] == [f"{of.SWB}.1", f"{of.SWB}.10"]
    assert [one.getName() for one in query["queriedCerts"]["pkcRefs"]] == ["cert", "pkcRef"]
    assert [one.getName() for one in query["revInfos"]] == ["crl", "delta-crl", "ocsp", "other"]
    assert bool(query["responseFlags"]["fullRequestInResponse"])
    assert not query["responseFlags"]["protectResponse"]
    assert query["responseFlags"]["cachedResponse"]
    assert [list(bits) for bits in policy["keyUsages"]] == [[1], [0, 0, 0, 0, 0, 0, 0, 1, 1], []]
    assert bool(policy["inhibitPolicyMapping"])
    assert not policy["requireExplicitPolicy"]
    assert len(policy["extendedKeyUsages"]) == 1
    assert policy["specifiedKeyUsages"].isValue
    assert len(policy["specifiedKeyUsages"]) == 0


@pytest.mark.rule("S6")
def test_a_thousand_certificates_in_one_request() -> None:
    many = tuple(PKCReference.by_value(of.LEAF) for _ in range(MAX_QUERIED_CERTS))
    request = replace(
        of.MINIMAL_REQUEST, query=replace(of.MINIMAL_REQUEST.query, queried_certs=many)
    )

    assert MAX_QUERIED_CERTS == 1_000
    assert parse_cv_request(encode_cv_request(request)) == request


# --- defaults and hashes ----------------------------------------------------------------------


@pytest.mark.rule("S5")
def test_a_request_that_writes_every_default_out_is_read_and_says_so() -> None:
    """As the clients of one large deployment do, whose profile asks for them."""
    sha_1 = hand.sequence(hand.oid("1.3.14.3.2.26"))
    reference = hand.explicit(
        1,
        hand.octet_string(bytes(20)),
        hand.sequence(hand.sequence(of.ISSUER_OCTETS), hand.integer(5)),
        sha_1,
    )
    extension = hand.extension("1.2.3.4", b"", hand.FALSE)
    query = hand.sequence(
        hand.explicit(0, reference),
        *of.MINIMAL_QUERY_MEMBERS[1:],
        ALL_DEFAULTS,
        hand.explicit(7, extension),
    )
    found = parse_cv_request(hand.sequence(VERSION_1, query))

    assert found.query.response_flags == ResponseFlags()
    assert [departure.where for departure in found.departures] == [
        "CVRequest.cvRequestVersion",
        "Query.queriedCerts.pkcRef.hashAlgorithm",
        "Query.responseFlags.fullRequestInResponse",
        "Query.responseFlags.responseValidationPolByRef",
        "Query.responseFlags.protectResponse",
        "Query.responseFlags.cachedResponse",
        "Query.responseFlags",
        "queryExtensions.1.2.3.4",
    ]
    # What we write of it has none, but for the reference: a reply echoes its octets.
    ours = parse_cv_request(encode_cv_request(found))
    assert ours == found
    assert [departure.where for departure in ours.departures] == [
        "Query.queriedCerts.pkcRef.hashAlgorithm"
    ]


@pytest.mark.rule("S5")
def test_a_request_is_hashed_as_its_octets_were_received() -> None:
    received = hand.sequence(VERSION_1, hand.sequence(*of.MINIMAL_QUERY_MEMBERS, ALL_DEFAULTS))
    request = parse_cv_request(received)
    found = request_hash(request.der)

    assert found.value == HashAlgorithm.SHA256.digest(received)
    assert found.matches(received) is True
    assert found.matches(encode_cv_request(request)) is False
    assert request_hash(received, HashAlgorithm.SHA1).value == HashAlgorithm.SHA1.digest(received)


@pytest.mark.rule("S5")
def test_flags_at_their_defaults_are_left_out_all_together_or_one_by_one() -> None:
    query = replace(of.MINIMAL_REQUEST.query, response_flags=ResponseFlags(cached_response=False))
    flags = hand.sequence(hand.tlv(0x83, b"\0"))

    assert encode_cv_request(CVRequest(query=query)) == with_query(*of.MINIMAL_QUERY_MEMBERS, flags)


# --- versions ---------------------------------------------------------------------------------


def test_the_version_is_read_before_all_else() -> None:
    """What stands in a request of a later version is not ours to know."""
    unknown = hand.sequence(hand.integer(2), hand.octet_string(b"of another kind"))

    assert cv_request_version(unknown) == 2
    assert cv_request_version(of.MINIMAL_REQUEST_OCTETS) == 1
    with pytest.raises(MalformedError, match="2 is not 1") as caught:
        parse_cv_request(unknown)
    assert caught.value.where == "CVRequest.cvRequestVersion"
    assert caught.value.rule == "S19"


@pytest.mark.parametrize("der", [b"", b"\x30\0", b"\x04\0", b"\x30\x02\x02\0", b"\x30\x80\0\0"])
def test_a_message_without_a_version_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError):
        cv_request_version(der)


# --- the traps of the tags --------------------------------------------------------------------


def test_an_implicit_tag_in_the_place_of_a_certificate_is_put_back() -> None:
    (first, _) = parse_cv_request(of.CV_REQUEST_OCTETS).query.queried_certs

    assert isinstance(first, PKCReference)
    assert first.cert == of.LEAF.der
    assert first.certificate == of.LEAF


def test_a_broken_certificate_spoils_no_other() -> None:
    """It becomes malformedPKC in its own reply."""
    broken = hand.explicit(0, hand.NULL)
    found = parse_cv_request(with_references(broken, of.retagged(0xA0, of.LEAF.der)))
    first, second = found.query.queried_certs

    assert isinstance(first, PKCReference)
    assert isinstance(second, PKCReference)
    with pytest.raises(MalformedError):
        _ = first.certificate
    assert second.certificate == Certificate.from_der(of.LEAF.der)


def test_attribute_certificates_are_read_as_far_as_to_be_refused() -> None:
    attribute = hand.explicit(2, hand.octet_string(b"an attribute certificate"))
    reference = of.retagged(0xA3, of.CERT_ID_OCTETS)
    query = parse_cv_request(with_references(attribute, reference, tag=0xA1)).query

    assert query.asks_for_attribute_certs
    assert query.queried_certs == (
        ACReference(attr_cert=hand.sequence(hand.octet_string(b"an attribute certificate"))),
        ACReference(ac_ref=of.CERT_ID),
    )
    assert not of.QUERY.asks_for_attribute_certs


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(
            hand.sequence(of.CV_REQUEST_MEMBERS[0], of.retagged(0xA2, hand.sequence())),
            id="requestorName without a name in its tag",
        ),
        pytest.param(
            hand.sequence(of.CV_REQUEST_MEMBERS[0], hand.tlv(0xA2, of.CA.certificate.subject.der)),
            id="requestorName as if its tag were implicit",
        ),
        pytest.param(
            hand.sequence(of.CV_REQUEST_MEMBERS[0], hand.explicit(3, hand.NULL)),
            id="responderName NULL",
        ),
        pytest.param(
            with_query_member(2, hand.explicit(0, hand.oid("1.2.3"))), id="the unused [0]"
        ),
        pytest.param(with_references(of.retagged(0xA2, of.LEAF.der)), id="an AC among PKCs"),
        pytest.param(
            with_references(of.retagged(0xA0, of.LEAF.der), tag=0xA1), id="a PKC among ACs"
        ),
        pytest.param(with_references(of.LEAF.der), id="a certificate with its own tag"),
        pytest.param(with_references(of.LEAF.der, tag=0x30), id="queriedCerts without a tag"),
        pytest.param(with_references(b"\xbf\x20\0"), id="a reference with a long tag"),
        pytest.param(with_references(), id="queriedCerts empty"),
        pytest.param(with_query_member(1, hand.sequence()), id="checks empty"),
        pytest.param(with_query_member(2, hand.explicit(1)), id="wantBack empty"),
        pytest.param(with_query_member(7, hand.explicit(4)), id="intermediateCerts empty"),
        pytest.param(
            with_query_member(7, hand.explicit(4, hand.NULL)), id="a bundle of no certificate"
        ),
        pytest.param(with_query_member(8, hand.explicit(5)), id="revInfos empty"),
        pytest.param(with_query_member(8, hand.explicit(5, b"\xa4\0")), id="revInfo of no arm"),
        pytest.param(with_query_member(8, hand.explicit(5, b"\xa3\0")), id="other without a type"),
        pytest.param(
            with_query_member(6, hand.tlv(0x83, b"20261121120000.5Z")), id="half a second"
        ),
        pytest.param(
            with_query_member(6, hand.tlv(0x83, b"261121120000Z")), id="a year of two digits"
        ),
        pytest.param(with_query_member(3), id="no validationPolicy"),
        pytest.param(
            hand.sequence(of.CV_REQUEST_MEMBERS[0], hand.explicit(0)), id="requestorRef empty"
        ),
        pytest.param(hand.sequence(of.CV_REQUEST_MEMBERS[0], b"\x87\0"), id="requestorText empty"),
        pytest.param(
            hand.sequence(
                of.CV_REQUEST_MEMBERS[0], hand.tlv(0x87, b"x" * (MAX_REQUESTOR_TEXT + 1))
            ),
            id="requestorText too long",
        ),
        pytest.param(hand.sequence(of.CV_REQUEST_MEMBERS[0], b"\x87\x01\xff"), id="text no UTF-8"),
        pytest.param(of.CV_REQUEST_OCTETS + b"\0", id="an octet after its end"),
        pytest.param(
            hand.sequence(*of.CV_REQUEST_MEMBERS[:2], *of.CV_REQUEST_MEMBERS[3:], b"\x81\0"),
            id="fields out of order",
        ),
        pytest.param(
            with_query(*of.MINIMAL_QUERY_MEMBERS, hand.sequence(b"\x80\x01\x01")), id="TRUE as 01"
        ),
    ],
)
def test_a_request_that_breaks_its_grammar_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_cv_request(der)

    assert caught.value.where


def test_a_request_cut_short_anywhere_is_malformed() -> None:
    for size in range(len(of.CV_REQUEST_OCTETS)):
        with pytest.raises(MalformedError):
            parse_cv_request(of.CV_REQUEST_OCTETS[:size])


def test_an_unknown_check_and_want_back_survive_as_identifiers() -> None:
    """So that the server can answer unsupportedChecks."""
    query = parse_cv_request(of.CV_REQUEST_OCTETS).query

    assert ObjectIdentifier("1.2.3.5") in query.checks


def test_an_extension_of_ocsp_has_no_meaning_here() -> None:
    """What OCSP would refuse of its own is one more unknown extension, and kept (S8)."""
    broken = hand.extension("1.3.6.1.5.5.7.48.1.3", b"no CrlID")
    found = parse_cv_request(hand.sequence(of.CV_REQUEST_MEMBERS[0], hand.explicit(4, broken)))

    assert found.request_extensions == Extensions((Extension(oids.ID_PKIX_OCSP_CRL, b"no CrlID"),))


def test_extensions_stand_once_and_are_not_many() -> None:
    query, one = of.CV_REQUEST_MEMBERS[0], hand.extension("1.2.3", b"")
    many = [hand.extension(f"1.2.{arc}", b"") for arc in range(MAX_EXTENSIONS + 1)]

    for extensions in ([one, one], many):
        with pytest.raises(MalformedError):
            parse_cv_request(hand.sequence(query, hand.explicit(4, *extensions)))
    found = parse_cv_request(hand.sequence(query, hand.explicit(4)))
    assert [departure.where for departure in found.departures] == ["requestExtensions"]


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("der", "where"),
    [
        (
            with_references(*[hand.explicit(0, hand.NULL)] * (MAX_QUERIED_CERTS + 1)),
            "Query.queriedCerts",
        ),
        (
            with_query_member(1, hand.sequence(*[hand.oid("1.2.3")] * (MAX_SCVP_OIDS + 1))),
            "Query.checks",
        ),
        (
            with_query_member(2, hand.explicit(1, *[hand.oid("1.2.3")] * (MAX_SCVP_OIDS + 1))),
            "Query.wantBack",
        ),
        (
            with_query_member(7, hand.explicit(4, *[hand.sequence()] * (MAX_BUNDLE_CERTS + 1))),
            "Query.intermediateCerts",
        ),
        (
            with_query_member(8, hand.explicit(5, *[b"\xa0\0"] * (MAX_REVOCATION_INFOS + 1))),
            "Query.revInfos",
        ),
        (
            hand.sequence(
                of.CV_REQUEST_MEMBERS[0],
                hand.explicit(0, *[of.DNS_OCTETS] * (MAX_SCVP_NAMES + 1)),
            ),
            "CVRequest.requestorRef",
        ),
        (bytes(MAX_CV_REQUEST_BYTES + 1), "CVRequest"),
    ],
    ids=["certificates", "checks", "wantBacks", "bundle", "revInfos", "names", "octets"],
)
def test_a_request_past_a_limit_is_malformed_at_once(der: bytes, where: str) -> None:
    with pytest.raises(MalformedError, match=r"more than|larger than") as caught:
        parse_cv_request(der)

    assert caught.value.where == where


@pytest.mark.parametrize(
    "wish",
    [
        {"queried_certs": ()},
        {"queried_certs": (PKCReference(cert=b"\x30\0"), ACReference(attr_cert=b"\x30\0"))},
        {"queried_certs": (PKCReference(cert=b"\x04\0"),)},
        {"checks": ()},
        {"intermediate_certs": (b"\x04\0",)},
        {"intermediate_certs": (b"\x30\x05",)},
        {"want_back": (ObjectIdentifier("1.2.3"),) * (MAX_SCVP_OIDS + 1)},
    ],
    ids=["none", "mixed", "no certificate", "no check", "no bundle", "cut", "too many"],
)
def test_what_breaks_the_grammar_is_not_written_either(wish: dict[str, object]) -> None:
    query = replace(of.QUERY, **wish)  # type: ignore[arg-type]

    with pytest.raises(MalformedError):
        encode_cv_request(CVRequest(query=query))


def test_a_text_too_long_or_a_request_too_large_is_not_written() -> None:
    with pytest.raises(MalformedError, match="256"):
        encode_cv_request(replace(of.MINIMAL_REQUEST, requestor_text="x" * 257))
    with pytest.raises(MalformedError, match="larger"):
        encode_cv_request(replace(of.MINIMAL_REQUEST, request_nonce=bytes(MAX_CV_REQUEST_BYTES)))
