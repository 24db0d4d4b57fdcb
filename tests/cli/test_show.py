from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.cms import encode_content_info
from certstatus.handshake import TLSExtension
from certstatus.ocsp import CertID, Extensions, Nonce, encode_request
from certstatus.requestor import get_url
from certstatus.testing import Forge, Lab
from tests.captures import conversation, pcap, pcapng
from tests.cli.conftest import Run
from tests.envelopes import REQUEST, signed
from tests.flights import (
    ASKED,
    HELLO_DONE,
    PROMISED,
    STAPLE,
    certificate,
    certificate_status,
    client_hello,
    entries,
    server_hello,
)
from tests.scvp_messages import MINIMAL_REQUEST_OCTETS

RunJSON = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path, lab: Lab) -> dict[str, Path]:
    """A message of each kind on disk."""
    cert_id = CertID.of(lab.ca.certificate, 1000)
    nonce = Extensions.of(Nonce(bytes(range(32))))
    messages = {
        "request.der": encode_request([cert_id], request_extensions=nonce),
        "response.der": Forge.honest(lab.ca, 1000, lab.responder).der,
        "error.der": bytes.fromhex("30030a0106"),
        "certificate.pem": lab.good.certificate_pem,
        "crl.der": lab.crl.read_bytes(),
        "cms.der": signed(),
        "junk.bin": b"\x00\x01\x02 junk",
        "empty.der": b"",
    }
    for name, data in messages.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in messages}


def test_a_response_is_told_with_meanings_and_sections(run: Run, files: dict[str, Path]) -> None:
    result = run("show", files["response.der"])
    assert result.exit_code == 0
    for words in (
        "responseStatus",
        "successful (0) — the request was in order",
        "certStatus",
        "not revoked, as far as the responder knows",
        "nextUpdate",
        "newer data by then",
        "RFC 6960 §4.2.2.1",
        "not verified here",
    ):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("request.der", "OCSPRequest"),
        ("response.der", "OCSPResponse"),
        ("error.der", "OCSPResponse"),
        ("certificate.pem", "Certificate"),
        ("crl.der", "CertificateList"),
    ],
)
def test_every_kind_is_told_to_people_and_to_programs(
    run: Run, run_json: RunJSON, files: dict[str, Path], name: str, kind: str
) -> None:
    assert f"\n{kind} " in run("show", files[name]).stdout
    (message,) = run_json("show", files[name])["messages"]
    assert message["source"] == str(files[name])
    assert message["message"]["name"] == kind
    assert "error" not in message


def test_the_json_tree_has_the_documented_shape(run_json: RunJSON, files: dict[str, Path]) -> None:
    (message,) = run_json("show", files["certificate.pem"])["messages"]
    assert message["pemLabel"] == "CERTIFICATE"

    def check(field: dict[str, Any]) -> None:
        assert list(field) == [
            *("name", "value", "absent", "meaning", "section"),
            *("departures", "problem", "fields"),
        ]
        for child in field["fields"]:
            check(child)

    check(message["message"])


def test_octets_are_shown_on_demand(run: Run, run_json: RunJSON, files: dict[str, Path]) -> None:
    assert "30 03 0a 01 06" not in run("show", files["error.der"]).stdout
    assert "30 03 0a 01 06" in run("show", "--bytes", files["error.der"]).stdout
    (message,) = run_json("show", "--bytes", files["error.der"])["messages"]
    assert message["message"]["hex"] == "30030a0106"


def test_standard_input_a_literal_and_a_get_url_are_read(
    run: Run, run_json: RunJSON, files: dict[str, Path]
) -> None:
    der = files["request.der"].read_bytes()
    for stdin in (der, der.hex()):
        assert run("show", "-", stdin=stdin).exit_code == 0
    assert "unauthorized (6)" in run("show", "30030a0106").stdout
    url = get_url("http://ocsp.example/a", der)
    assert "GET at http://ocsp.example/a/" in run("show", url).stdout
    assert run_json("show", url)["messages"][0]["url"] == "http://ocsp.example/a/"


def test_a_long_crl_is_cut_to_the_entries_asked_for(
    run: Run, run_json: RunJSON, tmp_path: Path, lab: Lab
) -> None:
    file = tmp_path / "long.crl"
    moment = lab.good.certificate.not_before
    file.write_bytes(lab.ca.crl([(number, moment, None) for number in range(1, 31)]))
    assert "the first 20 follow" in run("show", file).stdout
    assert run("show", file, "--entries", 2).stdout.count("userCertificate") == 2


def test_the_kind_may_be_named_where_guessing_fails(run: Run, files: dict[str, Path]) -> None:
    result = run("show", "--as", "response", files["request.der"])
    assert result.exit_code == ExitCode.MALFORMED
    assert "OCSPResponse" in result.stderr


def test_a_signed_message_is_told_with_its_signer_and_what_was_kept_in_it(
    run: Run, run_json: RunJSON, files: dict[str, Path]
) -> None:
    result = run("show", "--as", "cms", files["cms.der"])
    assert result.exit_code == 0
    for words in ("eContentType", "id-ct-scvp-certValRequest", "signerInfos", "RFC 5652 §5.3"):
        assert words in result.stdout
    (told,) = run_json("show", files["cms.der"])["messages"]
    assert told["message"]["name"] == "ContentInfo"


def test_a_message_of_scvp_is_read_from_pem_too(run: Run, tmp_path: Path) -> None:
    bare = base64.encodebytes(encode_content_info(REQUEST, MINIMAL_REQUEST_OCTETS)).decode()
    file = tmp_path / "request.pem"
    file.write_text(f"-----BEGIN CMS-----\n{bare}-----END CMS-----\n")
    result = run("show", file)
    assert result.exit_code == 0
    assert "unprotected" in result.stdout
    assert "id-stc-build-pkc-path" in result.stdout


BAD = {
    "junk.bin": (
        ExitCode.MALFORMED,
        "is no OCSP, SCVP, CMS or TLS message, certificate or CRL",
    ),
    "empty.der": (ExitCode.MALFORMED, "is empty"),
    "missing.der": (ExitCode.USAGE, "No such file"),
    ".": (ExitCode.USAGE, "Is a directory"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_input_of_several_spoils_none_of_the_others(
    run: Run, run_json: RunJSON, files: dict[str, Path], name: str
) -> None:
    code, said = BAD[name]
    bad = files["request.der"].parent / name
    args = (files["request.der"], bad, files["error.der"])
    result = run("show", *args)
    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.count(str(bad)) == 1
    assert "OCSPRequest" in result.stdout
    assert "unauthorized" in result.stdout
    first, second, third = run_json("show", *args)["messages"]
    assert "message" in first
    assert "message" in third
    assert second["error"]["exitCode"] == code
    assert said in second["error"]["reasons"][0]


@pytest.mark.parametrize("name", ["request.der", "response.der", "crl.der"])
def test_a_message_cut_short_names_the_field_that_breaks(
    run: Run, files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    file = tmp_path / "cut.der"
    whole = files[name].read_bytes()
    for size in (len(whole) - 1, len(whole) // 2):
        file.write_bytes(whole[:size])
        result = run("show", file)
        assert result.exit_code == ExitCode.MALFORMED
        assert result.stderr.startswith(f"certstatus: {file}: ")
        assert "is cut short" in result.stderr


def test_a_broken_rule_is_named(run: Run) -> None:
    result = run("show", "30030a0104")
    assert result.exit_code == ExitCode.MALFORMED
    assert "OCSPResponse.responseStatus: 4 is not assigned [O10]" in result.stderr


def test_a_broken_part_shows_the_rest_and_ends_with_65(
    run: Run, run_json: RunJSON, tmp_path: Path, lab: Lab
) -> None:
    file = tmp_path / "broken.der"
    file.write_bytes(Forge.honest(lab.ca, 1000, lab.responder).but(certs=(b"\x30\x00",)).der)
    result = run("show", file)
    assert result.exit_code == ExitCode.MALFORMED
    assert "certStatus" in result.stdout
    assert "✗" in result.stdout
    assert f"certstatus: {file}: Certificate: " in result.stderr
    (message,) = run_json("show", file)["messages"]
    assert "message" in message
    assert message["error"]["exitCode"] == ExitCode.MALFORMED


def test_names_that_would_steer_the_terminal_are_written_out(
    run: Run, tmp_path: Path, lab: Lab
) -> None:
    file = tmp_path / "evil.der"
    file.write_bytes(lab.ca.issue("\x1b]0;gotcha\x07").certificate.der)
    result = run("show", file)
    assert "\x1b" not in result.stdout
    assert "gotcha" in result.stdout
    assert "\x1b" not in run("show", "--json", file).stdout


VECTORS = Path(cryptography_vectors.__file__).parent / "x509"
KEYS_NOT_SUPPORTED = ("e-trust.ru.der", "custom/unsupported_subject_public_key_info.pem")


@pytest.mark.parametrize("file", sorted((VECTORS / "ocsp").glob("*.der")), ids=lambda one: one.stem)
def test_every_vector_is_explained_or_refused_for_a_stated_reason(run: Run, file: Path) -> None:
    result = run("show", file)
    if result.exit_code == 0:
        assert result.stdout.count("RFC ") >= 3
        assert result.stderr == ""
    else:
        assert result.exit_code == ExitCode.MALFORMED
        assert len(result.stderr.partition(file.name)[2]) > 20


@pytest.mark.parametrize("name", KEYS_NOT_SUPPORTED)
def test_a_key_that_we_can_not_use_is_no_fault_of_the_certificate(run: Run, name: str) -> None:
    result = run("show", VECTORS / name)
    assert result.exit_code == 0
    assert "! has an unusable key" in result.stdout


# --- TLS --------------------------------------------------------------------------------------


def record(data: bytes) -> bytes:
    return b"\x16\x03\x03" + len(data).to_bytes(2) + data


@pytest.fixture
def tls(tmp_path: Path, lab: Lab) -> dict[str, Path]:
    """The same handshake as handshake messages, as records, in captures; and parts of it."""
    chain = (lab.good.certificate.der, lab.ca.certificate.der)
    messages = (
        client_hello(ASKED),
        server_hello(PROMISED),
        certificate(entries(chain=chain)),
        certificate_status(STAPLE),
        HELLO_DONE,
    )
    hello, *answers = [message.encode() for message in messages]
    talk = [("client", record(hello)), ("server", record(b"".join(answers)))]
    files = {
        "handshake.bin": hello + b"".join(answers),
        "records.bin": b"".join(data for _, data in talk),
        "capture.pcap": pcap(conversation(talk)),
        "capture.pcapng": pcapng(conversation(talk)),
        "hello.bin": hello,
        "status.bin": certificate_status(STAPLE).encode(),
        "extension.bin": ASKED.encode(),
        "hello.hex": b"\n".join(hello.hex(" ").encode()[at : at + 48] for at in range(0, 300, 48)),
        "hello.b64": base64.encodebytes(hello),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in files}


ASKS, STAPLES = "status_request (0x0005)", "certificate_status (22)"


@pytest.mark.rule("T1", "T3")
@pytest.mark.parametrize(
    ("name", "root", "words"),
    [
        ("handshake.bin", "TLS handshake", [ASKS, STAPLES]),
        ("records.bin", "TLS records", [ASKS, STAPLES]),
        ("capture.pcap", "packet capture", [ASKS, STAPLES]),
        ("capture.pcapng", "packet capture", [ASKS, STAPLES]),
        ("hello.bin", "ClientHello", [ASKS]),
        ("status.bin", "CertificateStatus", [STAPLES]),
        ("extension.bin", "status_request", [ASKS]),
        ("hello.hex", "ClientHello", [ASKS]),
        ("hello.b64", "ClientHello", [ASKS]),
    ],
)
def test_tls_is_recognised_in_every_wrapping(
    run: Run, run_json: RunJSON, tls: dict[str, Path], *, name: str, root: str, words: list[str]
) -> None:
    result = run("show", tls[name])

    assert (result.exit_code, result.stderr) == (0, "")
    assert [word for word in (ASKS, STAPLES) if word in result.stdout] == words
    (message,) = run_json("show", tls[name])["messages"]
    assert message["message"]["name"] == root


@pytest.mark.rule("T1")
@pytest.mark.parametrize("text", ["000500050100000000", "0x000500050100000000"])
def test_the_extension_of_the_sample_is_an_argument(run: Run, text: str) -> None:
    result = run("show", text)

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for start in (
        "extension_type status_request (0x0005)",
        "length 5",
        "status_type ocsp (1)",
        "responder_id_list length 0",
        "request_extensions length 0",
    ):
        assert any(line.startswith(start) for line in lines)


@pytest.mark.rule("T3")
def test_a_status_is_an_argument_with_the_response_inside(run: Run) -> None:
    result = run("show", certificate_status(STAPLE).encode().hex())

    assert result.exit_code == 0
    assert "unauthorized (6)" in result.stdout


@pytest.mark.parametrize("kind", ["handshake", "records", "capture", "extension"])
def test_a_kind_of_tls_may_be_named(run: Run, files: dict[str, Path], kind: str) -> None:
    result = run("show", "--as", kind, files["junk.bin"])

    assert result.exit_code == ExitCode.MALFORMED
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr


@pytest.mark.rule("T1")
def test_lengths_that_lie_are_told_where_they_stand(run: Run) -> None:
    result = run("show", "0005000501ffff0000")

    assert result.exit_code == ExitCode.MALFORMED
    assert "responder_id_list: is cut short: 65535 octets are due" in result.stderr
    assert "status_type" in result.stdout


def test_a_break_of_order_is_shown_and_is_no_malformed_message(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "unsolicited.bin"
    hello = (client_hello(ASKED), server_hello(), certificate_status(STAPLE))
    file.write_bytes(b"".join(message.encode() for message in hello))

    result = run("show", file)
    assert result.exit_code == 0
    assert "unsolicited: the ServerHello has promised no status" in " ".join(result.stdout.split())
    assert "unexpected_message(10)" in result.stdout


def test_a_name_that_would_move_the_cursor_is_harmless(run: Run, tmp_path: Path) -> None:
    name = b"\x1b[2Jevil\r\n"
    body = b"\0" + len(name).to_bytes(2) + name
    extension = TLSExtension(0, len(body).to_bytes(2) + body)
    file = tmp_path / "hello.bin"
    file.write_bytes(client_hello(extension).encode())

    result = run("show", file)
    assert "\x1b" not in result.stdout
    assert "evil" in result.stdout


@pytest.mark.parametrize("text", ["0005", "16030100", "0a0d0d0a", "deadbeefdeadbeefdeadbeef"])
def test_hex_that_is_no_message_is_a_name_of_a_file(run: Run, text: str) -> None:
    result = run("show", text)

    assert result.exit_code == ExitCode.USAGE
    assert "No such file" in result.stderr


@pytest.mark.rule("T3")
def test_what_openssl_prints_of_a_handshake_is_read_before_its_pem(run: Run, lab: Lab) -> None:
    status = certificate_status(STAPLE).encode()
    text = f"<<< TLS 1.2, Handshake [length {len(status):04x}], CertificateStatus\n"
    text += f"    {status.hex(' ')}\n---\nServer certificate\n{lab.good.certificate_pem.decode()}"

    result = run("show", "-", stdin=text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "unauthorized (6)" in result.stdout
    assert "tbsCertificate" not in result.stdout
