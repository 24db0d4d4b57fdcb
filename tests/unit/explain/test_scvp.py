"""SCVP's messages in words: every item is there, broken parts are told where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.explain import Field, Kind, explain, explain_scvp
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CVResponse,
    CVStatusCode,
    FullRequest,
    PublicKeyInfo,
    ReplyCheck,
    ReplyStatus,
    ReplyWantBack,
    ResponseStatus,
    RevInfoWantBack,
    RevocationInfo,
    SCVPResponses,
    ValidationAlg,
    ValidationError,
    WantBack,
    encode_cv_request,
    encode_cv_response,
)
from tests import der as hand
from tests import scvp_messages as of

MESSAGES = {
    oids.ID_CT_SCVP_CERT_VAL_REQUEST: ("CVRequest", of.CV_REQUEST_OCTETS, 10),
    oids.ID_CT_SCVP_CERT_VAL_RESPONSE: ("CVResponse", of.CV_RESPONSE_OCTETS, 13),
    oids.ID_CT_SCVP_VAL_POL_REQUEST: ("ValPolRequest", of.VAL_POL_REQUEST_OCTETS, 2),
    oids.ID_CT_SCVP_VAL_POL_RESPONSE: ("ValPolResponse", of.VAL_POL_RESPONSE_OCTETS, 20),
}
QUERY_ITEMS = (
    "queriedCerts",
    "checks",
    "wantBack",
    "validationPolicy",
    "responseFlags",
    "serverContextInfo",
    "validationTime",
    "intermediateCerts",
    "revInfos",
    "producedAt",
    "queryExtensions",
)
POLICY_ITEMS = (
    "validationPolRef",
    "validationAlg",
    "userPolicySet",
    "inhibitPolicyMapping",
    "requireExplicitPolicy",
    "inhibitAnyPolicy",
    "trustAnchors",
    "keyUsages",
    "extendedKeyUsages",
    "specifiedKeyUsages",
)
REPLY_ITEMS = (
    "cert",
    "replyStatus",
    "replyValTime",
    "replyChecks",
    "replyWantBacks",
    "validationErrors",
    "nextUpdate",
    "certReplyExtensions",
)


def told(response: CVResponse) -> Field:
    return explain(encode_cv_response(response))


def of_reply(**wish: object) -> Field:
    """Explain a response with one CertReply, of which something is otherwise."""
    reply = replace(of.CERT_REPLY, **wish)  # type: ignore[arg-type]
    tree = told(replace(of.CV_RESPONSE, reply_objects=(reply,)))
    return tree.at("replyObjects", "CertReply")


@pytest.mark.parametrize("content_type", MESSAGES, ids=oids.name_of)
def test_every_message_is_explained_by_its_content_type_and_by_itself(
    content_type: ObjectIdentifier,
) -> None:
    name, der, count = MESSAGES[content_type]
    tree = explain_scvp(content_type, der)

    assert tree == explain(der) == explain(der, kind=Kind(name))
    assert tree is not None
    assert tree.name == name
    assert tree.der == der
    assert len(tree.children) == count
    for field in tree.walk():
        assert field.section.startswith("RFC ")
        assert not field.problem


def test_another_content_type_is_not_of_scvp() -> None:
    assert explain_scvp(oids.ID_SIGNED_DATA, of.CV_REQUEST_OCTETS) is None
    with pytest.raises(MalformedError):
        explain_scvp(oids.ID_CT_SCVP_CERT_VAL_REQUEST, of.CV_RESPONSE_OCTETS)


@pytest.mark.parametrize(
    ("path", "items"),
    [
        (("query",), QUERY_ITEMS),
        (("query", "validationPolicy"), POLICY_ITEMS),
    ],
)
def test_every_item_is_there_whether_given_or_absent(
    path: tuple[str, ...], items: tuple[str, ...]
) -> None:
    for der in (of.CV_REQUEST_OCTETS, of.MINIMAL_REQUEST_OCTETS):
        assert tuple(field.name for field in explain(der).at(*path).children) == items


def test_every_item_of_a_reply_is_there() -> None:
    replies = explain(of.CV_RESPONSE_OCTETS).at("replyObjects").children

    assert [tuple(item.name for item in reply.children) for reply in replies] == [REPLY_ITEMS] * 2


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("query", "queriedCerts", "cert"), "CN=leaf.example"),
        (("query", "queriedCerts", "pkcRef", "serialNumber"), f"{of.OTHER.serial_number:#x}"),
        (("query", "checks", "OBJECT IDENTIFIER"), "id-stc-build-status-checked-pkc-path"),
        (("query", "validationPolicy", "inhibitPolicyMapping"), "TRUE"),
        (("query", "validationPolicy", "validationAlg", "nameCompAlgId"), "id-kp-serverAuth"),
        (("query", "validationPolicy", "keyUsages", "KeyUsage"), "digitalSignature"),
        (("query", "responseFlags", "protectResponse"), "FALSE"),
        (("query", "validationTime"), "2026-11-21T12:00:00Z"),
        (("query", "revInfos", "delta-crl"), "1 certificate revoked"),
        (("query", "revInfos", "ocsp", "OCSPResponse"), "tryLater"),
        (("query", "revInfos", "other"), "1.2.3.6"),
        (("requestorRef", "GeneralName"), "dNSName:scvp.example"),
        (("requestNonce",), b"nonce".hex()),
        (("requestorName",), "directoryName:CN=Issuing CA"),
        (("signatureAlg",), "id-Ed25519"),
        (("hashAlg",), "id-sha256"),
        (("requestorText",), "für die Akten"),
    ],
    ids=lambda one: "/".join(one) if isinstance(one, tuple) else None,
)
def test_what_a_request_says_is_told(path: tuple[str, ...], text: str) -> None:
    assert explain(of.CV_REQUEST_OCTETS).at(*path).text.startswith(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("responseStatus", "statusCode"), "skipUnrecognizedItems (1)"),
        (("responseStatus", "errorMessage"), "ging so"),
        (("requestRef", "requestHash", "value"), b"digest".hex()),
        (("replyObjects", "CertReply", "replyStatus"), "certPathNotValidNow (7)"),
        (("replyObjects", "CertReply", "replyChecks", "ReplyCheck", "status"), "3"),
        (("replyObjects", "CertReply", "replyWantBacks", "ReplyWantBack", "CertBundle"), "2 cert"),
        (("replyObjects", "CertReply", "validationErrors", "OBJECT IDENTIFIER"), "id-bvae-revoked"),
        (("respNonce",), b"nonce".hex()),
    ],
    ids=lambda one: "/".join(one) if isinstance(one, tuple) else None,
)
def test_what_a_reply_says_is_told(path: tuple[str, ...], text: str) -> None:
    assert explain(of.CV_RESPONSE_OCTETS).at(*path).text.startswith(text)


@pytest.mark.parametrize("code", CVStatusCode, ids=lambda one: one.label)
def test_every_code_has_its_meaning(code: CVStatusCode) -> None:
    tree = told(replace(of.MINIMAL_RESPONSE, response_status=ResponseStatus(code)))
    field = tree.at("responseStatus", "statusCode")

    assert field.text == f"{code.label} ({int(code)})"
    assert len(field.meaning) >= 15


@pytest.mark.parametrize("status", ReplyStatus, ids=lambda one: one.label)
def test_every_reply_status_has_its_meaning(status: ReplyStatus) -> None:
    field = of_reply(reply_status=status).at("replyStatus")

    assert field.text == f"{status.label} ({int(status)})"
    assert field.meaning


def test_unknown_numbers_and_identifiers_are_told_as_such() -> None:
    unknown = ObjectIdentifier("1.2.3.5")
    reply = of_reply(
        reply_status=99,
        reply_checks=(ReplyCheck(unknown, 2),),
        reply_want_backs=(ReplyWantBack(unknown, b"x"),),
        validation_errors=(unknown, ValidationError.NO_NAME.oid),
    )
    tree = told(replace(of.MINIMAL_RESPONSE, response_status=ResponseStatus(9)))

    assert reply.at("replyStatus").text == "unknown (99)"
    assert reply.at("replyChecks", "ReplyCheck", "status").meaning == ""
    assert "unknown" in reply.at("replyWantBacks", "ReplyWantBack").meaning
    assert tree.at("responseStatus", "statusCode").text == "unknown (9)"
    assert tree.at("responseStatus", "statusCode").meaning == "a success"
    assert ValidationError.REVOKED.oid != unknown


def test_a_reply_tells_in_a_line_what_it_says() -> None:
    assert "1 certPathNotValidNow, 1 success" in explain(of.CV_RESPONSE_OCTETS).meaning
    assert "not verified" in explain(of.CV_RESPONSE_OCTETS).meaning
    assert explain(of.MINIMAL_RESPONSE_OCTETS).meaning == "says nothing of any certificate"


@pytest.mark.parametrize(
    ("want_back", "path"),
    [
        (
            ReplyWantBack.of(
                WantBack.PKC_ALL_CERT_PATHS, CertBundles((CertBundle((of.LEAF.der,)),) * 2)
            ),
            ("CertBundle", "Certificate"),
        ),
        (
            ReplyWantBack.of(
                WantBack.PKC_REVOCATION_INFO,
                RevInfoWantBack((RevocationInfo.crl(of.FULL_CRL),), (of.OTHER.der,)),
            ),
            ("extraCerts", "Certificate"),
        ),
        (
            ReplyWantBack.of(WantBack.PKC_PUBLIC_KEY_INFO, PublicKeyInfo(of.LEAF.spki_der)),
            ("SubjectPublicKeyInfo",),
        ),
        (
            ReplyWantBack.of(WantBack.RELAYED_RESPONSES, SCVPResponses((hand.sequence(),))),
            ("ContentInfo",),
        ),
    ],
    ids=["paths", "revocation data", "key", "relayed"],
)
def test_what_is_sent_back_is_told_by_its_type(
    want_back: ReplyWantBack, path: tuple[str, ...]
) -> None:
    field = of_reply(reply_want_backs=(want_back,)).at("replyWantBacks", "ReplyWantBack")

    assert field.at(*path).section
    assert not any(one.problem for one in field.walk())


def test_a_whole_request_in_a_reply_is_explained_inside() -> None:
    tree = told(replace(of.CV_RESPONSE, request_ref=FullRequest(of.CV_REQUEST_OCTETS)))
    inside = tree.at("requestRef", "fullRequest", "CVRequest")

    assert inside == explain(of.CV_REQUEST_OCTETS)


def test_defaults_that_were_written_out_are_told() -> None:
    written = hand.sequence(hand.integer(1), *of.CV_REQUEST_MEMBERS)
    tree = explain(written)

    assert tree.departures == ("CVRequest.cvRequestVersion writes the default 1 out",)
    assert "not written" not in tree.at("cvRequestVersion").meaning
    assert "not written" in explain(of.CV_REQUEST_OCTETS).at("cvRequestVersion").meaning


def broken_certificate() -> bytes:
    return hand.changed(of.CV_REQUEST_OCTETS, (0, 0, 0), lambda _: hand.explicit(0, hand.NULL))


def broken_crl() -> bytes:
    return hand.changed(of.CV_REQUEST_OCTETS, (0, 8, 0), lambda _: hand.explicit(0, hand.NULL))


def broken_answer() -> bytes:
    return hand.changed(of.CV_REQUEST_OCTETS, (0, 8, 2), lambda _: hand.explicit(2, hand.NULL))


def broken_parameters() -> bytes:
    policy = replace(of.POLICY, validation_alg=ValidationAlg(oids.ID_SVP_NAME_VAL_ALG))
    return encode_cv_request(
        replace(of.CV_REQUEST, query=replace(of.QUERY, validation_policy=policy))
    )


def broken_want_back() -> bytes:
    reply = replace(of.CERT_REPLY, reply_want_backs=(ReplyWantBack(oids.ID_SWB_AA_CERT_PATH, b""),))
    return encode_cv_response(replace(of.CV_RESPONSE, reply_objects=(reply,)))


def broken_full_request() -> bytes:
    return encode_cv_response(replace(of.CV_RESPONSE, request_ref=FullRequest(hand.sequence())))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (broken_certificate, "cert"),
        (broken_crl, "crl"),
        (broken_answer, "ocsp"),
        (broken_parameters, "validationAlg"),
        (broken_want_back, "ReplyWantBack"),
        (broken_full_request, "fullRequest"),
    ],
)
def test_a_broken_part_is_a_problem_where_it_stands_and_spoils_no_other(
    make: Callable[[], bytes], name: str
) -> None:
    problems = [field.name for field in explain(make()).walk() if field.problem]

    assert problems == [name]


def test_a_critical_extension_is_told_from_one_that_is_passed_over() -> None:
    extension = hand.extension("1.2.3", b"x", hand.TRUE)
    der = hand.sequence(of.CV_REQUEST_MEMBERS[0], hand.explicit(4, extension))

    assert "critical" in explain(der).at("requestExtensions", "1.2.3").meaning
    assert (
        "passed over"
        in explain(of.CV_REQUEST_OCTETS).at("requestExtensions", "1.3.6.1.4.1.99999.1").meaning
    )


def test_an_attribute_certificate_is_told_and_not_read() -> None:
    attribute = hand.explicit(2, hand.NULL)
    reference = of.retagged(0xA3, of.CERT_ID_OCTETS)
    der = hand.changed(
        of.MINIMAL_REQUEST_OCTETS, (0, 0), lambda _: hand.explicit(1, attribute, reference)
    )
    tree = explain(der)

    assert "2 attribute certificates" in tree.meaning
    assert "does not read" in tree.at("query", "queriedCerts", "attrCert").meaning
    assert tree.at("query", "queriedCerts", "acRef", "certHash").text
