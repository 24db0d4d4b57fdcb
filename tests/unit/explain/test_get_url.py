from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.explain import parse_get_url
from certstatus.ocsp import CertID, encode_request
from certstatus.requestor import get_url
from certstatus.testing import TinyCA

CA = TinyCA()


@given(serial_number=st.integers(1, 2**159), path=st.sampled_from(["", "/", "/ocsp", "/a/b/"]))
@pytest.mark.rule("O32")
def test_the_request_comes_out_of_the_url_that_the_requestor_makes(
    serial_number: int, path: str
) -> None:
    der = encode_request([CertID.of(CA.certificate, serial_number)])
    base = f"http://ocsp.example{path}"
    found = parse_get_url(get_url(base, der))
    assert found.der == der
    assert found.base == base.rstrip("/") + "/"


@given(serial_number=st.integers(1, 2**159))
@pytest.mark.rule("O32")
def test_base64_may_stand_unescaped(serial_number: int) -> None:
    der = encode_request([CertID.of(CA.certificate, serial_number)])
    url = f"https://ocsp.example/ocsp/{base64.b64encode(der).decode()}?x=1#y"
    assert parse_get_url(url).der == der


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ocsp.example/MAMKAQE=",
        "http://",
        "http://ocsp.example",
        "http://ocsp.example/",
        "http://ocsp.example/index.html",
        "http://ocsp.example/%zz",
        "http://ocsp.example/MFE%",
        "http://ocsp.example/TWFyeSBoYWQgYSBsaXR0bGUgbGFtYg==",
        "http://ocsp.example/%C3%BC",
    ],
)
def test_a_url_without_a_request_is_malformed(url: str) -> None:
    with pytest.raises(MalformedError, match="GET URL"):
        parse_get_url(url)
