from __future__ import annotations

import base64
import contextlib
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.limits import MAX_MERGED_SLASHES
from certstatus.responder.target import decode_request, path_of, repaired_requests, under

# Every character that goes wrong on the way, at the places where base64 keeps it.
WORST = b"\x30\x54\x30" + base64.b64decode(b"//////++++++")


@pytest.mark.rule("O32")
@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/abc", b"/abc"),
        (b"//abc//d", b"//abc//d"),
        (b"http://ocsp.example/abc", b"/abc"),
        (b"HTTP://ocsp.example:8080//abc", b"//abc"),
        (b"https://[::1]:8443/abc", b"/abc"),
        (b"http://ocsp.example", b"/"),
        (b"http://ocsp.example?query", b"?query"),
        (b"/http://ocsp.example/abc", b"/http://ocsp.example/abc"),
        (b"*", b"*"),
        (b"", b""),
    ],
)
def test_the_path_is_what_follows_the_host_of_an_absolute_target(
    target: bytes, path: bytes
) -> None:
    assert path_of(target) == path


@pytest.mark.rule("O32")
@pytest.mark.parametrize(
    ("path", "prefix", "rest"),
    [
        (b"/MFQ=", b"", b"MFQ="),
        (b"//MFQ=", b"", b"MFQ="),
        (b"/a//b/c", b"", b"a//b/c"),
        (b"/", b"", b""),
        (b"", b"", b""),
        (b"/ocsp/MFQ=", b"/ocsp", b"MFQ="),
        (b"//ocsp//MF//Q=", b"/ocsp", b"MF//Q="),
        (b"/ocsp", b"/ocsp", b""),
        (b"/ocsp/", b"/ocsp", b""),
        (b"/ocspMFQ=", b"/ocsp", None),
        (b"/other/MFQ=", b"/ocsp", None),
        (b"/", b"/ocsp", None),
        (b"/a/b/MFQ=", b"/a/b", b"MFQ="),
    ],
)
def test_the_request_is_everything_after_the_prefix(
    path: bytes, prefix: bytes, rest: bytes | None
) -> None:
    assert under(path, prefix) == rest


def forms(der: bytes) -> dict[str, bytes]:
    """Write DER in every form in which clients and proxies hand it on."""
    plain = base64.b64encode(der)
    escaped = quote(plain, safe="").encode()
    return {
        "raw": plain,
        "escaped": escaped,
        "escaped in small letters": escaped.replace(b"%2B", b"%2b")
        .replace(b"%2F", b"%2f")
        .replace(b"%3D", b"%3d"),
        "slashes raw": quote(plain, safe="/").encode(),
        "plus as a blank": plain.replace(b"+", b"%20"),
        "every octet escaped": b"".join(b"%%%02X" % octet for octet in plain),
        "without padding": plain.rstrip(b"="),
        "base64url": base64.urlsafe_b64encode(der),
        "base64url without padding": base64.urlsafe_b64encode(der).rstrip(b"="),
        "leading slash": b"/" + plain,
        "leading slashes, escaped": b"%2F%2f" + plain,
    }


@pytest.mark.rule("O32")
@given(st.binary(max_size=300).map(lambda rest: b"\x30" + rest))
@example(WORST)
@example(WORST + b"\0")
@example(b"\x30\xff")
@example(b"\x30\xff\xff")
def test_every_form_of_base64_is_read_as_the_same_octets(der: bytes) -> None:
    for form, encoded in forms(der).items():
        assert decode_request(encoded) == der, form


@pytest.mark.rule("O32")
@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"/",
        b"%2F",
        b"=",
        b"M",
        b"MF.Q",
        b"MF!Q",
        b"MFQ=MFQ=",
        b"MFQ%0A",
        b"%4",
        b"%",
        b"%zzMF",
        b"favicon.ico",
        b"MFQw?x=1",
        b"MFQw#x",
        b"MF\xc3\xa4w",
        # Escaped twice: unescaped once, percent signs are left.
        b"MFQ%253D",
        b"MF%252Bw",
    ],
)
def test_what_is_no_base64_is_refused(encoded: bytes) -> None:
    with pytest.raises(MalformedError, match=r"request target: (is no base64|holds no request)"):
        decode_request(encoded)


@pytest.mark.rule("O32")
@given(st.binary(max_size=200))
def test_no_path_makes_the_reader_raise_anything_else(path: bytes) -> None:
    for prefix in (b"", b"/ocsp"):
        encoded = under(path_of(path), prefix)
        if encoded is None:
            continue
        with contextlib.suppress(MalformedError):
            decode_request(encoded)
        assert len(list(repaired_requests(encoded))) <= MAX_MERGED_SLASHES


@pytest.mark.rule("O32")
@pytest.mark.parametrize("padding", [b"", b"==", b"%3D%3D"])
def test_two_slashes_that_became_one_are_among_the_repairs(padding: bytes) -> None:
    der = WORST[:3] + base64.b64decode(b"AA//AAAA") + b"\0"
    plain = base64.b64encode(der).rstrip(b"=")
    assert b"//" in plain
    short = plain.replace(b"//", b"/", 1)

    found = set(repaired_requests(short + padding))

    assert der in found


@pytest.mark.rule("O32")
def test_whole_base64_is_not_repaired() -> None:
    whole = base64.b64encode(WORST + b"\0")
    assert whole.endswith(b"==")

    assert list(repaired_requests(whole)) == []
    assert list(repaired_requests(b"")) == []
    assert list(repaired_requests(b"MFQw")) == []


def test_places_to_repair_are_bounded() -> None:
    many = b"M" + b"/" * (4 * MAX_MERGED_SLASHES + 2)

    assert 0 < len(list(repaired_requests(many))) <= MAX_MERGED_SLASHES
