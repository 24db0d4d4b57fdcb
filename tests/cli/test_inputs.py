from __future__ import annotations

import base64
import binascii
from pathlib import Path

import pytest

from certstatus.cli import inputs
from certstatus.cli.inputs import (
    load_certificate,
    load_certificates,
    read_bytes,
    read_message,
    read_messages,
    unarmour,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_CRL_BYTES, MAX_INPUT_BYTES
from certstatus.requestor import get_url
from certstatus.testing import Lab, TinyCA

DER = bytes.fromhex("30030a0106")
LONG = TinyCA().certificate.der


def pem(der: bytes, label: str) -> bytes:
    body = base64.encodebytes(der)
    return f"-----BEGIN {label}-----\n".encode() + body + f"-----END {label}-----\n".encode()


ARMOURS = {
    "DER": LONG,
    "hex": binascii.hexlify(LONG),
    "hex with colons": binascii.hexlify(LONG, ":").upper(),
    "hex in lines": binascii.hexlify(LONG, "\n", 20),
    "hex with 0x": b"0x" + binascii.hexlify(LONG),
    "base64": base64.b64encode(LONG),
    "base64 in lines": base64.encodebytes(LONG),
    "base64url without padding": base64.urlsafe_b64encode(LONG).rstrip(b"="),
    "PEM": pem(LONG, "OCSP RESPONSE"),
    "PEM amid text": b"text before\n" + pem(LONG, "ANYTHING AT ALL") + b"text behind\n",
    "PEM with CR LF": pem(LONG, "X").replace(b"\n", b"\r\n"),
    "GET URL": get_url("http://ocsp.example/a/", LONG).encode(),
}


@pytest.mark.parametrize("armour", ARMOURS)
def test_der_comes_out_of_every_armour(armour: str) -> None:
    (message,) = unarmour(ARMOURS[armour], "x")
    assert message.der == LONG


def test_every_block_of_a_pem_file_is_a_message_with_its_label() -> None:
    first, second = unarmour(pem(DER, "OCSP RESPONSE") + pem(LONG, "CERTIFICATE"), "two.pem")
    assert (first.der, first.label, first.source) == (DER, "OCSP RESPONSE", "two.pem, block 1")
    assert (second.der, second.label, second.source) == (LONG, "CERTIFICATE", "two.pem, block 2")


def test_a_get_url_tells_the_responder() -> None:
    (message,) = unarmour(get_url("http://ocsp.example/a", DER).encode(), "x")
    assert message.url == "http://ocsp.example/a/"


@pytest.mark.parametrize(
    "data",
    [
        b"hello, world",
        b"abcde",
        b"====",
        b"   \n",
        b"-----BEGIN X-----\nMAMKAQY=\n",
        b"-----BEGIN X-----\n*not base64*\n-----END X-----\n",
        b"-----BEGIN X-----\n-----END X-----\n",
        b"http://ocsp.example/nothing-here",
    ],
)
def test_text_in_no_armour_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        unarmour(data, "x")


def test_an_argument_may_be_the_message_itself() -> None:
    assert read_message(DER.hex()).der == DER
    assert read_message(base64.b64encode(DER).decode()).der == DER
    assert read_message(base64.b64encode(LONG).decode()).der == LONG
    assert read_message(get_url("http://x.example", LONG)).der == LONG
    assert read_message(DER.hex()).source == "the argument"


@pytest.mark.parametrize("name", ["missing", "MISSING", "MAgick", "300", "a/b.der", "x" * 5000])
def test_a_slip_in_a_file_name_is_no_message(name: str) -> None:
    with pytest.raises(OSError, match=r"No such file|File name too long"):
        read_messages(name)


def test_a_file_comes_before_a_message_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / DER.hex()).write_bytes(LONG)
    assert read_message(DER.hex()).der == LONG


def test_what_is_empty_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_INPUT_BYTES >= 3 * MAX_CRL_BYTES
    file = tmp_path / "a.der"
    file.write_bytes(b"")
    with pytest.raises(MalformedError, match="is empty"):
        read_bytes(str(file))
    monkeypatch.setattr(inputs, "MAX_INPUT_BYTES", 10)
    file.write_bytes(bytes(11))
    with pytest.raises(MalformedError, match="is larger than 10 bytes"):
        read_bytes(str(file))
    file.write_bytes(bytes(10))
    assert len(read_bytes(str(file))) == 10


def test_one_message_means_one(tmp_path: Path) -> None:
    file = tmp_path / "two.pem"
    file.write_bytes(pem(DER, "A") + pem(DER, "B"))
    with pytest.raises(MalformedError, match="holds 2 messages"):
        read_message(str(file))


def test_certificates_are_found_among_other_blocks(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    blocks = (lab.good.key_pem(), lab.good.certificate_pem, lab.ca.issued.certificate_pem)
    file.write_bytes(b"".join(blocks))
    assert load_certificates(str(file)) == (lab.good.certificate, lab.ca.certificate)
    assert load_certificate(str(file)) == lab.good.certificate


def test_a_file_without_a_certificate_says_what_it_is(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="holds no certificate"):
        load_certificate(str(lab.ca_key))
    with pytest.raises(MalformedError, match="is no certificate, but CertificateList"):
        load_certificate(str(lab.crl))
    broken = tmp_path / "broken.der"
    broken.write_bytes(lab.good.certificate.der[:100])
    with pytest.raises(MalformedError, match="is cut short"):
        load_certificate(str(broken))
