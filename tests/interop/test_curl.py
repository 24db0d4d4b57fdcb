"""curl, as plain HTTP clients speak to a responder."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Callable
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from certstatus.ocsp import OCSPResponseStatus, encode_error_response, parse_response

pytestmark = pytest.mark.interop

Curl = Callable[..., tuple[int, dict[str, str], bytes]]
ERROR = encode_error_response(OCSPResponseStatus.MALFORMED_REQUEST)


@pytest.fixture
def curl(interop_command: Callable[[str], Path], tmp_path: Path) -> Curl:
    """Run curl; return the HTTP status, the header fields and the body."""

    def run(*options: str) -> tuple[int, dict[str, str], bytes]:
        heads, body = tmp_path / "heads", tmp_path / "body"
        body.write_bytes(b"")
        command = [
            *(str(interop_command("curl")), "--silent", "--show-error", "--noproxy", "*"),
            *("--max-time", "20", "--dump-header", str(heads), "--output", str(body)),
            *("--path-as-is", "--globoff"),
            *options,
        ]
        subprocess.run(command, check=True, timeout=30)
        last = heads.read_bytes().replace(b"\r\n", b"\n").strip().split(b"\n\n")[-1]
        status, _, fields = last.partition(b"\n")
        parsed = BytesHeaderParser().parsebytes(fields)
        headers = {name.lower(): value for name, value in parsed.items()}
        return int(status.split()[1]), headers, body.read_bytes()

    return run


def is_answer(body: bytes) -> bool:
    return parse_response(body).basic is not None


@pytest.mark.rule("O33", "L12", "L13", "L14")
def test_post_and_get_bring_the_same_answer_with_headers_for_caches(
    our_url: str, ping: bytes, curl: Curl, tmp_path: Path
) -> None:
    stored = tmp_path / "question.der"
    stored.write_bytes(ping)
    kind = "Content-Type: application/ocsp-request"

    posted = curl("--header", kind, "--data-binary", f"@{stored}", our_url)
    got = curl(our_url + quote(b64encode(ping).decode("ascii"), safe=""))

    assert posted[0] == got[0] == 200
    assert posted[2] == got[2]
    headers = got[1]
    assert headers["content-type"] == "application/ocsp-response"
    assert headers["content-length"] == str(len(got[2]))
    ends = parsedate_to_datetime(headers["expires"])
    assert ends > parsedate_to_datetime(headers["date"])
    assert "max-age=" in headers["cache-control"]
    assert "no-transform" in headers["cache-control"]


@pytest.mark.rule("L12")
def test_a_conditional_get_is_answered_304(our_url: str, ping: bytes, curl: Curl) -> None:
    url = our_url + quote(b64encode(ping).decode("ascii"), safe="")
    tag = curl(url)[1]["etag"]

    status, headers, body = curl("--header", f"If-None-Match: {tag}", url)

    assert (status, body) == (304, b"")
    assert headers["etag"] == tag


@pytest.mark.parametrize("form", ["escaped", "raw", "unpadded", "leading slash", "double slash"])
@pytest.mark.rule("O32")
def test_every_way_of_writing_the_base64_is_understood(
    our_url: str, ping: bytes, curl: Curl, form: str
) -> None:
    text = b64encode(ping).decode("ascii")
    path = {
        "escaped": quote(text, safe=""),
        "raw": text,
        "unpadded": text.rstrip("="),
        "leading slash": f"/{text}",
        "double slash": f"//{quote(text, safe='')}",
    }[form]

    status, _, body = curl(our_url + path)

    assert status == 200
    assert is_answer(body)


@pytest.mark.rule("O2", "O33", "L13")
def test_errors_travel_with_200_and_are_stored_nowhere(our_url: str, curl: Curl) -> None:
    status, headers, body = curl(our_url + "MEUwQzBB")

    assert status == 200
    assert body == ERROR
    assert "no-store" in headers["cache-control"]


@pytest.mark.rule("O33")
@pytest.mark.parametrize(
    "how",
    [
        ["--http1.0"],
        ["--http1.1"],
        ["--http2"],
        ["--header", "Expect: 100-continue"],
        ["--header", "Expect:"],
        ["--header", "Transfer-Encoding: chunked"],
        ["--header", "Connection: close"],
        ["--limit-rate", "1k"],
    ],
    ids=["1.0", "1.1", "h2c", "expect", "no expect", "chunked", "close", "slowly"],
)
def test_however_curl_sends_a_post_the_answer_is_the_same(
    our_url: str, ping: bytes, curl: Curl, tmp_path: Path, how: list[str]
) -> None:
    stored = tmp_path / "question.der"
    stored.write_bytes(ping)
    kind = "Content-Type: application/ocsp-request"
    asked = ("--header", kind, "--data-binary", f"@{stored}", our_url)

    status, headers, body = curl(*how, *asked)

    assert (status, body) == (200, curl(*asked)[2])
    assert headers["content-length"] == str(len(body))


def test_a_head_brings_the_head_of_a_get(our_url: str, ping: bytes, curl: Curl) -> None:
    url = our_url + quote(b64encode(ping).decode("ascii"), safe="")

    _, got, body = curl(url)
    status, headers, nothing = curl("--head", url)

    assert (status, nothing) != (200, body)
    volatile = {"date", "cache-control"}
    assert {name: headers[name] for name in headers.keys() - volatile} == {
        name: got[name] for name in got.keys() - volatile
    }


def test_a_connection_is_kept_for_the_next_question(
    our_url: str, ping: bytes, interop_command: Callable[[str], Path], tmp_path: Path
) -> None:
    url = our_url + quote(b64encode(ping).decode("ascii"), safe="")
    each = ["--output", str(tmp_path / "body"), url]
    command = [str(interop_command("curl")), "--silent", "--noproxy", "*", "--max-time", "20"]

    told = subprocess.run(
        [*command, "--write-out", "%{num_connects} ", *each, *each, *each],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout

    assert told.split() == ["1", "0", "0"]


@pytest.mark.rule("O33")
def test_what_is_no_ocsp_over_http_is_refused_by_http(our_url: str, curl: Curl) -> None:
    assert curl("--data", "hello", our_url)[0] == 415
    assert curl("--request", "DELETE", our_url)[0] == 405
