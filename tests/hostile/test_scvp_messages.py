"""Messages of SCVP that were broken on purpose: malformed or read, at once, and never more."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from typing import Final

import pytest

from certstatus.errors import MalformedError
from certstatus.explain import explain
from certstatus.limits_scvp import (
    MAX_CV_REQUEST_BYTES,
    MAX_QUERIED_CERTS,
    MAX_SCVP_ELEMENTS,
    MAX_SCVP_NAME_BYTES,
)
from certstatus.scvp import (
    CVRequest,
    CVResponse,
    PKCReference,
    ReplyWantBack,
    ValPolRequest,
    ValPolResponse,
    WantBack,
    encode_cv_request,
    encode_cv_response,
    encode_val_pol_request,
    encode_val_pol_response,
    parse_cv_request,
    parse_cv_response,
    parse_val_pol_request,
    parse_val_pol_response,
)
from tests import der as hand
from tests import scvp_messages as of
from tests.property.mutation import Mutator, nested

INPUTS: Final = 1_500
SLOWEST: Final = 0.5
"""Seconds of one thread for one input; a usual one takes a thousandth."""

Message = CVRequest | CVResponse | ValPolRequest | ValPolResponse

READERS: Final[dict[str, tuple[Callable[[bytes], Message], tuple[bytes, ...]]]] = {
    "CVRequest": (parse_cv_request, (of.CV_REQUEST_OCTETS, of.MINIMAL_REQUEST_OCTETS)),
    "CVResponse": (parse_cv_response, (of.CV_RESPONSE_OCTETS, of.MINIMAL_RESPONSE_OCTETS)),
    "ValPolRequest": (parse_val_pol_request, (of.VAL_POL_REQUEST_OCTETS,)),
    "ValPolResponse": (parse_val_pol_response, (of.VAL_POL_RESPONSE_OCTETS,)),
}


def written(message: Message) -> bytes:
    if isinstance(message, CVRequest):
        return encode_cv_request(message)
    if isinstance(message, CVResponse):
        return encode_cv_response(message)
    if isinstance(message, ValPolRequest):
        return encode_val_pol_request(message)
    return encode_val_pol_response(message)


def touch(message: Message) -> None:
    """Look at what is read only when it is asked for."""
    if isinstance(message, CVRequest):
        for reference in message.query.queried_certs:
            if isinstance(reference, PKCReference):
                reference.refers_to(of.OTHER)
    if isinstance(message, CVResponse):
        for reply in message.reply_objects:
            for one in reply.reply_want_backs:
                try:
                    one.typed()
                except MalformedError:
                    continue


@pytest.mark.parametrize("name", READERS)
def test_a_broken_message_is_malformed_or_means_what_we_write_of_it(name: str) -> None:
    """What can be read at all, can be written so that it is read as the same."""
    read, corpus = READERS[name]
    seed = random.getrandbits(32)
    refused = 0
    for der in Mutator(seed, corpus).inputs(INPUTS):
        started, told = time.thread_time(), f"seed {seed}, input {der.hex()}"
        try:
            message = read(der)
        except MalformedError:
            refused += 1
            continue
        touch(message)
        assert message.der == der, told
        if not _has_a_number_of_two_octets(message):
            assert read(written(message)) == message, told
        assert time.thread_time() - started < SLOWEST, told
    assert 0.3 * INPUTS < refused < INPUTS


def _has_a_number_of_two_octets(message: Message) -> bool:
    """An ENUMERATED that we read and do not write: no status has such a number."""
    if not isinstance(message, CVResponse):
        return False
    numbers = [message.response_status.status_code]
    numbers += [reply.reply_status for reply in message.reply_objects]
    return not all(0 <= number < 128 for number in numbers)


@pytest.mark.parametrize("name", READERS)
def test_a_broken_message_is_explained_or_malformed(name: str) -> None:
    seed = random.getrandbits(32)
    for der in Mutator(seed, READERS[name][1]).inputs(INPUTS // 10):
        try:
            tree = explain(der)
        except MalformedError:
            continue
        assert tree.as_json(with_bytes=True), f"seed {seed}, input {der.hex()}"


def in_time(read: Callable[[bytes], object], der: bytes, seconds: float) -> None:
    """Read, well or not, in so many seconds of one thread."""
    started = time.thread_time()
    with contextlib.suppress(MalformedError):
        read(der)
    assert time.thread_time() - started < seconds


def test_a_thousand_certificates_are_read_in_a_moment() -> None:
    reference = of.retagged(0xA0, of.LEAF.der)
    by_value = hand.explicit(0, *[reference] * MAX_QUERIED_CERTS)
    by_reference = hand.explicit(0, *[of.retagged(0xA1, of.CERT_ID_OCTETS)] * MAX_QUERIED_CERTS)
    for references in (by_value, by_reference):
        der = hand.sequence(hand.sequence(references, *of.MINIMAL_QUERY_MEMBERS[1:]))
        assert len(parse_cv_request(der).query.queried_certs) == MAX_QUERIED_CERTS
        in_time(parse_cv_request, der, 1)


@pytest.mark.parametrize(
    "member",
    [b"\x05\0", b"\x06\x01\x2a", b"\x30\0", b"\xa0\0", b"\x82\0", b"\xa1\x02\x30\0"],
    ids=["NULL", "identifier", "SEQUENCE", "reference", "name", "broken reference"],
)
def test_as_many_elements_as_a_request_can_hold_are_counted_and_not_made(member: bytes) -> None:
    """A million of them would take 100 MB, and be refused in the end."""
    many = member * ((MAX_CV_REQUEST_BYTES - 2_000) // len(member))
    query = of.MINIMAL_QUERY_MEMBERS
    for der in (
        hand.sequence(hand.sequence(hand.explicit(0, many), *query[1:])),
        hand.sequence(hand.sequence(query[0], hand.sequence(many), *query[2:])),
        hand.sequence(hand.sequence(*query, hand.explicit(4, many))),
        hand.sequence(hand.sequence(*query, hand.explicit(5, many))),
        hand.sequence(hand.sequence(*query), hand.explicit(0, many)),
    ):
        assert len(der) <= MAX_CV_REQUEST_BYTES
        with pytest.raises(MalformedError):
            parse_cv_request(der)
        in_time(parse_cv_request, der, 0.25)


@pytest.mark.parametrize("tag", [0x30, 0xA0, 0xA1])
def test_elements_in_elements_end_no_stack(tag: int) -> None:
    deep = nested(2_000, tag)
    for read, _ in READERS.values():
        in_time(read, deep, 1)
        in_time(read, hand.sequence(deep), 1)
        in_time(read, hand.sequence(hand.integer(1), hand.sequence(deep)), 1)


def test_elements_deep_inside_are_counted_too() -> None:
    """Names of a reference, parts of a reply, and what a wantBack holds."""
    many = hand.NULL * (2 * MAX_SCVP_ELEMENTS)
    names = hand.sequence(hand.sequence(many), hand.integer(1))
    reference = hand.explicit(1, hand.octet_string(b"hash"), names)
    time_octets = hand.generalized_time(of.NOW_OCTETS.decode())
    reply = hand.sequence(reference, time_octets, hand.sequence(), hand.sequence())
    checks = hand.sequence(of.SECOND_REPLY_MEMBERS[0], time_octets, hand.sequence(many))
    response = of.CV_RESPONSE_MEMBERS[:4]

    with pytest.raises(MalformedError, match="pkcRef: holds more than"):
        parse_cv_request(
            hand.sequence(hand.sequence(hand.explicit(0, reference), *of.MINIMAL_QUERY_MEMBERS[1:]))
        )
    for one in (reply, checks):
        with pytest.raises(MalformedError, match="holds more than"):
            parse_cv_response(hand.sequence(*response, hand.explicit(4, one)))
    for want_back in (WantBack.PKC_BEST_CERT_PATH, WantBack.PKC_REVOCATION_INFO):
        with pytest.raises(MalformedError, match="holds more than"):
            ReplyWantBack(want_back.oid, hand.sequence(hand.sequence(many), many)).typed()


def test_a_name_past_its_limit_is_not_taken_apart() -> None:
    name = hand.tlv(0x82, b"x" * (MAX_SCVP_NAME_BYTES + 1))
    request = of.CV_REQUEST_MEMBERS[0]

    for member in (hand.explicit(0, name), hand.explicit(2, name), hand.explicit(3, name)):
        with pytest.raises(MalformedError, match="larger than 16384"):
            parse_cv_request(hand.sequence(request, member))
