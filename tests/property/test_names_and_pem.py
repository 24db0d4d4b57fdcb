"""No text that people or files hold makes a reader raise anything but MalformedError."""

from __future__ import annotations

from base64 import encodebytes
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate, CertificateList, CRLReason, HashAlgorithm, Name
from certstatus.pkix.pem import decode_pem

RFC_4514 = st.lists(
    st.sampled_from(
        [
            "CN=",
            "O=",
            "C=",
            "1.2.3=",
            "=",
            ",",
            "+",
            "\\",
            "\\2c",
            "\\ff",
            "#",
            "#0c0161",
            '"',
            " ",
            "a",
        ]
    )
    | st.text(max_size=6)
    | st.just("a" * 70)
).map("".join)

PEM = st.lists(
    st.sampled_from(
        [
            b"-----BEGIN CERTIFICATE-----\n",
            b"-----END CERTIFICATE-----\n",
            b"-----BEGIN X509 CRL-----\n",
            b"-----END X509 CRL-----\n",
            b"-----BEGIN ",
            b"-----",
            b"AQID\n",
            b"=",
            b"MAA=\n",
        ]
    )
    | st.binary(max_size=6)
).map(b"".join)


@given(RFC_4514)
def test_a_name(text: str) -> None:
    with suppress(MalformedError):
        name = Name.from_rfc4514(text)
        assert Name.from_der(name.der) == name
        assert str(name).isprintable()


@given(PEM)
def test_a_pem_text(text: bytes) -> None:
    for load in (Certificate.load, CertificateList.load):
        with suppress(MalformedError):
            load(text)
    with suppress(MalformedError):
        assert all(isinstance(der, bytes) for der in decode_pem(text, ("CERTIFICATE",), "file"))


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_what_is_wrapped_in_pem_comes_out_as_it_was(contents: list[bytes]) -> None:
    text = b"".join(
        b"-----BEGIN CERTIFICATE-----\n%b-----END CERTIFICATE-----\n" % encodebytes(one)
        for one in contents
    )

    assert decode_pem(text, ("CERTIFICATE",), "file") == contents


@given(st.text(max_size=20))
def test_a_label(text: str) -> None:
    for read in (HashAlgorithm.from_label, CRLReason.from_label):
        with suppress(MalformedError):
            read(text)
