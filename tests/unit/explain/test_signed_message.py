from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import (
    OtherRevocationInfo,
    SavedEvidence,
    encode_content_info,
    encode_evidence,
    encode_signed_data,
    parse_content_info,
    sign_content,
)
from certstatus.errors import MalformedError
from certstatus.explain import Field, Kind, explain
from certstatus.ocsp import parse_response
from certstatus.pkix import CertificateList
from certstatus.testing import Forge
from tests import der
from tests import scvp_messages as scvp
from tests.envelopes import (
    CA,
    CONTENT,
    NOW,
    REQUEST,
    SIGNING_CERTIFICATE_V2,
    Draft,
    attribute,
    issued,
    signed,
    signer,
)


def content(data: bytes) -> Field:
    return explain(data).at("content")


def test_a_signed_message_is_told_field_by_field() -> None:
    tree = explain(sign_content(REQUEST, CONTENT, signer(), signing_time=NOW))

    assert tree.at("contentType").text == "id-signedData (1.2.840.113549.1.7.2)"
    assert "not verified here" in tree.meaning
    data = tree.at("content")
    assert data.at("version").text == "3"
    assert data.at("digestAlgorithms").text == "id-sha256"
    assert data.at("encapContentInfo", "eContentType").text.startswith("id-ct-scvp-certValRequest")
    assert data.at("encapContentInfo", "eContent").der == CONTENT
    assert data.at("certificates", "Certificate").text == "CN=SCVP_CLIENT p256"
    assert data.at("crls").is_absent
    info = data.at("signerInfos", "SignerInfo")
    assert info.at("sid").text == f"serial {issued().certificate.serial_number:#x} of CN=Signing CA"
    assert info.at("signatureAlgorithm").text == "ecdsa-with-SHA256 (1.2.840.10045.4.3.2)"
    signed_attributes = info.at("signedAttrs")
    assert signed_attributes.text == "4 attributes"
    assert signed_attributes.at("id-signingTime").value == NOW
    reference = signed_attributes.at("id-aa-signingCertificateV2").value
    assert reference == issued().certificate.fingerprint
    assert info.at("unsignedAttrs").is_absent
    assert all(field.section.startswith("RFC ") for field in tree.walk())
    assert not [field.problem for field in tree.walk() if field.problem]


@pytest.mark.parametrize(
    ("oid", "words"),
    [
        (REQUEST, "unprotected"),
        (oids.ID_CT_AUTH_DATA, "a MAC"),
        (oids.ID_DATA, "unprotected"),
    ],
)
def test_content_that_is_not_signed_is_told_by_its_size(oid: ObjectIdentifier, words: str) -> None:
    tree = explain(encode_content_info(oid, CONTENT))

    assert words in tree.meaning
    assert tree.at("content").text == f"{len(CONTENT)} octets"
    assert tree.at("content").der == CONTENT


def test_evidence_is_told_piece_by_piece() -> None:
    evidence = SavedEvidence(
        certificates=(CA.certificate,),
        crls=(CertificateList.from_der(CA.crl([(1, NOW, None), (2, NOW, None)])),),
        ocsp_responses=(parse_response(Forge.honest(CA, 5).der),),
        others=(OtherRevocationInfo(oids.ID_CE_CRL_NUMBER, der.NULL),),
    )
    tree = explain(encode_evidence(evidence), entries=1)

    data = tree.at("content")
    assert data.at("signerInfos").is_absent
    assert data.at("encapContentInfo", "eContent").is_absent
    assert data.at("crls").text == "3 pieces"
    crl = data.at("crls", "CertificateList", "tbsCertList", "revokedCertificates")
    assert (crl.text, len(crl.children)) == ("2 entries", 1)
    others = [one for one in data.at("crls").children if one.name == "OtherRevocationInfoFormat"]
    inside = {one.children[0].text: one.children[1] for one in others}
    assert inside["id-ce-cRLNumber (2.5.29.20)"].text == "2 octets"
    assert inside["id-ri-ocsp-response (1.3.6.1.5.5.7.16.2)"].name == "OCSPResponse"


def exchange(response: bytes, request: bytes = b"") -> bytes:
    """Write evidence that is an exchange with an SCVP server, right or wrong."""
    info = der.sequence(der.explicit(0, request) if request else b"", response)
    other = der.tlv(0xA1, der.oid("1.3.6.1.5.5.7.16.4"), info)
    return encode_signed_data(oids.ID_DATA, None, revocation_infos=[other])


def test_an_exchange_with_an_scvp_server_is_told_with_both_sides() -> None:
    request = encode_content_info(REQUEST, CONTENT)

    told = content(exchange(signed(), request)).at(
        "crls", "OtherRevocationInfoFormat", "SCVPReqRes"
    )

    assert told.at("request", "ContentInfo", "contentType").text.startswith("id-ct-scvp-certVal")
    assert told.at("response", "ContentInfo", "content", "signerInfos").text == "1 signer"
    alone = content(exchange(signed())).at("crls", "OtherRevocationInfoFormat", "SCVPReqRes")
    assert alone.at("request").is_absent


def test_evidence_in_evidence_is_taken_apart_so_far_and_no_further() -> None:
    whole = signed()
    for _ in range(200):
        whole = exchange(whole)

    names = [field.name for field in explain(whole).walk()]

    assert names.count("SCVPReqRes") == 3
    assert names.count("ContentInfo") == 4
    assert names.count("otherRevInfo") == 1


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (encode_content_info(oids.ID_SIGNED_DATA, der.sequence()), ("content",)),
        (Draft(certificates=(der.NULL,)).der, ("content", "certificates", "Certificate")),
        (
            encode_signed_data(oids.ID_DATA, None, revocation_infos=[der.sequence()]),
            ("content", "crls", "RevocationInfoChoice"),
        ),
        (
            encode_signed_data(oids.ID_DATA, None, revocation_infos=[der.tlv(0xA1, der.NULL)]),
            ("content", "crls", "RevocationInfoChoice"),
        ),
        (exchange(der.NULL), ("content", "crls", "RevocationInfoChoice")),
        (
            Draft(attributes=(attribute(SIGNING_CERTIFICATE_V2, der.NULL),)).der,
            ("content", "signerInfos", "SignerInfo", "signedAttrs", "id-aa-signingCertificateV2"),
        ),
    ],
    ids=["signed data", "certificate", "CRL", "format", "exchange", "attribute"],
)
def test_a_broken_part_is_told_and_spoils_nothing_else(data: bytes, path: tuple[str, ...]) -> None:
    tree = explain(data)

    assert tree.at(*path).problem
    assert len([field for field in tree.walk() if field.problem]) == 1


def test_what_scvp_does_not_allow_is_told() -> None:
    several = content(Draft(signers=2, unsigned=der.tlv(0xA1, attribute("1.2.3", der.NULL))).der)
    without = content(Draft(attributes=()).der)

    infos = several.at("signerInfos")
    assert "exactly one signer" in infos.departures[0]
    assert infos.at("SignerInfo", "unsignedAttrs", "1.2.3").text == "1 value"
    assert without.at("signerInfos", "SignerInfo", "signedAttrs").is_absent


def test_plain_rsa_encryption_is_told_as_what_it_is() -> None:
    identifier = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.NULL)
    theirs = der.changed(signed(), (1, 0, 4, 0, 4), lambda _: identifier)

    field = content(theirs).at("signerInfos", "SignerInfo", "signatureAlgorithm")

    assert field.text == "rsaEncryption (1.2.840.113549.1.1.1)"
    assert not field.departures


def test_ber_is_told_once() -> None:
    outside = der.sequence(der.oid(REQUEST.dotted_string), b"\xa0\x80" + CONTENT + b"\0\0")
    whole = parse_content_info(signed())
    (outer,) = der.elements(whole.content)
    ber = encode_content_info(whole.content_type, b"\x30\x80" + outer.contents + b"\0\0")

    told = [field.name for field in explain(outside).walk() if field.departures]
    inside = [field.name for field in explain(ber).walk() if field.departures]

    assert (told, inside) == (["ContentInfo"], ["content"])


def test_what_is_no_content_info_is_malformed() -> None:
    with pytest.raises(MalformedError, match="ContentInfo"):
        explain(der.sequence(der.oid("1.2.3"), der.explicit(0)))
    with pytest.raises(MalformedError, match="ContentInfo"):
        explain(b"\x30\0", kind=Kind.CONTENT_INFO)


@pytest.mark.parametrize("wrap", [encode_content_info, lambda kind, der: signed(der, kind)])
@pytest.mark.parametrize(
    ("content_type", "message", "name"),
    [
        (oids.ID_CT_SCVP_CERT_VAL_REQUEST, scvp.CV_REQUEST_OCTETS, "CVRequest"),
        (oids.ID_CT_SCVP_CERT_VAL_RESPONSE, scvp.CV_RESPONSE_OCTETS, "CVResponse"),
        (oids.ID_CT_SCVP_VAL_POL_REQUEST, scvp.VAL_POL_REQUEST_OCTETS, "ValPolRequest"),
        (oids.ID_CT_SCVP_VAL_POL_RESPONSE, scvp.VAL_POL_RESPONSE_OCTETS, "ValPolResponse"),
    ],
    ids=["CVRequest", "CVResponse", "ValPolRequest", "ValPolResponse"],
)
def test_a_message_of_scvp_is_explained_inside(
    wrap: Callable[[ObjectIdentifier, bytes], bytes],
    content_type: ObjectIdentifier,
    message: bytes,
    name: str,
) -> None:
    tree = explain(wrap(content_type, message))
    (found,) = [field for field in tree.walk() if field.name == name]

    assert found == explain(message)
    assert not [field for field in tree.walk() if field.problem]


def test_a_message_of_scvp_in_ber_is_explained_too() -> None:
    indefinite = b"\x30\x80" + der.elements(CONTENT)[0].contents + b"\0\0"
    bare = b"\x30\x80" + der.oid(REQUEST.dotted_string) + b"\xa0\x80" + indefinite + bytes(4)

    assert content(bare).at("CVRequest").children == explain(CONTENT).children
    assert "BER" in content(bare).at("CVRequest").departures[0]


def test_a_broken_message_of_scvp_spoils_nothing_around_it() -> None:
    tree = explain(signed(der.sequence()))
    problems = [field.name for field in tree.walk() if field.problem]

    assert problems == ["eContent"]
    assert tree.at("content", "signerInfos", "SignerInfo", "sid").text
