"""Messages that mean harm: cut, lengthened, buried, repeated. Each ends in a word, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from certstatus.errors import MalformedError
from certstatus.limits import (
    MAX_CERTIFICATE_BYTES,
    MAX_EXTENSIONS,
    MAX_INTEGER_OCTETS,
    MAX_NONCE_OCTETS,
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_RESPONSE_CERTS,
    MAX_RESPONSES,
)
from certstatus.ocsp import (
    ByName,
    CertID,
    Extensions,
    Nonce,
    encode_request,
    parse_request,
    parse_response,
)
from certstatus.pkix import Certificate, CertificateList, Name
from certstatus.testing import TinyCA
from certstatus.verify import Verdict
from tests import der as hand
from tests.courtroom import CA, DELEGATE, LEAF, honest, judge
from tests.property.mutation import nested

REQUEST = encode_request(honest().cert_ids, request_extensions=Extensions.of(Nonce(bytes(32))))
RESPONSE = honest().der
MESSAGES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "request": (parse_request, REQUEST),
    "response": (parse_response, RESPONSE),
    "certificate": (Certificate.from_der, LEAF.der),
    "CRL": (CertificateList.from_der, CA.crl()),
}
DEEP = 5_000
ENTRY = hand.at(REQUEST, 0, 0, 0)
SINGLE = hand.at(RESPONSE, 1, 0, 1, 0, 0, 2, 0)
DATA = (1, 0, 1, 0, 0)


@contextmanager
def soon(seconds: float = 1) -> Iterator[None]:
    """Hold the work of this thread to a time that a slow machine keeps too."""
    started = time.thread_time()
    yield
    assert time.thread_time() - started < seconds


def request_with(*extensions: bytes) -> bytes:
    wrapped = hand.explicit(2, hand.sequence(*extensions))
    return hand.sequence(hand.sequence(hand.sequence(ENTRY), wrapped))


# --- cut and lengthened -----------------------------------------------------------------------


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.rule("O2")
def test_every_prefix_is_refused(name: str) -> None:
    read, whole = MESSAGES[name]

    read(whole)
    for size in range(len(whole)):
        with pytest.raises(MalformedError):
            read(whole[:size])


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.rule("O2")
def test_every_trailing_byte_is_refused(name: str) -> None:
    read, whole = MESSAGES[name]

    for octet in range(256):
        with pytest.raises(MalformedError, match="bytes after its end"):
            read(whole + bytes((octet,)))


@pytest.mark.parametrize("name", MESSAGES)
def test_a_byte_too_many_anywhere_inside_is_refused(name: str) -> None:
    """Lengths are mended around it: each element alone has one octet more than its type holds."""
    read, whole = MESSAGES[name]
    outer = hand.elements(whole)[0]

    for position in range(len(hand.elements(outer.contents))):
        with pytest.raises(MalformedError):
            read(hand.changed(whole, (position,), lambda one: one + b"\0"))


def test_a_judgment_of_any_prefix_is_a_verdict_and_no_error() -> None:
    for size in range(len(RESPONSE)):
        assert judge(RESPONSE[:size]).verdict is Verdict.MALFORMED


@pytest.mark.parametrize("name", MESSAGES)
def test_lengths_that_promise_more_than_memory_holds_are_refused_at_once(name: str) -> None:
    read, whole = MESSAGES[name]

    for length in (b"\x84\x7f\xff\xff\xff", b"\x84\xff\xff\xff\xff", b"\x88" + b"\xff" * 8):
        with soon(), pytest.raises(MalformedError):
            read(whole[:1] + length + whole[4:])


# --- nonces -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 15, 16, 32, 33, MAX_NONCE_OCTETS, MAX_NONCE_OCTETS + 1])
@pytest.mark.parametrize("is_bare", [False, True])
@pytest.mark.rule("N2", "N3")
def test_a_nonce_of_any_length_is_read_and_left_to_judgment(size: int, *, is_bare: bool) -> None:
    nonce = Nonce(b"\xff" * size, is_bare=is_bare)
    der = encode_request(honest().cert_ids, request_extensions=Extensions.of(nonce))

    assert parse_request(der).nonce == nonce


@pytest.mark.rule("O2")
def test_two_nonces_are_refused() -> None:
    nonces = [hand.extension("1.3.6.1.5.5.7.48.1.2", Nonce(b"%d" % one).encode()) for one in (1, 2)]

    with pytest.raises(MalformedError, match="twice"):
        parse_request(request_with(*nonces))


# --- too much ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "size"),
    [
        (parse_request, MAX_REQUEST_BYTES),
        (parse_response, MAX_RESPONSE_BYTES),
        (Certificate.from_der, MAX_CERTIFICATE_BYTES),
    ],
)
def test_bytes_past_the_limit_are_refused_unread(
    read: Callable[[bytes], object], size: int
) -> None:
    for octet in (b"\x00", b"\x30", b"\xff"):
        with soon(), pytest.raises(MalformedError, match=f"larger than {size} bytes"):
            read(octet * (size + 1))


def test_ten_thousand_requests_are_refused_by_their_size() -> None:
    many = hand.sequence(hand.sequence(hand.sequence(*[ENTRY] * 10_000)))

    with soon(), pytest.raises(MalformedError, match=f"larger than {MAX_REQUEST_BYTES} bytes"):
        parse_request(many)


def test_as_many_requests_as_fit_are_read_in_no_time() -> None:
    """How many are answered is the responder's own limit."""
    count = (MAX_REQUEST_BYTES - 20) // len(ENTRY)
    most = hand.sequence(hand.sequence(hand.sequence(*[ENTRY] * count)))

    with soon():
        assert len(parse_request(most).cert_ids) == count


@pytest.mark.parametrize("count", [MAX_RESPONSES + 1, 10_000])
def test_too_many_answers_are_refused(count: int) -> None:
    tiny = hand.changed(SINGLE, (0,), lambda _: tiny_cert_id())
    many = hand.changed(RESPONSE, (*DATA, 2), lambda _: hand.sequence(*[tiny] * count))

    assert len(many) < MAX_RESPONSE_BYTES
    with soon(), pytest.raises(MalformedError, match=f"{count} answers, not 1 to {MAX_RESPONSES}"):
        parse_response(many)


def tiny_cert_id() -> bytes:
    hashed = hand.sequence(hand.oid("1.3.14.3.2.26"))
    return hand.sequence(hashed, hand.octet_string(), hand.octet_string(), hand.integer(1))


def test_as_many_answers_as_the_limit_are_judged_in_no_time() -> None:
    many = tuple(CertID.of(CA.certificate, number) for number in range(1, MAX_RESPONSES + 1))
    der = honest().but(cert_ids=many).der

    with soon():
        report = judge(der, certificate=None, serial_number=MAX_RESPONSES)

    assert report.verdict is Verdict.GOOD


def test_too_many_certificates_are_refused() -> None:
    der = honest().but(certs=(DELEGATE.certificate.der,) * (MAX_RESPONSE_CERTS + 1)).der

    report = judge(der)

    assert report.verdict is Verdict.MALFORMED
    assert "certificates" in report.failures[0].reason


@pytest.mark.parametrize("kind", ["p521", "mldsa87"])
def test_as_many_certificates_as_the_limit_cost_their_signature_checks_and_no_more(
    kind: str,
) -> None:
    """All bear the name of the responder, so each one is tried."""
    stranger = TinyCA("Stranger", kind=kind)
    twins = tuple(stranger.issue_responder().certificate.der for _ in range(MAX_RESPONSE_CERTS))
    named = ByName(DELEGATE.certificate.subject)
    der = honest().but(responder_id=named, certs=twins).der

    with soon(2):
        assert judge(der).verdict is Verdict.UNTRUSTED


@pytest.mark.parametrize("count", [MAX_EXTENSIONS + 1, 2_000])
def test_too_many_extensions_are_refused(count: int) -> None:
    many = [hand.extension(f"1.2.{number}", b"") for number in range(count)]

    with soon(), pytest.raises(MalformedError, match=f"more than {MAX_EXTENSIONS} extensions"):
        parse_request(request_with(*many))


@pytest.mark.parametrize("octets", [MAX_INTEGER_OCTETS + 1, 60_000])
@pytest.mark.parametrize(
    "path", [(0, 0, 0, 0, 3), (0, 0, 0, 0, 0, 0)], ids=["serialNumber", "hashAlgorithm"]
)
@pytest.mark.rule("O2")
def test_a_number_without_end_is_refused_and_printed_nowhere(
    path: tuple[int, ...], octets: int
) -> None:
    """A decimal number of that size takes seconds to write, and Python refuses to."""
    endless = hand.tlv(0x02, b"\x01" * octets)
    der = hand.changed(REQUEST, path, lambda _: endless)

    with soon(), pytest.raises(MalformedError) as caught:
        parse_request(der)
    assert len(str(caught.value)) < 200


@pytest.mark.rule("O2")
def test_a_version_without_end_is_refused_and_printed_nowhere() -> None:
    version = hand.explicit(0, hand.tlv(0x02, b"\x01" * 60_000))

    with soon(), pytest.raises(MalformedError) as caught:
        parse_request(hand.with_member(REQUEST, (0,), 0, version))
    assert len(str(caught.value)) < 200


def test_an_object_identifier_without_end_is_refused() -> None:
    endless = hand.sequence(hand.tlv(0x06, b"\x81" * 60_000 + b"\x01"), hand.octet_string())

    with soon(), pytest.raises(MalformedError):
        parse_request(request_with(endless))


# --- buried -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", [0x30, 0xA0, 0x31, 0x24, 0x04])
def test_what_is_buried_deep_is_read_without_recursion(tag: int) -> None:
    deep = nested(DEEP, tag)

    for read in (parse_request, parse_response, Certificate.from_der, CertificateList.from_der):
        with soon(), pytest.raises(MalformedError):
            read(deep)


@pytest.mark.parametrize(
    "path",
    [(0,), (0, 0), (0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 1), (0, 1), (0, 1, 0)],
    ids=str,
)
def test_no_field_of_a_request_recurses(path: tuple[int, ...]) -> None:
    der = hand.changed(REQUEST, path, lambda _: nested(DEEP))

    with soon(), pytest.raises(MalformedError):
        parse_request(der)


def test_what_we_do_not_look_into_may_be_deep() -> None:
    """Hash parameters and the values of unknown extensions are kept as they stand."""
    deep = nested(DEEP)
    hashed = hand.sequence(hand.oid("2.16.840.1.101.3.4.2.1"), deep)
    odd = hand.changed(REQUEST, (0, 0, 0, 0, 0), lambda _: hashed)

    with soon():
        assert parse_request(odd).cert_ids[0].hash_algorithm.parameters == deep
        assert (
            len(parse_request(request_with(hand.extension("1.2.3", deep))).request_extensions) == 1
        )


def test_a_name_of_thousands_of_parts_is_compared_and_shown_in_no_time() -> None:
    def long(text: bytes) -> Name:
        attribute = hand.sequence(hand.oid("2.5.4.3"), hand.tlv(0x0C, text))
        return Name(hand.sequence(*[hand.tlv(0x31, attribute)] * DEEP))

    with soon():
        assert long(b"a").matches(long(b"A"))
        assert not long(b"a").matches(long(b"b"))
        assert len(str(long(b"a"))) == len("CN=a,") * DEEP - 1
