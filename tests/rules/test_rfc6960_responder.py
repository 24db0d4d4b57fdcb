"""What a responder must answer (RFC 6960 §2, §4.1, §4.2, §4.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import ocsp as judge
from cryptography import x509
from cryptography.x509 import ocsp as other_judge

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode_sequence_of, encode_tlv, explicit
from certstatus.errors import SignerError, SourceError
from certstatus.limits import MAX_REQUESTS
from certstatus.ocsp import (
    AcceptableResponses,
    ArchiveCutoff,
    ByKey,
    ByName,
    CertID,
    CertStatus,
    CrlID,
    Extension,
    Extensions,
    Good,
    InvalidityDate,
    Nonce,
    OCSPResponseStatus,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    ReasonCode,
    Request,
    Revoked,
    ServiceLocator,
    Unknown,
)
from certstatus.pkix import (
    AccessDescription,
    AlgorithmIdentifier,
    CRLReason,
    GeneralName,
    HashAlgorithm,
    pss_algorithm,
    signature_algorithm,
    signature_problem,
)
from certstatus.responder import (
    Archive,
    Cause,
    Reply,
    Responder,
    ResponderIDForm,
    SignedRequests,
    UnlistedMode,
)
from certstatus.signing import LocalSigner, Rung
from certstatus.sources import Answer, NotOurs
from certstatus.testing import TinyCA
from tests.desk import (
    CA,
    DAY,
    DELEGATE,
    HOUR,
    LEAF,
    NOW,
    REVOKED,
    Says,
    authority,
    basic,
    cert_id,
    known,
    request,
    respond,
    signers,
    single,
    unlisted,
)

OTHER = TinyCA("Other CA")
SECOND = timedelta(seconds=1)


def five_octets(status: OCSPResponseStatus) -> bytes:
    return bytes.fromhex("30030a01") + bytes((status,))


def assert_refused(reply: Reply, cause: Cause, status: OCSPResponseStatus) -> None:
    assert (reply.cause, reply.response_status) == (cause, status)
    assert reply.der == five_octets(status)
    assert not reply.is_cacheable


MALFORMED = OCSPResponseStatus.MALFORMED_REQUEST
INTERNAL_ERROR = OCSPResponseStatus.INTERNAL_ERROR
TRY_LATER = OCSPResponseStatus.TRY_LATER
UNAUTHORIZED = OCSPResponseStatus.UNAUTHORIZED


# --- requests (§4.1) -----------------------------------------------------------------------


@pytest.mark.rule("O1")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_an_issuer_is_found_by_both_of_its_hashes_under_every_algorithm(
    algorithm: HashAlgorithm,
) -> None:
    asked = cert_id(algorithm=algorithm)
    wrong = b"\0" * len(asked.issuer_key_hash)

    assert respond(authority(), request(asked)).cause is Cause.ANSWERED
    for one in (
        replace(asked, issuer_name_hash=wrong, der=None),
        replace(asked, issuer_key_hash=wrong, der=None),
    ):
        assert_refused(respond(authority(), request(one)), Cause.ISSUER, UNAUTHORIZED)


@pytest.mark.rule("O1")
def test_the_same_name_with_another_key_is_another_authority() -> None:
    rekeyed = TinyCA(CA.common_name)
    old, new = authority(known(REVOKED)), authority(ca=rekeyed, by=signers(rekeyed.issued, rekeyed))
    responder = Responder([old, new])

    assert single(respond(responder, request(cert_id()))).cert_status == REVOKED
    assert single(respond(responder, request(cert_id(ca=rekeyed)))).cert_status == Good()


def with_version(number: int) -> bytes:
    tbs = explicit(0, encode_tlv(0x02, bytes((number,))))
    entry = encode_sequence_of([cert_id().encode()])
    return encode_sequence_of([encode_sequence_of([tbs, encode_sequence_of([entry])])])


@pytest.mark.rule("O2")
def test_every_truncation_is_malformed() -> None:
    der = request(extensions=Extensions.of(Nonce(b"\x5a" * 32)))
    desk = Responder([authority()])

    for length in range(len(der)):
        assert_refused(respond(desk, der[:length]), Cause.MALFORMED, MALFORMED)


@pytest.mark.rule("O2")
@pytest.mark.parametrize(
    "der",
    [
        request() + b"\0",
        with_version(1),
        bytes.fromhex("300430023000"),
        b"\x30\x80" + request()[2:] + b"\0\0",
        b"",
        b"GET / HTTP/1.1",
    ],
    ids=["trailing byte", "version 2", "no certificates", "indefinite length", "empty", "text"],
)
def test_what_breaks_the_syntax_is_malformed(der: bytes) -> None:
    assert_refused(respond(authority(), der), Cause.MALFORMED, MALFORMED)


@pytest.mark.rule("O2")
def test_a_version_1_that_is_written_out_is_read() -> None:
    assert respond(authority(), with_version(0)).cause is Cause.ANSWERED


UNKNOWN_OID = x509.ObjectIdentifier("1.2.3.4.5")


def critical(value: Any) -> Extension:
    return Extension(value.oid, value.encode(), critical=True)


@pytest.mark.rule("O3")
@pytest.mark.parametrize("is_critical", [False, True])
def test_an_unknown_extension_is_ignored_unless_it_is_critical(is_critical: bool) -> None:
    odd = Extensions.of(Extension(UNKNOWN_OID, b"\x05\x00", critical=is_critical))
    replies = [
        respond(authority(), request(extensions=odd)),
        respond(authority(), request(cert_id(2), Request(cert_id(), odd))),
    ]

    for reply in replies:
        if is_critical:
            assert_refused(reply, Cause.CRITICAL_EXTENSION, MALFORMED)
            assert UNKNOWN_OID.dotted_string in reply.detail
        else:
            assert reply.cause is Cause.ANSWERED


@pytest.mark.rule("O3")
def test_known_extensions_may_be_critical_where_they_belong_and_only_there() -> None:
    nonce = critical(Nonce(b"\x5a" * 32))
    types = critical(AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,)))
    locator = critical(ServiceLocator(CA.certificate.subject))
    right = [
        request(extensions=Extensions.of(nonce, types)),
        request(Request(cert_id(), Extensions.of(locator))),
    ]
    wrong = [
        request(extensions=Extensions.of(locator)),
        request(Request(cert_id(), Extensions.of(nonce))),
    ]

    for der in right:
        assert respond(authority(), der).cause is Cause.ANSWERED
    for der in wrong:
        assert_refused(respond(authority(), der), Cause.CRITICAL_EXTENSION, MALFORMED)


@pytest.mark.rule("O3")
def test_no_extension_of_an_answer_is_critical() -> None:
    extensions = Extensions.of(CrlID(crl_num=1), InvalidityDate(NOW))
    answers: dict[int, Answer] = {2: known(single_extensions=extensions), 3: unlisted()}
    reply = respond(
        authority(
            lambda asked, _: answers[asked.serial_number],
            unlisted=UnlistedMode.EXTENDED_REVOKE,
            archive=DAY,
        ),
        request(cert_id(2), cert_id(3), extensions=Extensions.of(critical(Nonce(b"n" * 32)))),
    )

    data = basic(reply).tbs_response_data
    singles = [list(one.single_extensions) for one in data.responses]
    assert [len(one) for one in singles] == [3, 0]
    assert len(data.response_extensions) == 2
    assert not any(one.critical for one in (*data.response_extensions, *singles[0]))


@pytest.mark.rule("O6")
def test_a_list_of_types_without_the_basic_one_is_answered_with_it() -> None:
    types = Extensions.of(AcceptableResponses((UNKNOWN_OID,)))

    reply = respond(authority(), request(extensions=types))

    assert single(reply).cert_status == Good()


def locator(*uris: str) -> ServiceLocator:
    places = [AccessDescription(oids.ID_AD_OCSP, GeneralName.uri(uri)) for uri in uris]
    return ServiceLocator(CA.certificate.subject, tuple(places))


@pytest.mark.rule("O7")
def test_a_service_locator_changes_nothing_for_what_is_served_here() -> None:
    without = Extension(
        ServiceLocator.oid, encode_sequence_of([CA.certificate.subject.der]), critical=False
    )

    for one in (locator("http://ocsp.example"), locator(), without):
        reply = respond(authority(), request(Request(cert_id(), Extensions.of(one))))
        assert single(reply).cert_status == Good()


@pytest.mark.rule("O7", "O11")
def test_a_service_locator_does_not_make_a_foreign_issuer_ours() -> None:
    asked = Request(cert_id(ca=OTHER), Extensions.of(locator("http://ocsp.example")))

    assert_refused(respond(authority(), request(asked)), Cause.ISSUER, UNAUTHORIZED)


# --- error statuses (§2.3, §4.2.1) ---------------------------------------------------------


class Broken(LocalSigner):
    def sign(self, tbs: bytes) -> bytes:
        raise SignerError("the token was pulled")


def broken() -> Broken:
    (signer, *_) = signers()
    return Broken(
        certificate=signer.certificate,
        certs=signer.certs,
        algorithm=signer.algorithm,
        key=signer.key,
    )


@pytest.mark.rule("O10", "O11")
def test_each_error_status_is_five_unsigned_octets() -> None:
    replies = {
        MALFORMED: respond(authority(), b"junk"),
        INTERNAL_ERROR: respond(authority(by=[broken()])),
        TRY_LATER: respond(authority(SourceError("the CRL has expired"))),
        OCSPResponseStatus.SIG_REQUIRED: respond(authority(), signatures=SignedRequests.REQUIRE),
        UNAUTHORIZED: respond(authority(), request(cert_id(ca=OTHER))),
    }

    for status, reply in replies.items():
        assert reply.der == five_octets(status)
        assert other_judge.load_der_ocsp_response(reply.der).response_status.value == status
        assert judge.OCSPResponse.load(reply.der)["response_bytes"].native is None


@pytest.mark.rule("O11")
def test_a_source_that_can_not_know_now_means_try_later() -> None:
    reply = respond(authority(SourceError("the database is locked")))

    assert_refused(reply, Cause.SOURCE_UNAVAILABLE, TRY_LATER)
    assert reply.detail == "the database is locked"


@pytest.mark.rule("O11", "L6")
def test_an_issuer_that_nobody_answers_for_means_unauthorized() -> None:
    assert_refused(respond(authority(), request(cert_id(ca=OTHER))), Cause.ISSUER, UNAUTHORIZED)
    denied = authority(NotOurs(origin="desk"))
    assert_refused(respond(denied), Cause.ISSUER, UNAUTHORIZED)


# --- statuses (§2.2) -----------------------------------------------------------------------

HELD = Revoked(NOW - DAY, CRLReason.CERTIFICATE_HOLD)


@pytest.mark.rule("O12")
@pytest.mark.parametrize("status", [Good(), REVOKED, HELD, Revoked(NOW - DAY)], ids=str)
def test_what_the_source_knows_is_answered_as_it_knows_it(status: Good | Revoked) -> None:
    assert single(respond(authority(known(status)))).cert_status == status


@pytest.mark.rule("O12", "B4", "C10")
@pytest.mark.parametrize("lists_issued", [True, False])
@pytest.mark.parametrize(("mode", "status"), [(None, Unknown()), (UnlistedMode.GOOD, Good())])
def test_an_unlisted_serial_is_unknown_and_good_only_by_choice(
    mode: UnlistedMode | None, status: CertStatus, lists_issued: bool
) -> None:
    answer = unlisted(lists_issued=lists_issued)

    assert single(respond(authority(answer, unlisted=mode))).cert_status == status


@pytest.mark.rule("O12")
def test_statuses_have_their_implicit_tags() -> None:
    tags = {
        b"\x80\x00": respond(authority()),
        b"\xa1\x16": respond(authority(known(REVOKED))),
        b"\x82\x00": respond(authority(unlisted())),
    }

    for tag, reply in tags.items():
        assert cert_id().encode() + tag in basic(reply).tbs_der


@pytest.mark.rule("O13")
def test_revoked_for_a_serial_that_was_never_issued_has_its_fixed_form() -> None:
    answer = unlisted(
        single_extensions=Extensions.of(CrlID(crl_num=7), ReasonCode(CRLReason.SUPERSEDED))
    )

    reply = respond(authority(answer, unlisted=UnlistedMode.EXTENDED_REVOKE, archive=DAY))

    found = basic(reply)
    one = single(reply)
    # revoked [1] { 19700101000000Z, [0] { certificateHold(6) } }
    revoked = b"\xa1\x16\x18\x0f19700101000000Z\xa0\x03\x0a\x01\x06"
    assert cert_id().encode() + revoked + b"\x18\x0f" in found.tbs_der
    assert len(one.single_extensions) == 0
    # [1] { { { id-pkix-ocsp-extended-revoke, OCTET STRING { NULL } } } }, not critical
    last = bytes.fromhex("a1133011300f06092b06010505073001090402 0500")
    assert found.tbs_der.endswith(last)
    assert not reply.is_cacheable


@pytest.mark.rule("O13", "C10")
def test_a_source_that_lists_only_the_revoked_never_makes_the_rest_revoked() -> None:
    answer = unlisted(lists_issued=False)

    reply = respond(authority(answer, unlisted=UnlistedMode.EXTENDED_REVOKE))

    assert single(reply).cert_status == Unknown()
    assert len(basic(reply).tbs_response_data.response_extensions) == 0


@pytest.mark.rule("O14")
def test_everything_that_a_compromised_ca_issued_is_revoked() -> None:
    since = NOW - 2 * DAY
    expected = Revoked(since, CRLReason.CA_COMPROMISE)
    held_before = Revoked(since - DAY, CRLReason.CERTIFICATE_HOLD)
    answers = (
        known(),
        known(held_before),
        unlisted(),
        known(REVOKED),
        SourceError("it is down"),
    )

    for answer in answers:
        for mode in UnlistedMode:
            reply = respond(authority(answer, compromised_since=since, unlisted=mode))
            assert single(reply).cert_status == expected


@pytest.mark.rule("O14")
def test_who_was_revoked_before_the_compromise_stays_so() -> None:
    early = Revoked(NOW - 9 * DAY, CRLReason.SUPERSEDED)

    reply = respond(authority(known(early), compromised_since=NOW - DAY))

    assert single(reply).cert_status == early


# --- the answer (§4.2) ---------------------------------------------------------------------


@pytest.mark.rule("O9", "O16")
def test_an_answer_is_basic_and_version_1_by_default() -> None:
    response = judge.OCSPResponse.load(respond(authority()).der, strict=True)

    assert response["response_bytes"]["response_type"].dotted == "1.3.6.1.5.5.7.48.1.1"
    data = response.response_data
    assert data["version"].native == "v1"
    assert data.contents[:1] == b"\xa2"


@pytest.mark.rule("O15")
def test_one_answer_for_each_certificate_in_the_bytes_of_its_question() -> None:
    numbers = [2, 2**159 - 1, 0, -66, 154, 2**200]
    with_null = CertID.from_der(
        replace(
            cert_id(5), hash_algorithm=AlgorithmIdentifier(oids.ID_SHA256, b"\x05\x00"), der=None
        ).encode()
    )
    asked = [*map(cert_id, numbers), with_null, cert_id(6, HashAlgorithm.SHA1)]

    reply = respond(authority(), request(*asked))

    answered = [one.cert_id for one in basic(reply).tbs_response_data.responses]
    assert [one.encode() for one in answered] == [one.encode() for one in asked]
    assert [one.cert_id for one in reply.told] == asked


@pytest.mark.rule("O15")
def test_a_certificate_that_is_asked_for_twice_is_answered_once() -> None:
    with_null = replace(
        cert_id(), hash_algorithm=AlgorithmIdentifier(oids.ID_SHA256, b"\x05\x00"), der=None
    )
    one = authority()

    reply = respond(one, request(cert_id(), cert_id(2), cert_id(), with_null))

    serials = [one.cert_id.serial_number for one in basic(reply).tbs_response_data.responses]
    assert serials == [LEAF.serial_number, 2]
    assert isinstance(one.source, Says)
    assert len(one.source.asked) == 2


@pytest.mark.rule("O15")
def test_as_many_certificates_as_the_limit_and_no_more_are_answered() -> None:
    full = [cert_id(number) for number in range(1, MAX_REQUESTS + 1)]

    reply = respond(authority(), request(*full))
    assert len(basic(reply).tbs_response_data.responses) == MAX_REQUESTS

    over = respond(authority(), request(*full, cert_id(0)))
    assert_refused(over, Cause.TOO_MANY, UNAUTHORIZED)
    assert_refused(
        respond(authority(), request(cert_id(1), cert_id(2)), max_certificates=1),
        Cause.TOO_MANY,
        UNAUTHORIZED,
    )


@pytest.mark.rule("O16", "O17")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_the_responder_is_named_by_the_sha1_of_its_key_whatever_was_hashed(
    algorithm: HashAlgorithm,
) -> None:
    data = basic(respond(authority(), request(cert_id(algorithm=algorithm)))).tbs_response_data

    key = x509.SubjectKeyIdentifier.from_public_key(DELEGATE.key.public_key())
    assert data.responder_id == ByKey(key.digest)
    assert isinstance(data.responder_id, ByKey)
    assert len(data.responder_id.key_hash) == 20


@pytest.mark.rule("O16")
def test_the_responder_may_be_named_by_the_subject_of_its_certificate() -> None:
    reply = respond(authority(responder_id=ResponderIDForm.BY_NAME))

    named = basic(reply).tbs_response_data.responder_id
    assert named == ByName(DELEGATE.certificate.subject)


@pytest.mark.rule("O18", "L5")
def test_a_delegate_is_enclosed_and_the_ca_leaves_certs_out() -> None:
    by_delegate = respond(authority())
    by_ca = respond(authority(by=signers(CA.issued)))

    assert basic(by_delegate).certs == (DELEGATE.certificate.der,)
    response = judge.OCSPResponse.load(by_ca.der)["response_bytes"]["response"].parsed
    assert response["certs"].native is None


@pytest.mark.rule("O21", "A1", "A2", "A3", "B7")
@pytest.mark.parametrize(
    "kind", ["rsa2048", "p256", "p384", "p521", "ed25519", "ed448", "mldsa44", "mldsa87"]
)
def test_the_signature_is_over_the_der_of_the_data(kind: str) -> None:
    issued = CA.issue_responder(kind=kind)

    for signer in signers(issued):
        found = basic(respond(authority(by=[signer])))
        algorithm = signature_algorithm(found.signature_algorithm)
        key = issued.certificate.public_key
        assert signature_problem(algorithm, key, found.signature, found.tbs_der) is None
        assert ByKey.of(issued.certificate) == found.tbs_response_data.responder_id


# --- times (§2.4, §4.2.2.1) ----------------------------------------------------------------


@pytest.mark.rule("O19", "L7")
def test_this_update_comes_not_after_produced_at_and_next_update_after_both() -> None:
    reply = respond(authority())

    one, data = single(reply), basic(reply).tbs_response_data
    assert one.next_update is not None
    assert one.this_update <= data.produced_at == NOW < one.next_update
    assert (reply.this_update, reply.next_update) == (one.this_update, one.next_update)


@pytest.mark.rule("O19")
def test_an_answer_that_is_given_again_keeps_its_times() -> None:
    desk = Responder([authority(lambda _, now: known(this_update=now))])
    first = respond(desk)

    later = respond(desk, now=NOW + DAY)

    assert later.der == first.der
    assert later.is_remembered


@pytest.mark.rule("O20")
def test_times_are_whole_seconds_whatever_the_clock_says() -> None:
    now = NOW.replace(microsecond=999_999)
    answer = known(
        Revoked(now - DAY, CRLReason.KEY_COMPROMISE),
        this_update=now - HOUR,
        next_update=now + DAY,
    )

    found = basic(respond(authority(answer, archive=DAY), now=now))

    times = [
        b"20261121120000Z",  # producedAt
        b"20261120120000Z",  # revocationTime, and archiveCutoff
        b"20261121110000Z",  # thisUpdate
        b"20261122120000Z",  # nextUpdate
    ]
    assert all(b"\x18\x0f" + time in found.tbs_der for time in times)
    assert found.tbs_der.count(b"\x18\x0f2026112") == 5


# --- extensions (§4.4) ---------------------------------------------------------------------


@pytest.mark.rule("O26", "O28")
def test_what_the_source_adds_comes_through() -> None:
    added = Extensions.of(
        CrlID(crl_url="http://crl.example/1", crl_num=9, crl_time=NOW),
        InvalidityDate(NOW - 9 * DAY),
        ReasonCode(CRLReason.KEY_COMPROMISE),
    )

    reply = respond(authority(known(REVOKED, single_extensions=added)))

    assert single(reply).single_extensions == added


@pytest.mark.rule("O27")
@pytest.mark.parametrize(
    ("archive", "now", "cutoff"),
    [
        (timedelta(days=7 * 365 + 2), NOW, datetime(2019, 11, 21, 12, tzinfo=UTC)),
        (
            timedelta(days=366),
            datetime(2028, 2, 29, 8, tzinfo=UTC),
            datetime(2027, 2, 28, 8, tzinfo=UTC),
        ),
        (Archive.CA_START, NOW, CA.not_before),
    ],
)
def test_the_archive_cutoff_is_produced_at_less_the_retention_or_the_cas_start(
    archive: timedelta | Archive, now: datetime, cutoff: datetime
) -> None:
    direct = signers(CA.issued)

    reply = respond(authority(known(this_update=now), by=direct, archive=archive), now=now)

    assert single(reply).single_extensions.get(ArchiveCutoff) == ArchiveCutoff(cutoff)


@pytest.mark.rule("O27")
def test_a_cutoff_of_the_source_goes_before_the_policys_and_unknown_has_none() -> None:
    own = Extensions.of(ArchiveCutoff(NOW - 99 * DAY))

    assert (
        single(respond(authority(known(single_extensions=own), archive=DAY))).single_extensions
        == own
    )
    assert len(single(respond(authority(unlisted(), archive=DAY))).single_extensions) == 0


# --- algorithms (§4.4.7) -------------------------------------------------------------------

RSA = signers(CA.issue_responder(kind="rsa2048"), CA)
ED25519 = signers(CA.issue_responder(kind="ed25519"), CA)


def preferring(*algorithms: AlgorithmIdentifier) -> bytes:
    wishes = tuple(PreferredSignatureAlgorithm(one) for one in algorithms)
    return request(extensions=Extensions.of(PreferredSignatureAlgorithms(wishes)))


@pytest.mark.rule("O30", "O31")
def test_the_requestors_preference_decides_who_signs() -> None:
    desk = Responder([authority(by=(*signers(), *ED25519, *RSA))])
    pss = pss_algorithm(oids.ID_SHA512).identifier
    wishes = {
        Rung.ADVERTISED: (request(), oids.ECDSA_WITH_SHA256),
        Rung.PREFERENCE: (
            preferring(AlgorithmIdentifier(oids.ID_ED448), AlgorithmIdentifier(oids.ID_ED25519)),
            oids.ID_ED25519,
        ),
    }

    for rung, (der, oid) in wishes.items():
        reply = respond(desk, der)
        assert (reply.rung, basic(reply).signature_algorithm.oid) == (rung, oid)
    assert basic(respond(desk, preferring(pss))).signature_algorithm == pss


@pytest.mark.rule("O30", "O31")
def test_ed25519_before_rsa_is_answered_with_rsa_by_an_rsa_only_responder() -> None:
    rsa = AlgorithmIdentifier(oids.SHA384_WITH_RSA)

    reply = respond(authority(by=RSA), preferring(AlgorithmIdentifier(oids.ID_ED25519), rsa))

    assert basic(reply).signature_algorithm.oid == oids.SHA384_WITH_RSA


@pytest.mark.rule("O29", "O31")
def test_a_weak_preference_is_not_met() -> None:
    sha1 = AlgorithmIdentifier(oids.SHA1_WITH_RSA, b"\x05\x00")

    reply = respond(authority(by=RSA), preferring(sha1))

    assert basic(reply).signature_algorithm.oid == oids.SHA256_WITH_RSA


@pytest.mark.rule("O31")
def test_the_algorithm_of_the_cas_crl_comes_before_the_default() -> None:
    one = replace(
        authority(by=(*signers(), *RSA)), crl_algorithm=AlgorithmIdentifier(oids.SHA512_WITH_RSA)
    )

    reply = respond(one)

    assert (reply.rung, basic(reply).signature_algorithm.oid) == (
        Rung.CRL,
        oids.SHA512_WITH_RSA,
    )


@pytest.mark.rule("O31", "O19")
def test_an_answer_in_one_algorithm_is_not_given_again_for_another() -> None:
    desk = Responder([authority(by=(*signers(), *RSA))])
    rsa = preferring(AlgorithmIdentifier(oids.SHA256_WITH_RSA))

    replies = [respond(desk, der) for der in (request(), rsa, request(), rsa)]

    assert [reply.is_remembered for reply in replies] == [False, False, True, True]
    assert replies[1].der == replies[3].der != replies[0].der
