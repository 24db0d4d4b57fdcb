"""Every row of the tables that the project was asked for: OCSP's messages, field by field.

The tables are 4-9 to 4-14 of IPA's introduction to PKI (2002), by their own row names.
Each row is made, read back, and explained under the RFC's name.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certstatus.asn1 import oids
from certstatus.explain import Field, explain_request, explain_response
from certstatus.ocsp import (
    AcceptableResponses,
    ArchiveCutoff,
    CertID,
    CertificateIssuer,
    CrlID,
    Extensions,
    InvalidityDate,
    Nonce,
    OCSPRequest,
    OCSPResponse,
    ReasonCode,
    Request,
    Revoked,
    ServiceLocator,
    Signature,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
    parse_response,
)
from certstatus.pkix import AccessDescription, CRLReason, GeneralName
from certstatus.testing import Forge, TinyCA, plain_algorithm, sign_plain

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Issuing CA")
LEAF = CA.issue_server("leaf.example")
REQUESTOR = CA.issue("requestor.example")
NAME = GeneralName.directory_name(REQUESTOR.certificate.subject)
LOCATOR = AccessDescription(oids.ID_AD_OCSP, GeneralName.uri("http://ocsp.example/"))


def whole_request() -> OCSPRequest:
    """A request with every field of tables 4-9, 4-10 and 4-14."""
    cert_id = CertID.for_certificate(LEAF.certificate, CA.certificate)
    locator = ServiceLocator(CA.certificate.subject, (LOCATOR,))
    tbs = encode_tbs_request(
        [Request(cert_id, Extensions.of(locator))],
        requestor_name=NAME,
        request_extensions=Extensions.of(
            Nonce(bytes(range(32))), AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,))
        ),
    )
    signature = Signature(
        plain_algorithm(REQUESTOR.key),
        sign_plain(REQUESTOR.key, tbs),
        (REQUESTOR.certificate.der,),
    )
    return parse_request(encode_signed_request(tbs, signature))


def whole_response() -> OCSPResponse:
    """A response with every field of tables 4-11 to 4-14."""
    forge = Forge.honest(CA, LEAF.certificate.serial_number).but(
        cert_status=Revoked(NOW - timedelta(days=1), CRLReason.KEY_COMPROMISE),
        response_extensions=Extensions.of(Nonce(bytes(range(32)))),
        single_extensions=Extensions.of(
            CrlID("http://crl.example/ca.crl", 7, NOW - timedelta(days=2)),
            ArchiveCutoff(NOW - timedelta(days=7 * 365)),
            ReasonCode(CRLReason.KEY_COMPROMISE),
            InvalidityDate(NOW - timedelta(days=3)),
            CertificateIssuer((GeneralName.directory_name(CA.certificate.subject),)),
        ),
    )
    return parse_response(forge.der)


REQUEST_ROWS = [
    ("4-9", "tbsRequest (署名前要求)", ("tbsRequest",)),
    ("4-9", "version (バージョン)", ("tbsRequest", "version")),
    ("4-9", "requestorName (要求者名)", ("tbsRequest", "requestorName")),
    ("4-9", "requestList (要求リスト)", ("tbsRequest", "requestList")),
    ("4-9", "requestExtensions (要求拡張)", ("tbsRequest", "requestExtensions")),
    ("4-9", "optionalSignature (付加署名)", ("optionalSignature",)),
    ("4-9", "signatureAlgorithm (署名アルゴリズム)", ("optionalSignature", "signatureAlgorithm")),
    ("4-9", "signature (署名)", ("optionalSignature", "signature")),
    ("4-9", "certs (証明書)", ("optionalSignature", "certs")),
]
CERT_ID_ROWS = ["hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber"]
RESPONSE_ROWS = [
    ("4-11", "responseStatus (応答ステータス)", ("responseStatus",)),
    ("4-11", "responseBytes (応答バイト)", ("responseBytes",)),
    ("4-11", "responseType (応答タイプ)", ("responseBytes", "responseType")),
    ("4-11", "response (応答)", ("responseBytes", "response")),
]
BASIC_ROWS = [
    ("4-12", "tbsResponseData (署名前応答データ)", ("tbsResponseData",)),
    ("4-12", "version (バージョン)", ("tbsResponseData", "version")),
    ("4-12", "responderID (レスポンダID)", ("tbsResponseData", "responderID")),
    ("4-12", "producedAt (生成時刻)", ("tbsResponseData", "producedAt")),
    ("4-12", "responses (応答)", ("tbsResponseData", "responses")),
    ("4-12", "responseExtensions (応答拡張)", ("tbsResponseData", "responseExtensions")),
    ("4-12", "signatureAlgorithm (署名アルゴリズム)", ("signatureAlgorithm",)),
    ("4-12", "signature (署名)", ("signature",)),
    ("4-12", "certs (証明書)", ("certs",)),
]
SINGLE_ROWS = ["certID", "certStatus", "thisUpdate", "nextUpdate", "singleExtensions"]


def named(field: Field, name: str) -> Field:
    """Find the first field of that name, wherever it stands."""
    return next(one for one in field.walk() if one.name == name)


def assert_is_explained(field: Field) -> None:
    assert not field.is_absent
    assert not field.problem
    assert field.section.startswith("RFC ")
    assert field.meaning or field.value is not None or field.children


@pytest.mark.parametrize(("table", "row", "path"), REQUEST_ROWS)
def test_table_4_9_the_request(table: str, row: str, path: tuple[str, ...]) -> None:
    assert_is_explained(explain_request(whole_request()).at(*path))


@pytest.mark.parametrize("row", ["reqCert", *CERT_ID_ROWS, "singleRequestExtensions"])
def test_table_4_10_one_request(row: str) -> None:
    assert_is_explained(named(explain_request(whole_request()), row))


@pytest.mark.parametrize(("table", "row", "path"), RESPONSE_ROWS)
def test_table_4_11_the_response(table: str, row: str, path: tuple[str, ...]) -> None:
    assert_is_explained(explain_response(whole_response()).at(*path))


@pytest.mark.parametrize(("table", "row", "path"), BASIC_ROWS)
def test_table_4_12_the_basic_response(table: str, row: str, path: tuple[str, ...]) -> None:
    response = explain_response(whole_response()).at("responseBytes", "response")
    basic = (
        response
        if any(one.name == path[0] for one in response.children)
        else (named(response, "BasicOCSPResponse"))
    )
    assert_is_explained(basic.at(*path))


@pytest.mark.parametrize("row", [*SINGLE_ROWS, *CERT_ID_ROWS])
def test_table_4_13_the_single_response(row: str) -> None:
    assert_is_explained(named(explain_response(whole_response()), row))


def test_table_4_13_a_revoked_certificate_has_its_time_and_reason() -> None:
    status = named(explain_response(whole_response()), "certStatus")

    told = " ".join(f"{one.text} {one.meaning}" for one in status.walk())
    assert "revoked" in told
    assert "keyCompromise" in told
    assert "2026-11-20T12:00:00Z" in told


@pytest.mark.parametrize(
    ("row", "message", "place", "words"),
    [
        ("Nonce (ノンス)", "request", "requestExtensions", "nonce"),
        ("Nonce (ノンス)", "response", "responseExtensions", "nonce"),
        ("CrlID (CRL 参照)", "response", "singleExtensions", "http://crl.example/ca.crl"),
        ("AcceptableResponses (応答)", "request", "requestExtensions", "id-pkix-ocsp-basic"),
        ("ArchiveCutoff (記録終止)", "response", "singleExtensions", "2019-11-23"),
        ("CRLEntryExtensions: reasonCode", "response", "singleExtensions", "keyCompromise"),
        ("CRLEntryExtensions: invalidityDate", "response", "singleExtensions", "2026-11-18"),
        ("CRLEntryExtensions: certificateIssuer", "response", "singleExtensions", "Issuing CA"),
        (
            "ServiceLocator (サービスロケータ)",
            "request",
            "singleRequestExtensions",
            "http://ocsp.example/",
        ),
    ],
)
@pytest.mark.rule("O6", "O7", "O26", "O27", "O28", "N3")
def test_table_4_14_the_extensions(row: str, message: str, place: str, words: str) -> None:
    tree = (
        explain_request(whole_request())
        if message == "request"
        else explain_response(whole_response())
    )
    told = " ".join(f"{one.name} {one.text} {one.meaning}" for one in named(tree, place).walk())

    assert words.lower() in told.lower()


def test_table_4_14_no_extension_of_ours_is_critical() -> None:
    request, response = whole_request(), whole_response()
    assert response.basic is not None
    data = response.basic.tbs_response_data

    for extensions in (
        request.request_extensions,
        request.request_list[0].single_request_extensions,
        data.response_extensions,
        data.responses[0].single_extensions,
    ):
        assert len(extensions) > 0
        assert not any(extension.critical for extension in extensions)
