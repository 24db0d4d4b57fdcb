"""No input makes a reader raise anything but MalformedError, loop, or grow.

A hundred thousand inputs in all: broken messages of every kind, and bytes of nothing. The
seed is pytest-randomly's, and stands in the failure beside the input itself.
"""

from __future__ import annotations

import faulthandler
import json
import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.ocsp import (
    AcceptableResponses,
    ArchiveCutoff,
    ByName,
    CertID,
    CertificateIssuer,
    CrlID,
    ExtendedRevoke,
    Extensions,
    Good,
    InvalidityDate,
    Nonce,
    OCSPResponse,
    OCSPResponseStatus,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    ReasonCode,
    Request,
    Revoked,
    ServiceLocator,
    Signature,
    SignedCertificateTimestampList,
    encode_error_response,
    encode_request,
    encode_response_data,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
    parse_response,
)
from certstatus.pkix import (
    AccessDescription,
    AlgorithmIdentifier,
    Certificate,
    CertificateList,
    CRLReason,
    GeneralName,
    HashAlgorithm,
    issuance_problem,
)
from certstatus.testing import Forge, Issued, TinyCA, plain_algorithm, sign_plain
from certstatus.verify import Verdict, VerifyPolicy, verify_response
from tests.books import crl, scope
from tests.property.mutation import Mutator

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
INPUTS: Final = 100_000
SLOWEST: Final = 0.5
"""Seconds of one thread for one input; a usual one takes a thousandth."""
GROWTH: Final = 256 * 1024
"""Kilobytes that the peak of memory may rise by in one run."""
ADDRESS_SPACE: Final = 4 * 1024**3
"""Octets more than at the start: past it, memory ends before the machine does."""
TOO_LONG: Final = 300
"""Seconds for one run, after which it loops, and is ended with a traceback."""


# --- the corpus: the same in every run, so that the seed alone tells the inputs ------------------


def key(number: int) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes((number,)) * 32)


CA: Final = TinyCA("Issuing CA", key=key(1))
LEAF: Final = CA.issue_server(
    key=key(2),
    ocsp_uris=["http://ocsp.example/"],
    ca_issuers_uris=["http://ca.example/ca.cer"],
    crl_uris=["http://ca.example/ca.crl", "ldap://ca.example/cn=ca"],
    tls_features=[x509.TLSFeatureType.status_request],
).certificate
DELEGATE: Final = CA.issue_responder(key=key(3))
ASKABLE: Final = CA.issue_responder(key=key(4), nocheck=False, ocsp_uris=["http://ocsp.example/"])
CERT_ID: Final = CertID.for_certificate(LEAF, CA.certificate)
NONCE: Final = Nonce(bytes(range(32)))
NAMES: Final = (GeneralName.directory_name(CA.certificate.subject), GeneralName.dns_name("a.b"))


def signed_request() -> bytes:
    location = AccessDescription(oids.ID_AD_OCSP, GeneralName.uri("http://ocsp.example/"))
    wishes = (
        PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ID_ED25519)),
        PreferredSignatureAlgorithm(
            AlgorithmIdentifier(oids.SHA256_WITH_RSA, b"\x05\0"),
            AlgorithmIdentifier(oids.RSA_ENCRYPTION),
        ),
    )
    locator = ServiceLocator(CA.certificate.subject, (location,))
    tbs = encode_tbs_request(
        [
            Request(CERT_ID, Extensions.of(locator)),
            CertID.of(CA.certificate, 5, HashAlgorithm.SHA1),
        ],
        requestor_name=NAMES[0],
        request_extensions=Extensions.of(
            NONCE,
            AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,)),
            PreferredSignatureAlgorithms(wishes),
        ),
    )
    signature = sign_plain(DELEGATE.key, tbs)
    certs = (DELEGATE.certificate.der,)
    return encode_signed_request(tbs, Signature(plain_algorithm(DELEGATE.key), signature, certs))


def revoked(signer: Issued) -> Forge:
    """Answer revoked with every extension; nothing in the corpus says good of the leaf."""
    return Forge.honest(CA, LEAF.serial_number, signer).but(
        now=NOW,
        cert_ids=(CERT_ID, CertID.of(CA.certificate, 5, HashAlgorithm.SHA1)),
        cert_status=Revoked(NOW, CRLReason.KEY_COMPROMISE),
        single_extensions=Extensions.of(
            CrlID("http://ca.example/ca.crl", 7, NOW),
            ArchiveCutoff(NOW),
            ReasonCode(CRLReason.KEY_COMPROMISE),
            InvalidityDate(NOW),
            CertificateIssuer(NAMES),
            SignedCertificateTimestampList((b"first", b"second")),
        ),
        response_extensions=Extensions.of(NONCE, ExtendedRevoke()),
    )


REQUESTS: Final = (
    encode_request([CERT_ID]),
    encode_request([CERT_ID], requestor_name=NAMES[1], request_extensions=Extensions.of(NONCE)),
    signed_request(),
)
RESPONSES: Final = (
    revoked(DELEGATE).der,
    revoked(DELEGATE).but(responder_id=ByName(DELEGATE.certificate.subject)).der,
    revoked(ASKABLE).der,
    revoked(CA.issued).der,
    Forge.honest(CA, 5, DELEGATE).der,
    encode_error_response(OCSPResponseStatus.TRY_LATER),
)
CERTIFICATES: Final = (
    LEAF.der,
    DELEGATE.certificate.der,
    ASKABLE.certificate.der,
    CA.certificate.der,
)
_ENTRY: Final = [
    (x509.CRLReason(x509.ReasonFlags.superseded), False),
    (x509.InvalidityDate(NOW), False),
    (x509.CertificateIssuer([x509.DirectoryName(CA.certificate.subject.parsed())]), True),
]
CRLS: Final = (
    crl(CA, 5, (7, _ENTRY), extensions=[scope(full_name="http://ca.example/ca.crl")]),
    crl(CA, 5, number=None, extensions=[scope(some=[x509.ReasonFlags.key_compromise])]),
    crl(CA, extensions=[(x509.DeltaCRLIndicator(3), True)]),
)


# --- what is done with each input ------------------------------------------------------------


def touch(extensions: Extensions) -> None:
    for extension in extensions:
        extensions.typed(extension)
        str(extension)


def read_request(der: bytes) -> None:
    request = parse_request(der)
    assert request.der == der
    assert {hash(cert_id) for cert_id in request.cert_ids}
    str((request, request.nonce, request.requestor_name, [*map(str, request.cert_ids)]))
    touch(request.request_extensions)
    encode_tbs_request(
        request.request_list,
        requestor_name=request.requestor_name,
        request_extensions=request.request_extensions,
    )


def read_response(der: bytes) -> OCSPResponse:
    response = parse_response(der)
    assert response.der == der
    if response.basic is not None:
        data = response.basic.tbs_response_data
        str((response, data.nonce, data.responder_id, str(data.responder_id)))
        for single in data.responses:
            touch(single.single_extensions)
            str(single.cert_status)
        touch(data.response_extensions)
        encode_response_data(data)
    return response


CERTIFICATE_LOOKS: Final[tuple[Callable[[Certificate], object], ...]] = (
    lambda one: (one.version, one.serial_number, one.not_before, one.not_after, str(one)),
    lambda one: (one.tbs_der, one.signature, one.signature_algorithm, one.key_algorithm),
    lambda one: (one.key_hash(HashAlgorithm.SHA1), one.subject_name_hash(HashAlgorithm.SHA1)),
    lambda one: (one.is_self_issued, one.issuer.matches(CA.certificate.subject)),
    lambda one: one.is_valid_at(NOW),
    lambda one: one.extensions,
    lambda one: one.ocsp_uris,
    lambda one: one.ca_issuers_uris,
    lambda one: one.crl_uris,
    lambda one: [*map(str, one.access_descriptions)],
    lambda one: one.extended_key_usages,
    lambda one: one.key_usage,
    lambda one: one.is_ca,
    lambda one: (one.nocheck, one.has_no_rev_avail),
    lambda one: one.tls_features,
    lambda one: one.public_key,
    lambda one: one.parsed,
    lambda one: issuance_problem(one, CA.certificate),
    lambda one: issuance_problem(LEAF, one),
)


def read_certificate(der: bytes) -> None:
    certificate = Certificate.from_der(der)
    assert certificate.der == der
    for look in CERTIFICATE_LOOKS:
        with suppress(MalformedError):
            look(certificate)


CRL_LOOKS: Final[tuple[Callable[[CertificateList], object], ...]] = (
    lambda one: (one.version, one.this_update, one.next_update, str(one.issuer)),
    lambda one: (one.crl_number, one.base_crl_number),
    lambda one: (one.scope, one.reasons),
    lambda one: (one.entry_count, [*map(str, one.entries())]),
    lambda one: one.unknown_critical(),
    lambda one: one.signature_problem(CA.certificate),
)


def read_crl(der: bytes) -> None:
    whole = CertificateList.from_der(der)
    assert whole.der == der
    for look in CRL_LOOKS:
        with suppress(MalformedError):
            look(whole)


REQUEST: Final = parse_request(REQUESTS[2])
LENIENT: Final = VerifyPolicy(allow_sha1=True, require_next_update=False)


def judge_response(der: bytes) -> None:
    """A judgment raises nothing at all, and believes no broken answer to say other than revoked."""
    report = verify_response(
        der,
        issuer=CA.certificate,
        certificate=LEAF,
        now=NOW,
        request=REQUEST,
        policy=LENIENT,
        delegate_status=lambda _: Good(),
    )
    json.dumps(report.as_json())
    assert report.verdict not in {Verdict.GOOD, Verdict.UNKNOWN}
    assert (report.verified is None) is (report.verdict is not Verdict.REVOKED)


READERS: Final[dict[str, tuple[Callable[[bytes], object], tuple[bytes, ...], float]]] = {
    "request": (read_request, (*REQUESTS, *CERTIFICATES[:1]), 0.25),
    "response": (read_response, (*RESPONSES, *REQUESTS[:1]), 0.25),
    "certificate": (read_certificate, (*CERTIFICATES, *CRLS[:1]), 0.2),
    "CRL": (read_crl, (*CRLS, *CERTIFICATES[:1]), 0.15),
    "judgment": (judge_response, RESPONSES, 0.15),
}


@contextmanager
def bounded() -> Iterator[None]:
    """End what loops, and bound what grows, even where the interpreter no longer gets its turn."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ADDRESS_SPACE, hard))
    faulthandler.dump_traceback_later(TOO_LONG, exit=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < GROWTH


@pytest.mark.parametrize("name", READERS)
def test_no_input_raises_loops_or_grows(name: str) -> None:
    read, corpus, share = READERS[name]
    seed = random.getrandbits(32)
    refused = 0

    with bounded():
        for der in Mutator(seed, corpus).inputs(round(INPUTS * share)):
            started = time.thread_time()
            try:
                read(der)
            except MalformedError:
                refused += 1
            except BaseException as error:  # noqa: BLE001 - none is expected
                pytest.fail(f"seed {seed}, input {der.hex()}: {error!r}")
            assert time.thread_time() - started < SLOWEST, f"seed {seed}, input {der.hex()}"

    # The mutator would prove nothing if its inputs were all alike.
    if name != "judgment":
        assert INPUTS * share * 0.3 < refused < INPUTS * share


def test_all_readers_together_are_given_all_inputs() -> None:
    assert sum(round(INPUTS * share) for _, _, share in READERS.values()) == INPUTS


@pytest.mark.parametrize("name", READERS)
def test_what_is_not_broken_is_read(name: str) -> None:
    """Without this, a reader that refuses everything would pass."""
    read, corpus, _ = READERS[name]
    own = {"request": 3, "response": 6, "certificate": 4, "CRL": 3, "judgment": 6}[name]

    for der in corpus[:own]:
        read(der)


def test_the_same_seed_gives_the_same_inputs() -> None:
    first, again, other = (list(Mutator(seed, REQUESTS).inputs(50)) for seed in (7, 7, 8))

    assert first == again != other
