from __future__ import annotations

import _thread
import ctypes
import functools
import operator
import signal
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certstatus.errors import PlatformError
from certstatus.handshake import TLS12, TLS13
from certstatus.testing import Issued, TinyCA
from certstatus.tls import libssl as binding
from certstatus.tls.libssl import LibSSL, libssl, status_callback
from certstatus.tls.selftest import prove
from tests.newer import on_newer_libssl
from tests.shaking import client_context, server_context, shake_hands


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
    ("other", "reason"),
    [
        (SimpleNamespace(a=1), "unknown layout, or"),
        ("text " * 9, "unknown layout, or"),
        (7, "unknown layout, or"),
        (object(), "unknown layout$"),
    ],
    ids=["namespace", "text", "number", "object"],
)
def test_what_is_no_context_of_this_library_is_refused_and_never_called(
    other: object, reason: str
) -> None:
    with pytest.raises(PlatformError, match=reason):
        libssl().context_pointer(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", [0, 8, 0xDEAD_BEEF_0000, 2**64 - 64])
def test_a_bad_address_is_read_as_nothing_and_the_process_lives(address: int) -> None:
    assert binding._read_words(address, 2) == ()


_WORD = ctypes.c_size_t()


def test_good_memory_is_read_as_it_stands() -> None:
    words = (ctypes.c_size_t * 2)(5, 2**63)

    assert binding._read_words(ctypes.addressof(words), 2) == (5, 2**63)


@pytest.mark.parametrize("address", [0, ctypes.addressof(_WORD)], ids=["nowhere", "memory of ours"])
def test_reading_leaves_no_file_open(address: int) -> None:
    before = sorted(Path("/dev/fd").iterdir())

    binding._read_words(address, 1)

    assert sorted(Path("/dev/fd").iterdir()) == before


def test_only_what_is_declared_is_called() -> None:
    with pytest.raises(AttributeError):
        libssl().SSL_free  # noqa: B018 - libssl has it, and we have not said how it is called


def watch(library: LibSSL, name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Note each call of a function, and carry it out."""
    calls: list[tuple[Any, ...]] = []
    function = getattr(library, name)

    def call(*arguments: Any) -> Any:
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(library, name, call)
    return calls


def test_a_library_that_makes_no_context_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    library = libssl()
    monkeypatch.setattr(library, "SSL_CTX_new", lambda _: None)

    with pytest.raises(PlatformError, match="makes no context"):
        library._find_method_offset()


def test_a_library_of_another_layout_is_refused_and_its_context_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = libssl()
    freed = watch(library, "SSL_CTX_free", monkeypatch)
    monkeypatch.setattr(binding, "_read_words", lambda *_: ())

    with pytest.raises(PlatformError, match="layout of contexts"):
        library._find_method_offset()

    assert len(freed) == 1


def test_an_interpreter_without_ssl_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_ssl", None)

    with pytest.raises(PlatformError, match="built without ssl"):
        libssl.__wrapped__()


def test_a_library_that_cannot_be_opened_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "PyDLL", refuse)

    with pytest.raises(PlatformError, match="can't be opened: no such file"):
        libssl.__wrapped__()


@pytest.mark.parametrize(("version", "can"), [(0x305FFFFF, False), (0x30600000, True)])
def test_whole_chains_are_stapled_from_3_6_on(
    version: int, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_NUMBER", version)

    assert libssl().has_multi_staple is can


@pytest.mark.parametrize("length", [0, -1])
def test_what_libcrypto_cannot_encode_is_told(length: int) -> None:
    with pytest.raises(PlatformError, match="can't encode"):
        libssl()._encoded(lambda *_: length, 1)


def test_what_libcrypto_encodes_is_given_back(
    ca: TinyCA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, context = libssl(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, ca.issue_server("a.example"), ca, tmp_path)
    freed = watch(library, "CRYPTO_free", monkeypatch)

    list(library.certificates(library.context_pointer(context)))

    assert len(freed) == 2


def test_what_fails_within_leaves_no_error_for_the_next_handshake(
    ca: TinyCA, tmp_path: Path
) -> None:
    library, context = libssl(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, ca.issue_server("a.example"), ca, tmp_path)
    library.ERR_clear_error()

    list(library.certificates(library.context_pointer(context)))
    with pytest.raises(PlatformError):
        library.set_request(0, (b"junk",), b"")

    assert library._library.ERR_peek_error() == 0


def test_before_a_handshake_a_connection_has_nothing(ca: TinyCA) -> None:
    library, client = libssl(), client_context(ca.certificate)
    found: list[object] = []

    def look(one: int) -> None:
        found.append((library.peer_certificate(one), library.peer_chain(one)))
        found.append((library.stapled(one), library.requested_ids(one)))
        found.append((library.requested_extensions(one), library.verified_chain(one)))

    kept = library.set_start_callback(library.context_pointer(client), look)
    connection = client.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()

    assert kept
    assert found == [(None, []), ((), ()), (b"", [])]


def test_the_start_of_a_handshake_is_told_once(ca: TinyCA, tmp_path: Path) -> None:
    library, client = libssl(), client_context(ca.certificate)
    leaf = ca.issue_server("leaf.example")
    started: list[int] = []
    kept = library.set_start_callback(library.context_pointer(client), started.append)

    shake_hands(server_context(leaf, [], tmp_path), client)

    assert kept
    assert len(started) == 1


def test_a_chain_that_does_not_hold_is_judged_and_not_taken_for_verified(
    ca: TinyCA, tmp_path: Path
) -> None:
    library, leaf = libssl(), ca.issue_server("leaf.example")
    server = server_context(leaf, [], tmp_path)
    far = library.context_pointer(server)
    answering = status_callback(lambda _: False)
    library.set_status_callback(far, answering)
    told = []
    for anchor in (ca, TinyCA("Other")):
        client = client_context(anchor.certificate)
        near = library.context_pointer(client)
        library.judge_only(near)

        def look(one: int) -> bool:
            chain = library.judged_chain(one)
            told.append((library.verify_problem(one), library.verified_chain(one), chain))
            return True

        looking = status_callback(look)
        library.set_status_callback(near, looking)
        library.request_status(near)
        shake_hands(server, client)

    whole = [leaf.certificate.der, ca.certificate.der]
    assert told == [
        (None, whole, whole),
        ("unable to get local issuer certificate", [], whole[:1]),
    ]


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
    issued = [ca.issue_server("a.example", kind=kind) for kind in ("ed25519", "p256", "rsa2048")]
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

    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # or it may be ignored
    try:
        returned = list(map(operator.call, from_c))
    finally:
        signal.signal(signal.SIGINT, usual)

    assert returned == [None, 0]


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


def test_a_library_that_hides_its_certificates_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libssl(), "certificates", lambda _: iter(()), raising=False)

    with pytest.raises(PlatformError, match="does not tell a context's certificates"):
        prove.__wrapped__()


def test_an_interpreter_that_hides_the_owner_of_a_connection_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certstatus.tls.selftest._shake_hands", lambda *_: SimpleNamespace())

    with pytest.raises(PlatformError, match="whose connection it is"):
        prove.__wrapped__()


def test_a_round_trip_that_breaks_is_no_absent_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: ssl.SSLContext) -> ssl.SSLObject:
        error = ssl.SSLError(1, "sslv3 alert handshake failure")
        error.reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"
        raise error

    monkeypatch.setattr("certstatus.tls.selftest._shake_hands", fail)

    with pytest.raises(PlatformError, match="the self-test of stapling failed"):
        prove.__wrapped__()


def test_a_handshake_without_end_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.tls.selftest._MAX_FLIGHTS", 1)

    with pytest.raises(PlatformError, match="came to no end"):
        prove.__wrapped__()


def test_each_version_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    library, staple = libssl(), libssl().staple
    versions: list[int] = []

    def note(connection: int, response: bytes) -> None:
        versions.append(library.SSL_version(connection))
        staple(connection, response)

    monkeypatch.setattr(library, "staple", note)

    prove.__wrapped__()

    assert versions == [TLS12, TLS13]


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
