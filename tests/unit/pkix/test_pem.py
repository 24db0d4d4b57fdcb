"""PEM: which blocks are read, and which texts are none."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest

from certstatus.errors import MalformedError
from certstatus.pkix.pem import decode_pem

LABELS = ("CERTIFICATE",)


def block(body: bytes, label: bytes = b"CERTIFICATE") -> bytes:
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, body, label)


@pytest.mark.parametrize("body", [b"AQID", b"AQ\nID", b"AQ\r\nID\r\n", b" A Q I D ", b"\tAQID\n\n"])
def test_white_space_stands_wherever_it_will(body: bytes) -> None:
    assert decode_pem(block(body), LABELS, "file") == [b"\1\2\3"]


def test_blocks_come_in_order_and_other_labels_are_passed_over() -> None:
    text = b"a" + block(b"AQ==") + block(b"!", b"PRIVATE KEY") + b"b\n" + block(b"Ag==")

    assert decode_pem(text, LABELS, "file") == [b"\1", b"\2"]


@pytest.mark.parametrize("text", [b"", b"text", b"-----BEGIN", block(b"AQ==", b"X")])
def test_a_text_without_such_a_block_holds_nothing(text: bytes) -> None:
    assert decode_pem(text, LABELS, "file") == []


@pytest.mark.parametrize("size", [0, 1, 2, 3, 196_607, 196_608, 196_609, 500_000])
@pytest.mark.parametrize("line", [64, 76, 1_000_000])
def test_a_block_of_any_length_is_read_in_steps(size: int, line: int) -> None:
    der = bytes(range(256)) * (size // 256) + bytes(size % 256)
    digits = b64encode(der)
    body = b"\r\n".join(digits[at : at + line] for at in range(0, len(digits), line))

    assert decode_pem(b"text" + block(body), LABELS, "file") == [der]


@pytest.mark.parametrize("padding", [b"=", b"=="])
@pytest.mark.parametrize("before", [2**18 - 4, 2**18, 2**19])
def test_padding_before_the_end_is_refused_wherever_it_stands(padding: bytes, before: int) -> None:
    body = b"A" * (before - len(padding)) + padding + b"AQID" * 100_000

    with pytest.raises(MalformedError, match="not base64"):
        decode_pem(block(body), LABELS, "file")


@pytest.mark.parametrize("body", [b"A", b"AQI", b"AQ=I", b"A%Q=", b"-----", b"\xff\xff\xff\xff"])
def test_what_is_not_base64_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^file: has a PEM block that is not base64"):
        decode_pem(block(body), LABELS, "file")


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_block_without_its_end_is_refused(cut: int) -> None:
    with pytest.raises(MalformedError, match="without its end"):
        decode_pem(block(b"AQID").rstrip()[:-cut], LABELS, "file")


def test_many_beginnings_without_an_end_are_read_in_no_time() -> None:
    text = b"-----BEGIN CERTIFICATE-----\n" * 100_000
    started = time.process_time()

    with pytest.raises(MalformedError, match="without its end"):
        decode_pem(text, LABELS, "file")

    assert time.process_time() - started < 1
