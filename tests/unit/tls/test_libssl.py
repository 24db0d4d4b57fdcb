from __future__ import annotations

import _thread
import ctypes
import functools
import operator
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certstatus.errors import PlatformError
from certstatus.testing import Issued, TinyCA
from certstatus.tls import libssl as binding
from certstatus.tls.libssl import LibSSL, libssl, status_callback
from certstatus.tls.selftest import prove
from tests.newer import on_newer_libssl


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA("Root")


def load(context: ssl.SSLContext, issued: Issued, above: TinyCA, directory: Path) -> None:
    chain, key = directory / "chain.pem", directory / "key.pem"
    shown = (issued.certificate, above.certificate)
    chain.write_bytes(b"".join(one.parsed.public_bytes(Encoding.PEM) for one in shown))
    plain = PrivateFormat.PKCS8, NoEncryption()
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, *plain))
    context.load_cert_chain(chain, key)


def test_a_context_of_either_side_is_found_and_proven() -> None:
    client, server = (
        ssl.SSLContext(protocol) for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)
    )

    assert libssl().context_pointer(client) != libssl().context_pointer(server)


def test_a_subclass_of_the_context_is_found_too() -> None:
    class Context(ssl.SSLContext):
        pass

    assert libssl().context_pointer(Context(ssl.PROTOCOL_TLS_CLIENT))


@pytest.mark.parametrize(
    "other",
    [SimpleNamespace(a=1), "text " * 9, 7, object()],
    ids=["namespace", "text", "number", "object"],
)
def test_what_is_no_context_of_this_library_is_refused_and_never_called(other: object) -> None:
    with pytest.raises(PlatformError, match="unknown layout"):
        libssl().context_pointer(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", [0, 8, 0xDEAD_BEEF_0000, 2**64 - 64])
def test_a_bad_address_is_read_as_nothing_and_the_process_lives(address: int) -> None:
    assert binding._read_words(address, 2) == ()


def test_good_memory_is_read_as_it_stands() -> None:
    words = (ctypes.c_size_t * 2)(5, 2**63)

    assert binding._read_words(ctypes.addressof(words), 2) == (5, 2**63)


def test_a_library_that_is_no_libssl_is_named_by_what_it_lacks() -> None:
    with pytest.raises(PlatformError, match="does not show TLS_client_method and others: it is"):
        LibSSL(ctypes.PyDLL(None))


def test_another_copy_of_the_library_does_not_know_the_layout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a static interpreter would look that shows some other libssl's symbols."""
    library = libssl()
    for method in ("TLS_client_method", "TLS_server_method", "TLS_method"):
        monkeypatch.setattr(library, method, lambda: 0x1000)

    with pytest.raises(PlatformError, match="another libssl"):
        library.context_pointer(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_a_context_without_certificates_has_none() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    assert not list(libssl().certificates(libssl().context_pointer(context)))


def test_every_kind_of_key_is_told_with_its_chain_and_the_current_one_stays(
    ca: TinyCA, tmp_path: Path
) -> None:
    library, context = libssl(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = [ca.issue_server("a.example", kind=kind) for kind in ("rsa2048", "p256", "ed25519")]
    for one in issued:
        load(context, one, ca, tmp_path)
    pointer = library.context_pointer(context)
    current = library.SSL_CTX_get0_certificate(pointer)

    found = {der: chain for _, der, chain in library.certificates(pointer)}

    assert found == {one.certificate.der: (ca.certificate.der,) for one in issued}
    assert library.SSL_CTX_get0_certificate(pointer) == current


def test_der_that_libcrypto_cannot_read_is_refused() -> None:
    with pytest.raises(PlatformError, match="can't read 4 bytes"):
        libssl().staple_chain(0, (b"junk",))


@pytest.mark.parametrize("agrees", [True, False])
def test_a_status_callback_says_whether_its_function_agrees(agrees: bool) -> None:
    asked: list[int] = []

    def answer(connection: int) -> bool:
        asked.append(connection)
        return agrees

    assert status_callback(answer)(7, None) == int(agrees)
    assert asked == [7]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_a_status_callback_raises_is_no_consent(error: type[BaseException]) -> None:
    def agrees(_: int) -> bool:
        raise error

    assert status_callback(agrees)(7, None) == 0


def test_an_interrupt_that_waits_before_a_status_callback_is_no_consent() -> None:
    """It is raised as soon as Python's code runs: nothing in that code can catch it."""
    callback = status_callback(lambda _: True)
    from_c: list[Callable[[], object]] = [
        _thread.interrupt_main,
        functools.partial(callback, 7, None),
    ]

    assert list(map(operator.call, from_c)) == [None, 0]


def test_the_round_trip_proves_this_interpreter_once() -> None:
    assert prove() is prove() is libssl()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("staple", "does not bring a staple"),
        ("SSL_get_ex_data", "does not bring a staple"),
        ("SSL_CTX_use_certificate_ASN1", "takes no certificate"),
    ],
)
def test_a_library_that_works_otherwise_is_refused(
    broken: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libssl(), broken, lambda *_: 0)

    with pytest.raises(PlatformError, match=reason):
        prove.__wrapped__()


def test_a_library_without_either_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: ssl.SSLContext) -> ssl.SSLObject:
        error = ssl.SSLError(1, "no protocols available")
        error.reason = "NO_PROTOCOLS_AVAILABLE"
        raise error

    monkeypatch.setattr("certstatus.tls.selftest._shake_hands", refuse)

    with pytest.raises(PlatformError, match=r"allows neither TLS 1\.2 nor TLS 1\.3"):
        prove.__wrapped__()


def test_the_round_trip_holds_on_a_newer_libssl(tmp_path: Path) -> None:
    program = (
        "import ssl; from certstatus.tls.selftest import prove\n"
        "print(ssl.OPENSSL_VERSION_INFO[:2], prove().has_multi_staple)"
    )

    assert on_newer_libssl(program, tmp_path) == "(3, 6) True\n"
