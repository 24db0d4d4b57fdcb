"""OCSPResponse: every field both ways; two other implementations judge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import ocsp as judge
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as other_judge

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_RESPONSE_BYTES, MAX_RESPONSE_CERTS, MAX_RESPONSES
from certstatus.ocsp import (
    ArchiveCutoff,
    BasicOCSPResponse,
    ByKey,
    ByName,
    CertID,
    CrlID,
    ExtendedRevoke,
    Extensions,
    Good,
    InvalidityDate,
    Nonce,
    OCSPResponseStatus,
    ReasonCode,
    ResponderID,
    ResponseData,
    Revoked,
    SignedCertificateTimestampList,
    SingleResponse,
    Unknown,
    encode_error_response,
    encode_responder_id,
    encode_response,
    encode_response_data,
    parse_responder_id,
    parse_response,
)
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm, Name
from certstatus.testing import Forge, TinyCA, plain_algorithm, sign_plain
from tests import der as hand

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
CA = TinyCA("Issuing CA")
LEAF = CA.issue_server().certificate
DELEGATE = CA.issue_responder()
CERT_ID = CertID.for_certificate(LEAF, CA.certificate)
REVOKED = Revoked(NOW - WEEK, CRLReason.KEY_COMPROMISE)
BY_KEY, BY_NAME = ByKey.of(DELEGATE.certificate), ByName(DELEGATE.certificate.subject)

HONEST = Forge.honest(CA, LEAF.serial_number, DELEGATE)

# Paths into a response with one answer: through the responseBytes to the ResponseData.
BYTES, BASIC = (1, 0), (1, 0, 1, 0)
DATA = (*BASIC, 0)
SINGLE = (*DATA, 2, 0)


def basic(der: bytes) -> BasicOCSPResponse:
    found = parse_response(der).basic
    assert found is not None
    return found


def altered(path: tuple[int, ...], put: bytes, der: bytes = HONEST.der) -> bytes:
    return hand.changed(der, path, lambda _: put)


# --- error statuses -----------------------------------------------------------------------

ERRORS = [status for status in OCSPResponseStatus if status]


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.rule("O10")
def test_an_error_status_is_five_octets(status: OCSPResponseStatus) -> None:
    der = encode_error_response(status)

    assert der == bytes((0x30, 0x03, 0x0A, 0x01, int(status)))
    assert other_judge.load_der_ocsp_response(der).response_status.value == status
    read = parse_response(der)
    assert (read.response_status, read.basic, read.response_type) == (status, None, None)
    assert read.departures == ()


@pytest.mark.rule("O10")
def test_successful_is_no_error_status() -> None:
    with pytest.raises(ValueError, match="successful"):
        encode_error_response(OCSPResponseStatus.SUCCESSFUL)


@pytest.mark.parametrize("number", [4, 7, 127])
@pytest.mark.rule("O10")
def test_a_status_that_is_not_assigned_is_refused(number: int) -> None:
    with pytest.raises(MalformedError, match=f"{number} is not assigned") as caught:
        parse_response(bytes((0x30, 0x03, 0x0A, 0x01, number)))
    assert caught.value.where == "OCSPResponse.responseStatus"


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.rule("O10")
def test_bytes_beside_an_error_status_count_for_nothing_and_are_noted(
    status: OCSPResponseStatus,
) -> None:
    read = parse_response(altered((0,), hand.enumerated(int(status))))

    assert (read.response_status, read.basic) == (status, None)
    assert [one.where for one in read.departures] == ["OCSPResponse.responseBytes"]


@pytest.mark.rule("O9")
def test_a_successful_status_with_nothing_behind_it_is_refused() -> None:
    with pytest.raises(MalformedError, match="absent from a successful response"):
        parse_response(bytes.fromhex("30030a0100"))


@pytest.mark.rule("O9")
def test_another_response_type_is_read_and_has_no_basic_part() -> None:
    der = altered((*BYTES, 0), hand.oid("1.2.3"))

    read = parse_response(der)

    assert read.response_status is OCSPResponseStatus.SUCCESSFUL
    assert str(read.response_type and read.response_type.dotted_string) == "1.2.3"
    assert read.basic is None


# --- every field, judged by others -----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "octets"),
    [
        (Good(), b"\x80\x00"),
        (Unknown(), b"\x82\x00"),
        (Revoked(NOW), hand.tlv(0xA1, hand.generalized_time("20261121120000Z"))),
        (
            Revoked(NOW, CRLReason.UNSPECIFIED),
            hand.tlv(
                0xA1,
                hand.generalized_time("20261121120000Z"),
                hand.explicit(0, hand.enumerated(0)),
            ),
        ),
        (
            Revoked(NOW, CRLReason.AA_COMPROMISE),
            hand.tlv(
                0xA1,
                hand.generalized_time("20261121120000Z"),
                hand.explicit(0, hand.enumerated(10)),
            ),
        ),
    ],
    ids=str,
)
@pytest.mark.rule("O12")
def test_a_status_stands_with_its_implicit_tag(
    status: Good | Revoked | Unknown, octets: bytes
) -> None:
    """RFC 6960 §4.2.1: CertStatus alone is tagged implicitly."""
    der = HONEST.but(cert_status=status).der

    assert hand.at(der, *SINGLE, 1) == octets
    assert basic(der).tbs_response_data.responses[0].cert_status == status


@pytest.mark.parametrize("reason", [None, *CRLReason])
def test_every_reason_is_read_by_others(reason: CRLReason | None) -> None:
    theirs = other_judge.load_der_ocsp_response(HONEST.but(cert_status=Revoked(NOW, reason)).der)

    assert theirs.certificate_status is other_judge.OCSPCertStatus.REVOKED
    assert theirs.revocation_time_utc == NOW
    told = theirs.revocation_reason
    assert (told and told.value) == (
        None if reason is None else x509.ReasonFlags(reason.label).value
    )


@pytest.mark.parametrize("responder_id", [BY_KEY, BY_NAME], ids=["byKey", "byName"])
@pytest.mark.parametrize("status", [Good(), REVOKED, Unknown()], ids=str)
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.rule("O16", "O17", "O19")
def test_the_cryptography_package_reads_what_we_write(
    algorithm: HashAlgorithm, status: Good | Revoked | Unknown, responder_id: ResponderID
) -> None:
    cert_id = CertID.for_certificate(LEAF, CA.certificate, algorithm)
    forged = HONEST.but(cert_ids=(cert_id,), cert_status=status, responder_id=responder_id)
    theirs = other_judge.load_der_ocsp_response(forged.der)

    assert theirs.certificate_status.name.lower() == type(status).__name__.lower()
    assert theirs.serial_number == LEAF.serial_number
    assert theirs.issuer_name_hash == cert_id.issuer_name_hash
    assert (theirs.responder_key_hash is None) == (responder_id is BY_NAME)
    assert (theirs.responder_name is None) == (responder_id is BY_KEY)
    assert theirs.produced_at_utc == forged.data.produced_at
    assert theirs.this_update_utc == forged.data.responses[0].this_update
    assert theirs.next_update_utc == forged.data.responses[0].next_update
    assert theirs.tbs_response_bytes == basic(forged.der).tbs_der
    assert [one.public_bytes(Encoding.DER) for one in theirs.certificates] == [
        DELEGATE.certificate.der
    ]


def whole() -> Forge:
    """A response with every field and extension, on two certificates."""
    other = CertID.of(CA.certificate, 7, HashAlgorithm.SHA1)
    return HONEST.but(
        cert_ids=(CERT_ID, other),
        cert_status=REVOKED,
        single_extensions=Extensions.of(
            CrlID("http://crl.example/", 7, NOW - WEEK),
            ArchiveCutoff(NOW - 100 * WEEK),
            ReasonCode(CRLReason.KEY_COMPROMISE),
            InvalidityDate(NOW - 2 * WEEK),
            SignedCertificateTimestampList((b"sct",)),
        ),
        response_extensions=Extensions.of(Nonce(bytes(range(32))), ExtendedRevoke()),
        certs=(DELEGATE.certificate.der, CA.certificate.der),
    )


@pytest.mark.rule("O13", "O15", "O18", "O26", "O27", "O28")
def test_asn1crypto_reads_every_field_that_we_write() -> None:
    response = judge.OCSPResponse.load(whole().der, strict=True)
    judged = response["response_bytes"]["response"].parsed
    data = judged["tbs_response_data"]
    one, other = data["responses"]

    assert response["response_status"].native == "successful"
    assert data["version"].native == "v1"
    assert data["responder_id"].name == "by_key"
    assert one["cert_id"]["hash_algorithm"]["algorithm"].native == "sha256"
    assert other["cert_id"]["hash_algorithm"]["algorithm"].native == "sha1"
    assert one["cert_status"].native == {
        "revocation_time": NOW - WEEK,
        "revocation_reason": "key_compromise",
    }
    assert [extension["extn_id"].native for extension in one["single_extensions"]] == [
        "crl",
        "archive_cutoff",
        "crl_reason",
        "invalidity_date",
        "signed_certificate_timestamp_list",
    ]
    assert response.nonce_value.native == bytes(range(32))
    assert [extension["extn_id"].native for extension in data["response_extensions"]] == [
        "nonce",
        "extended_revoke",
    ]
    assert len(judged["certs"]) == 2


@pytest.mark.parametrize(
    "forge",
    [
        whole(),
        HONEST,
        HONEST.but(cert_status=Unknown(), responder_id=BY_NAME, certs=()),
        HONEST.but(has_next_update=False, signer=CA.issued),
    ],
    ids=["whole", "honest", "unknown by name", "without an end"],
)
@pytest.mark.rule("O21")
def test_every_field_is_read_as_it_was_written_and_written_in_the_same_bytes(forge: Forge) -> None:
    der = forge.der
    read = parse_response(der)

    assert (read.der, read.departures) == (der, ())
    assert read.basic is not None
    assert read.basic.tbs_response_data == forge.data
    tbs = encode_response_data(read.basic.tbs_response_data)
    assert tbs == read.basic.tbs_der
    algorithm, signature = read.basic.signature_algorithm, read.basic.signature
    assert encode_response(tbs, algorithm, signature, read.basic.certs) == der


@pytest.mark.rule("O18")
def test_no_certificates_are_absent_and_not_empty() -> None:
    der = HONEST.but(certs=()).der

    assert len(hand.elements(hand.elements(hand.at(der, *BASIC))[0].contents)) == 3
    assert len(hand.elements(hand.elements(hand.at(HONEST.der, *BASIC))[0].contents)) == 4


@pytest.mark.rule("O16")
def test_version_1_is_written_by_leaving_it_out() -> None:
    first = hand.elements(hand.elements(hand.at(HONEST.der, *DATA))[0].contents)[0]

    assert first.tag == 0xA2  # responderID byKey


@pytest.mark.rule("O20")
def test_times_are_written_as_whole_utc_seconds() -> None:
    odd = timedelta(microseconds=999_999)
    der = HONEST.but(
        this_update=NOW + odd,
        next_update=NOW + WEEK + odd,
        produced_at=NOW + odd,
        cert_status=Revoked(NOW + odd),
    ).der

    written = hand.generalized_time("20261121120000Z")
    assert hand.at(der, *DATA, 1) == written
    assert hand.at(der, *SINGLE, 2) == written
    assert hand.at(der, *SINGLE, 3) == hand.explicit(0, hand.generalized_time("20261128120000Z"))
    assert hand.at(der, *SINGLE, 1, 0) == written


def test_what_the_cryptography_package_builds_is_read_and_written_again() -> None:
    builder = other_judge.OCSPResponseBuilder()
    builder = builder.add_response(
        LEAF.parsed,
        CA.certificate.parsed,
        hashes.SHA1(),
        other_judge.OCSPCertStatus.REVOKED,
        NOW,
        NOW + WEEK,
        NOW - WEEK,
        x509.ReasonFlags.superseded,
    )
    builder = builder.responder_id(
        other_judge.OCSPResponderEncoding.NAME, DELEGATE.certificate.parsed
    )
    builder = builder.certificates([DELEGATE.certificate.parsed])
    builder = builder.add_extension(x509.OCSPNonce(b"nonce"), critical=False)
    der = builder.sign(DELEGATE.key, hashes.SHA256()).public_bytes(Encoding.DER)

    found = basic(der)

    (single,) = found.tbs_response_data.responses
    assert single.cert_status == Revoked(NOW - WEEK, CRLReason.SUPERSEDED)
    assert single.cert_id == CertID.for_certificate(LEAF, CA.certificate, HashAlgorithm.SHA1)
    assert (single.this_update, single.next_update) == (NOW, NOW + WEEK)
    assert found.tbs_response_data.responder_id == BY_NAME
    assert found.tbs_response_data.nonce == Nonce(b"nonce")
    assert encode_response_data(found.tbs_response_data) == found.tbs_der
    assert (
        encode_response(found.tbs_der, found.signature_algorithm, found.signature, found.certs)
        == der
    )


# --- lenient ------------------------------------------------------------------------------

LENIENT: dict[str, tuple[bytes, list[str]]] = {
    "v1 written out": (
        hand.with_member(HONEST.der, DATA, 0, hand.explicit(0, hand.integer(0))),
        ["ResponseData.version"],
    ),
    "critical FALSE written out": (
        hand.with_member(
            HONEST.der,
            DATA,
            3,
            hand.explicit(1, hand.sequence(hand.extension("1.2.3", b"", hand.FALSE))),
        ),
        ["responseExtensions.1.2.3"],
    ),
    "critical FALSE in singleExtensions": (
        hand.with_member(
            HONEST.der,
            SINGLE,
            4,
            hand.explicit(1, hand.sequence(hand.extension("1.2.3", b"", hand.FALSE))),
        ),
        ["singleExtensions.1.2.3"],
    ),
    "empty responseExtensions": (
        hand.with_member(HONEST.der, DATA, 3, hand.explicit(1, hand.sequence())),
        ["responseExtensions"],
    ),
    "empty certs": (
        altered((*BASIC, 3), hand.explicit(0, hand.sequence())),
        ["BasicOCSPResponse.certs"],
    ),
    "a negative serial": (
        altered((*SINGLE, 0, 3), hand.integer(-5)),
        ["SingleResponse.certID.serialNumber"],
    ),
    "a bare nonce": (
        hand.with_member(
            HONEST.der,
            DATA,
            3,
            hand.explicit(1, hand.sequence(hand.extension("1.3.6.1.5.5.7.48.1.2", b"bare"))),
        ),
        ["responseExtensions.id-pkix-ocsp-nonce"],
    ),
    "hash parameters NULL": (
        altered((*SINGLE, 0, 0), hand.sequence(hand.oid("2.16.840.1.101.3.4.2.1"), hand.NULL)),
        [],
    ),
    "a responder with an odd name": (
        altered(
            (*DATA, 0),
            hand.explicit(
                1,
                hand.sequence(
                    hand.tlv(0x31, hand.sequence(hand.oid("2.5.4.3"), hand.tlv(0x13, b"a@b")))
                ),
            ),
        ),
        [],
    ),
}


@pytest.mark.parametrize(("der", "places"), LENIENT.values(), ids=LENIENT)
def test_what_real_responders_write_is_read_and_noted(der: bytes, places: list[str]) -> None:
    read = parse_response(der)

    assert read.basic is not None
    assert [one.where for one in read.departures] == places


@pytest.mark.rule("O21")
def test_the_signed_bytes_are_those_received_and_no_writing_of_our_own() -> None:
    tbs = hand.with_member(
        encode_response_data(HONEST.data), (), 0, hand.explicit(0, hand.integer(0))
    )
    signature = sign_plain(DELEGATE.key, tbs)

    read = basic(encode_response(tbs, plain_algorithm(DELEGATE.key), signature))

    assert read.tbs_der == tbs
    assert read.tbs_response_data == HONEST.data
    assert encode_response_data(read.tbs_response_data) != tbs


@pytest.mark.rule("O18")
def test_a_broken_certificate_is_kept_unread() -> None:
    junk = hand.sequence(hand.integer(1))

    assert basic(HONEST.but(certs=(junk, DELEGATE.certificate.der)).der).certs == (
        junk,
        DELEGATE.certificate.der,
    )


# --- refused ------------------------------------------------------------------------------


def no_answers(der: bytes) -> bytes:
    return altered((*DATA, 2), hand.sequence(), der)


def twice(der: bytes) -> bytes:
    nonce = hand.extension("1.3.6.1.5.5.7.48.1.2", b"\x04\x01a")
    return hand.with_member(der, DATA, 3, hand.explicit(1, hand.sequence(nonce, nonce)))


def put(path: tuple[int, ...], octets: bytes) -> Callable[[bytes], bytes]:
    return lambda der: altered(path, octets, der)


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "a trailing byte": lambda der: der + b"\0",
    "a trailing byte in responseBytes": lambda der: hand.changed(
        der, BYTES, lambda one: one + b"\0"
    ),
    "a trailing byte in the response": lambda der: hand.changed(
        der, (*BYTES, 1), lambda one: hand.octet_string(hand.elements(one)[0].contents, b"\0")
    ),
    "a trailing byte in the data": lambda der: hand.with_member(der, DATA, 3, hand.NULL),
    "version 2": lambda der: hand.with_member(der, DATA, 0, hand.explicit(0, hand.integer(1))),
    "version -1": lambda der: hand.with_member(der, DATA, 0, hand.explicit(0, hand.integer(-1))),
    "no answers": no_answers,
    "an extension twice": twice,
    "a status with a value": put((*SINGLE, 1), hand.tlv(0x80, b"\0")),
    "a fourth status": put((*SINGLE, 1), hand.tlv(0x83)),
    "an explicit status": put((*SINGLE, 1), hand.explicit(0, hand.NULL)),
    "a revocation without its time": put((*SINGLE, 1), hand.tlv(0xA1)),
    "a revocation with reason 7": put(
        (*SINGLE, 1),
        hand.tlv(
            0xA1, hand.generalized_time("20261121120000Z"), hand.explicit(0, hand.enumerated(7))
        ),
    ),
    "a revocation with an INTEGER for a reason": put(
        (*SINGLE, 1),
        hand.tlv(0xA1, hand.generalized_time("20261121120000Z"), hand.explicit(0, hand.integer(1))),
    ),
    "a revocation with NULL for a reason": put(
        (*SINGLE, 1),
        hand.tlv(0xA1, hand.generalized_time("20261121120000Z"), hand.explicit(0, hand.NULL)),
    ),
    "a responderID of a third kind": put((*DATA, 0), hand.explicit(3, hand.NULL)),
    "a responderID that is no name": put((*DATA, 0), hand.explicit(1, hand.NULL)),
    "a responderID with its implicit tag": put((*DATA, 0), hand.tlv(0x82, bytes(20))),
    "no certID": put((*SINGLE, 0), b""),
    "a signature with unused bits": put((*BASIC, 2), hand.bit_string(b"\x80", 7)),
    "certs that are none": put((*BASIC, 3), hand.explicit(0, hand.NULL)),
    "a boolean for a status": put((0,), hand.TRUE),
    "a broken CrlID": lambda der: hand.with_member(
        der,
        SINGLE,
        4,
        hand.explicit(1, hand.sequence(hand.extension("1.3.6.1.5.5.7.48.1.3", b"junk"))),
    ),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
@pytest.mark.rule("O9")
def test_what_is_no_response_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedError):
        parse_response(spoil(HONEST.der))


@pytest.mark.parametrize(
    "text", ["20261121120000.5Z", "20261121120000+0000", "202611211200Z", "20261321120000Z"]
)
@pytest.mark.parametrize(
    "path",
    [(*DATA, 1), (*SINGLE, 2), (*SINGLE, 3, 0), (*SINGLE, 1, 0)],
    ids=["producedAt", "thisUpdate", "nextUpdate", "revocationTime"],
)
@pytest.mark.rule("O20")
def test_a_time_with_a_fraction_or_an_offset_is_refused(path: tuple[int, ...], text: str) -> None:
    der = HONEST.but(cert_status=REVOKED).der

    with pytest.raises(MalformedError):
        parse_response(altered(path, hand.generalized_time(text), der))


@pytest.mark.parametrize("size", [0, 19, 21, 32])
@pytest.mark.rule("O17")
def test_a_key_hash_is_twenty_octets_of_sha1(size: int) -> None:
    der = altered((*DATA, 0), hand.explicit(2, hand.octet_string(bytes(size))))

    with pytest.raises(MalformedError, match="byKey is not a SHA-1 hash") as caught:
        parse_response(der)
    assert caught.value.rule == "O17"


# --- limits -------------------------------------------------------------------------------


def test_a_response_past_the_limit_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match=f"larger than {MAX_RESPONSE_BYTES} bytes"):
        parse_response(bytes(MAX_RESPONSE_BYTES + 1))
    with pytest.raises(MalformedError, match="another type"):
        parse_response(bytes(MAX_RESPONSE_BYTES))


def test_as_many_answers_as_the_limit_are_read_and_not_one_more() -> None:
    single = hand.at(HONEST.der, *SINGLE)
    most = altered((*DATA, 2), hand.sequence(*[single] * MAX_RESPONSES))
    more = altered((*DATA, 2), hand.sequence(*[single] * (MAX_RESPONSES + 1)))

    assert len(basic(most).tbs_response_data.responses) == MAX_RESPONSES
    with pytest.raises(MalformedError, match=f"{MAX_RESPONSES + 1} answers, not 1 to"):
        parse_response(more)


def test_as_many_certs_as_the_limit_are_read_and_not_one_more() -> None:
    one = DELEGATE.certificate.der

    assert len(basic(HONEST.but(certs=(one,) * MAX_RESPONSE_CERTS).der).certs) == MAX_RESPONSE_CERTS
    with pytest.raises(MalformedError, match=f"more than {MAX_RESPONSE_CERTS} certificates"):
        parse_response(HONEST.but(certs=(one,) * (MAX_RESPONSE_CERTS + 1)).der)


# --- ResponderID --------------------------------------------------------------------------


@pytest.mark.rule("O16", "O17")
def test_a_responder_is_named_by_its_subject_or_by_sha1_of_its_key() -> None:
    renamed = CA.issue_responder("Other name", key=DELEGATE.key).certificate
    rekeyed = CA.issue_responder().certificate

    assert BY_KEY.key_hash == DELEGATE.certificate.key_hash(HashAlgorithm.SHA1)
    assert [BY_KEY.names(one) for one in (DELEGATE.certificate, renamed, rekeyed)] == [
        True,
        True,
        False,
    ]
    assert [BY_NAME.names(one) for one in (DELEGATE.certificate, renamed, rekeyed)] == [
        True,
        False,
        True,
    ]


def test_a_responder_id_is_shown_by_its_kind() -> None:
    assert str(ByKey(bytes(20))) == f"byKey: {'00' * 20}"
    assert str(ByName(Name.from_rfc4514("CN=a"))) == "byName: CN=a"


def test_what_is_encoded_need_not_come_from_a_response() -> None:
    data = ResponseData(
        responder_id=BY_KEY,
        produced_at=NOW,
        responses=(SingleResponse(cert_id=CERT_ID, cert_status=Good(), this_update=NOW),),
    )
    der = encode_response(
        encode_response_data(data), AlgorithmIdentifier(oids.ID_ED25519), b"signature"
    )

    assert basic(der).tbs_response_data == data
    assert basic(der).signature == b"signature"


@pytest.mark.parametrize("responder_id", [BY_KEY, BY_NAME], ids=["byKey", "byName"])
def test_a_responder_id_alone_comes_back_as_it_was(responder_id: ByKey | ByName) -> None:
    assert parse_responder_id(encode_responder_id(responder_id)) == responder_id


def test_a_responder_id_by_key_is_an_octet_string_under_its_tag() -> None:
    assert encode_responder_id(ByKey(bytes(20))) == bytes.fromhex("a2160414") + bytes(20)


@pytest.mark.parametrize(
    "der", ["", "a2", "a2160414", "a20304010000", "0500", "a1020500", "a2160414" + "00" * 21]
)
def test_a_responder_id_alone_of_other_bytes_is_malformed(der: str) -> None:
    with pytest.raises(MalformedError, match="ResponderID"):
        parse_responder_id(bytes.fromhex(der))
