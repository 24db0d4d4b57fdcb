"""Other people's messages: the vectors of the cryptography package, each read or refused for its reason.

They are answers of real responders and what their makers spoiled by hand. The table names
every file, so that a new edition with another file fails until somebody has looked at it.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.x509 import ocsp as judge

from certstatus.errors import MalformedError
from certstatus.ocsp import (
    BasicOCSPResponse,
    CertID,
    Good,
    OCSPResponseStatus,
    Revoked,
    SignedCertificateTimestampList,
    Unknown,
    encode_error_response,
    encode_request,
    encode_response,
    encode_response_data,
    parse_request,
    parse_response,
)
from certstatus.pkix import (
    Certificate,
    CertificateList,
    HashAlgorithm,
    signature_algorithm,
    signature_problem,
)
from certstatus.verify import Verdict, VerifyPolicy, verify_response

VECTORS = Path(cryptography_vectors.__file__).parent / "x509"

REQUESTS: dict[str, int | str] = {
    "ocsp-army.inapplicable-req": 1,
    "ocsp-army.revoked-req": 1,
    "ocsp-army.valid-req": 1,
    "req-acceptable-responses": 1,
    "req-ext-nonce": 1,
    "req-ext-unknown-oid": 1,
    "req-invalid-hash-alg": 1,
    "req-multi-sha1": 2,
    "req-sha1": 1,
    "req-duplicate-ext": "requestExtensions: holds an extension twice (RFC 5280 §4.2)",
    "req-invalid-version": "TBSRequest.version: 1 is not v1(0) [O2]",
}
"""How many certificates are asked for, or why the request is refused."""

RESPONSES: dict[str, str] = {
    "ocsp-army.deps.mil-resp": "good and revoked",
    "resp-delegate-unknown-cert": "unknown",
    "resp-invalid-signature-oid": "good",
    "resp-responder-key-hash": "revoked",
    "resp-revoked-no-next-update": "revoked",
    "resp-revoked-reason": "revoked",
    "resp-revoked": "revoked",
    "resp-sct-extension": "good",
    "resp-sha256": "good",
    "resp-single-extension-reason": "good",
    "resp-unknown-extension": "revoked",
    "resp-unknown-hash-alg": "revoked",
    "resp-response-type-unknown-oid": "another response type",
    "resp-unauthorized": "unauthorized",
    "resp-invalid-version": "ResponseData.version: 1 is not v1(0) [O2]",
    "resp-successful-no-response-bytes": (
        "OCSPResponse.responseBytes: are absent from a successful response"
    ),
    "resp-unknown-response-status": "OCSPResponse.responseStatus: 7 is not assigned [O10]",
}
"""What the response says, or why it is refused."""

BASIC = [name for name, said in RESPONSES.items() if said in {"good", "revoked", "unknown"}] + [
    "ocsp-army.deps.mil-resp"
]


def vector(name: str) -> bytes:
    return (VECTORS / "ocsp" / f"{name}.der").read_bytes()


def basic(name: str) -> BasicOCSPResponse:
    found = parse_response(vector(name)).basic
    assert found is not None
    return found


def test_the_tables_name_every_file() -> None:
    assert {path.stem for path in (VECTORS / "ocsp").iterdir()} == {*REQUESTS, *RESPONSES}


# --- requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "expected"), REQUESTS.items())
@pytest.mark.rule("O2")
def test_a_request_is_read_or_refused_for_its_reason(name: str, expected: int | str) -> None:
    if isinstance(expected, str):
        with pytest.raises(MalformedError) as caught:
            parse_request(vector(name))
        assert str(caught.value) == expected
    else:
        assert len(parse_request(vector(name)).cert_ids) == expected


@pytest.mark.parametrize("name", [name for name, said in REQUESTS.items() if isinstance(said, int)])
def test_a_request_is_written_again_byte_for_byte(name: str) -> None:
    request = parse_request(vector(name))

    assert vector(name) == encode_request(
        request.request_list,
        requestor_name=request.requestor_name,
        request_extensions=request.request_extensions,
    )


def test_a_serial_number_of_twenty_one_octets_is_read_and_noted() -> None:
    request = parse_request(vector("req-sha1"))

    assert request.cert_ids[0].serial_number.bit_length() == 160
    assert [one.where for one in request.departures] == ["Request.reqCert.serialNumber"]


def test_a_request_with_an_unknown_hash_is_read_and_names_no_issuer() -> None:
    (cert_id,) = parse_request(vector("req-invalid-hash-alg")).cert_ids

    assert cert_id.hash is None


# --- responses --------------------------------------------------------------------------------


def said(name: str) -> str:
    try:
        response = parse_response(vector(name))
    except MalformedError as error:
        return str(error)
    if response.response_status is not OCSPResponseStatus.SUCCESSFUL:
        return response.response_status.label
    if response.basic is None:
        return "another response type"
    answers = response.basic.tbs_response_data.responses
    return " and ".join(sorted({type(one.cert_status).__name__.lower() for one in answers}))


@pytest.mark.parametrize(("name", "expected"), RESPONSES.items())
@pytest.mark.rule("O9", "O10", "O12")
def test_a_response_is_read_or_refused_for_its_reason(name: str, expected: str) -> None:
    assert said(name) == expected


@pytest.mark.parametrize("name", BASIC)
@pytest.mark.rule("O21")
def test_a_response_is_written_again_byte_for_byte(name: str) -> None:
    found = basic(name)

    tbs = encode_response_data(found.tbs_response_data)

    assert tbs == found.tbs_der
    again = encode_response(tbs, found.signature_algorithm, found.signature, found.certs)
    assert again == vector(name)
    assert parse_response(vector(name)).departures == ()


def test_an_error_status_is_written_again_byte_for_byte() -> None:
    assert encode_error_response(OCSPResponseStatus.UNAUTHORIZED) == vector("resp-unauthorized")


@pytest.mark.parametrize("name", [name for name in BASIC if name != "ocsp-army.deps.mil-resp"])
def test_a_response_is_read_as_the_cryptography_package_reads_it(name: str) -> None:
    theirs = judge.load_der_ocsp_response(vector(name))
    (ours,) = basic(name).tbs_response_data.responses

    assert ours.cert_id.serial_number == theirs.serial_number
    assert ours.cert_id.issuer_key_hash == theirs.issuer_key_hash
    assert type(ours.cert_status).__name__.upper() == theirs.certificate_status.name
    assert (ours.this_update, ours.next_update) == (theirs.this_update_utc, theirs.next_update_utc)
    if isinstance(ours.cert_status, Revoked):
        assert ours.cert_status.revocation_time == theirs.revocation_time_utc


@pytest.mark.rule("O15")
def test_twenty_answers_in_one_response_are_read() -> None:
    """The Army answers about the neighbours of a serial number too: pre-produced."""
    answers = basic("ocsp-army.deps.mil-resp").tbs_response_data.responses

    assert len({one.cert_id for one in answers}) == 20
    assert sum(isinstance(one.cert_status, Revoked) for one in answers) == 4


def test_timestamps_of_certificate_transparency_are_read() -> None:
    (single,) = basic("resp-sct-extension").tbs_response_data.responses
    found = single.single_extensions.get(SignedCertificateTimestampList)
    theirs = judge.load_der_ocsp_response(vector("resp-sct-extension")).single_extensions
    listed = theirs.get_extension_for_class(x509.SignedCertificateTimestamps).value

    assert found is not None
    assert len(found.serialized) == len(list(listed))


# --- judged -----------------------------------------------------------------------------------

LETS_ENCRYPT = Certificate.load((VECTORS / "letsencryptx3.pem").read_bytes())[0]


@pytest.mark.rule("O1", "O21", "O22", "L10")
def test_a_real_answer_of_its_time_is_believed_and_today_is_not() -> None:
    response = parse_response(vector("resp-sha256"))
    (cert_id,) = (one.cert_id for one in basic("resp-sha256").tbs_response_data.responses)
    about = {"issuer": LETS_ENCRYPT, "serial_number": cert_id.serial_number}
    produced = basic("resp-sha256").tbs_response_data.produced_at
    expired = Certificate.from_der(LETS_ENCRYPT.der).not_after

    then = verify_response(response, now=produced, **about)  # type: ignore[arg-type]
    today = verify_response(response, now=expired, **about)  # type: ignore[arg-type]

    assert (then.verdict, then.findings) == (Verdict.GOOD, ())
    assert [check.rule for check in today.failures] == ["L10"]


@pytest.mark.rule("O29")
def test_a_real_answer_under_an_algorithm_of_1993_is_not_believed() -> None:
    """The same answer, whose algorithm was changed to md2WithRSAEncryption."""
    name = "resp-invalid-signature-oid"
    (single,) = basic(name).tbs_response_data.responses

    report = verify_response(
        parse_response(vector(name)),
        issuer=LETS_ENCRYPT,
        serial_number=single.cert_id.serial_number,
        now=single.this_update,
        policy=VerifyPolicy(allow_sha1=True),
    )

    assert "signature algorithm" in [check.name for check in report.failures]
    assert report.check("O29").reason == "1.2.840.113549.1.1.2 is not supported"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ocsp-army.deps.mil-resp", None),
        ("resp-delegate-unknown-cert", None),
        ("resp-revoked-reason", None),
        ("resp-sct-extension", None),
        ("resp-unknown-extension", "the signature does not match"),  # spoiled by hand
    ],
)
@pytest.mark.rule("O16", "O21")
def test_the_delegate_that_came_along_is_named_and_signed_it(
    name: str, problem: str | None
) -> None:
    """Their CAs are not among the vectors, but the delegates' certificates are in the answers."""
    found = basic(name)
    delegate = Certificate.from_der(found.certs[0])
    algorithm = signature_algorithm(found.signature_algorithm)

    assert found.tbs_response_data.responder_id.names(delegate)
    told = signature_problem(algorithm, delegate.public_key, found.signature, found.tbs_der)
    assert told == problem


def test_an_answer_to_a_real_certificate_names_it_by_its_issuer() -> None:
    leaf, issuer = Certificate.load((VECTORS / "cryptography.io.chain.pem").read_bytes())[:2]
    expected = CertID.for_certificate(leaf, issuer, HashAlgorithm.SHA1)

    for name, status in (
        ("resp-revoked-no-next-update", Revoked),
        ("resp-single-extension-reason", Good),
    ):
        (single,) = basic(name).tbs_response_data.responses
        assert single.cert_id == expected
        assert isinstance(single.cert_status, status)
    (unknown,) = basic("resp-delegate-unknown-cert").tbs_response_data.responses
    assert isinstance(unknown.cert_status, Unknown)


# --- certificates and CRLs ----------------------------------------------------------------------

REFUSED_CERTIFICATES = {
    "badasn1time.pem": "has a value that its type does not allow",
    "cryptography-scts-tbs-precert.der": "another type than the standard's",
    "custom/invalid_version.pem": "7 is none of v1(0), v2(1), v3(2)",
}
ONLY_OURS = {
    "PKITS_data/certs/DSAParametersInheritedCACert.crt",  # a key without its parameters
    "PKITS_data/certs/ValidDSAParameterInheritanceTest5EE.crt",
    "custom/dsa_null_alg_params.pem",  # NULL where nothing should stand
    "custom/ecdsa_null_alg.pem",
    "ed25519/ed25519-rfc8410.pem",  # the example of RFC 8410 itself: critical FALSE written out
    "custom/crl_inner_outer_mismatch.der",  # refused when its signature is looked at
    "custom/crl_issuer_invalid_printable_string.der",
}
"""What the cryptography package refuses to read, and we read."""

REFUSED_CRLS = {
    "custom/crl_bad_version.pem": "2 is neither v1(0) nor v2(1)",
    "custom/crl_dup_entry_ext.pem": "id-ce-cRLReasons stands twice",
    "custom/crl_inval_cert_issuer_entry_ext.pem": "is cut short",
    "custom/crl_inval_date_fractional_seconds.der": "has a fraction of a second",
    "custom/crl_invalid_time.der": "has a value that its type does not allow",
    "custom/crl_md2_unknown_crit_entry_ext.pem": "unknown critical extension 1.2.3.4",
    "custom/crl_unsupported_reason.pem": "CRLReason 12 is not assigned",
    "PKITS_data/crls/UnknownCRLEntryExtensionCACRL.crl": "unknown critical extension",
}


FILES = [
    path
    for path in sorted(VECTORS.rglob("*"))
    if path.suffix in {".pem", ".der", ".crt", ".crl"}
    and not {"requests", "ocsp"} & set(path.relative_to(VECTORS).parts)
    and b"PRIVATE KEY" not in path.read_bytes()
]
# A name that says "crl" may be that of a certificate with distribution points.
CRLS = [
    path
    for path in FILES
    if path.suffix == ".crl"
    or b"BEGIN X509 CRL" in path.read_bytes()
    or path.stem.startswith("crl_")
]
CERTIFICATES = [path for path in FILES if path not in set(CRLS)]


def label(path: Path) -> str:
    return path.relative_to(VECTORS).as_posix()


def test_every_certificate_is_read_as_the_cryptography_package_reads_it() -> None:
    refused = {}
    for path in CERTIFICATES:
        try:
            read = Certificate.load(path.read_bytes())
        except MalformedError as error:
            refused[label(path)] = str(error)
            continue
        for ours in read:
            if label(path) in ONLY_OURS:
                with pytest.raises(MalformedError):
                    _ = ours.parsed
                continue
            theirs = ours.parsed
            assert ours.tbs_der == theirs.tbs_certificate_bytes
            assert ours.not_before == theirs.not_valid_before_utc
            assert ours.not_after == theirs.not_valid_after_utc
            assert ours.subject.matches(ours.subject)

    assert_reasons(refused, REFUSED_CERTIFICATES)


def test_every_crl_is_read_as_the_cryptography_package_reads_it() -> None:
    refused = {}
    for path in CRLS:
        try:
            ours = CertificateList.load(path.read_bytes())
            entries = list(ours.entries())
        except MalformedError as error:
            refused[label(path)] = str(error)
            continue
        if label(path) in ONLY_OURS:
            with pytest.raises(ValueError, match=r"Inner and outer|PrintableString"):
                x509.load_der_x509_crl(ours.der)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what we read in silence: odd serial numbers
            theirs = x509.load_der_x509_crl(ours.der)
            serials = [one.serial_number for one in theirs]
        assert ours.tbs_der == theirs.tbs_certlist_bytes
        assert (ours.this_update, ours.next_update) == (
            theirs.last_update_utc,
            theirs.next_update_utc,
        )
        assert [one.serial_number for one in entries] == serials

    assert_reasons(refused, REFUSED_CRLS)


def assert_reasons(refused: dict[str, str], expected: dict[str, str]) -> None:
    assert refused.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in refused[name]
