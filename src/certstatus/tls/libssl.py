"""The libssl that the interpreter's own ``ssl`` module uses, reached by ctypes.

Python's ``ssl`` has no call for certificate status, but its contexts and connections are
libssl's, and libssl can. Two facts are needed that no API promises: where a context object
keeps its ``SSL_CTX *``, and that the symbols found are those of the very library that made
it. ``context_pointer`` proves both for each context before anything is called on it, so
that a foreign layout is an error and no crash.
"""

from __future__ import annotations

import ctypes
import functools
import os
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from certstatus.errors import PlatformError

__all__ = ["LibSSL", "StatusCallback", "libssl", "status_callback"]

StatusCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
"""int (*)(SSL *, void *)"""
InfoCallback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
"""void (*)(const SSL *, int where, int value)"""

_has_key: Final = ctypes.PYFUNCTYPE(
    ctypes.c_int, ctypes.py_object, ctypes.py_object, ctypes.c_void_p
)(("PyMapping_HasKey", ctypes.pythonapi))
"""int PyMapping_HasKey(PyObject *, PyObject *): 0 for whatever is raised. The last is for no one."""


class _Answers:
    """Holds a key where a callback is to return 1."""

    def __init__(self, agrees: Callable[[int], bool]) -> None:
        self._agrees = agrees

    def __getitem__(self, connection: int) -> None:
        """Ask."""
        if not self._agrees(connection):
            raise KeyError(connection)


def status_callback(agrees: Callable[[int], bool]) -> Any:
    """Make a status callback that returns 1 where ``agrees(SSL *)``, and else 0.

    Whatever is raised comes to 0 as well, even the KeyboardInterrupt of a signal that came
    while libssl was at work, which is raised before the first instruction of ``agrees``.
    From a plain function ctypes would return what happens to lie on the stack, and libssl
    take that for consent. Keep alive what this returns.
    """
    return StatusCallback(functools.partial(_has_key, _Answers(agrees)))


# Numbers of <openssl/ssl.h> and <openssl/tls1.h>; they have been the same since OpenSSL 1.0.
_SET_STATUS_CB: Final = 63
_SET_STATUS_TYPE: Final = 65
_GET_STATUS_EXTS: Final = 66
_SET_STATUS_EXTS: Final = 67
_GET_STATUS_IDS: Final = 68
_SET_STATUS_IDS: Final = 69
_GET_STATUS_RESPONSE: Final = 70
_SET_STATUS_RESPONSE: Final = 71
_GET_CHAIN_CERTS: Final = 115
_SET_CURRENT_CERT: Final = 117
_GET_STATUS_CB: Final = 128
_GET_STATUS_RESPONSES: Final = 142
_SET_STATUS_RESPONSES: Final = 143
_CERT_FIRST: Final = 1
_CERT_NEXT: Final = 2
_STATUS_OCSP: Final = 1
_VERIFIED: Final = 0
_VERIFY_NONE: Final = 0
_CB_HANDSHAKE_START: Final = 0x10
_MULTI_SINCE: Final = 0x30600000
_SEARCHED_WORDS: Final = 16
_MAX_KEY_KINDS: Final = 64

_pointer = ctypes.c_void_p
_int, _long, _size = ctypes.c_int, ctypes.c_long, ctypes.c_size_t

_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "TLS_client_method": (_pointer, ()),
    "TLS_server_method": (_pointer, ()),
    "TLS_method": (_pointer, ()),
    "SSL_CTX_new": (_pointer, (_pointer,)),
    "SSL_CTX_free": (None, (_pointer,)),
    "SSL_CTX_ctrl": (_long, (_pointer, _int, _long, _pointer)),
    "SSL_CTX_callback_ctrl": (_long, (_pointer, _int, _pointer)),
    "SSL_CTX_set_info_callback": (None, (_pointer, _pointer)),
    "SSL_CTX_get_info_callback": (_pointer, (_pointer,)),
    "SSL_CTX_set_verify": (None, (_pointer, _int, _pointer)),
    "SSL_CTX_get0_certificate": (_pointer, (_pointer,)),
    "SSL_CTX_use_certificate_ASN1": (_int, (_pointer, _int, ctypes.c_char_p)),
    "SSL_CTX_use_PrivateKey_ASN1": (_int, (_int, _pointer, ctypes.c_char_p, _long)),
    "SSL_ctrl": (_long, (_pointer, _int, _long, _pointer)),
    "SSL_get_certificate": (_pointer, (_pointer,)),
    "SSL_get0_peer_certificate": (_pointer, (_pointer,)),
    "SSL_get_peer_cert_chain": (_pointer, (_pointer,)),
    "SSL_get0_verified_chain": (_pointer, (_pointer,)),
    "SSL_get_servername": (ctypes.c_char_p, (_pointer, _int)),
    "SSL_get_ex_data": (_pointer, (_pointer, _int)),
    "SSL_get_verify_result": (_long, (_pointer,)),
    "SSL_session_reused": (_int, (_pointer,)),
    "SSL_version": (_int, (_pointer,)),
    "OPENSSL_sk_num": (_int, (_pointer,)),
    "OPENSSL_sk_value": (_pointer, (_pointer, _int)),
    "OPENSSL_sk_new_null": (_pointer, ()),
    "OPENSSL_sk_push": (_int, (_pointer, _pointer)),
    "CRYPTO_malloc": (_pointer, (_size, ctypes.c_char_p, _int)),
    "CRYPTO_free": (None, (_pointer, ctypes.c_char_p, _int)),
    "ERR_clear_error": (None, ()),
    "X509_verify_cert_error_string": (ctypes.c_char_p, (_long,)),
    "X509_up_ref": (_int, (_pointer,)),
    "X509_free": (None, (_pointer,)),
    "i2d_X509": (_int, (_pointer, ctypes.POINTER(_pointer))),
    "i2d_OCSP_RESPID": (_int, (_pointer, ctypes.POINTER(_pointer))),
    "d2i_OCSP_RESPID": (_pointer, (_pointer, ctypes.POINTER(_pointer), _long)),
    "i2d_X509_EXTENSIONS": (_int, (_pointer, ctypes.POINTER(_pointer))),
    "d2i_X509_EXTENSIONS": (_pointer, (_pointer, ctypes.POINTER(_pointer), _long)),
    "i2d_OCSP_RESPONSE": (_int, (_pointer, ctypes.POINTER(_pointer))),
    "d2i_OCSP_RESPONSE": (_pointer, (_pointer, ctypes.POINTER(_pointer), _long)),
}


class LibSSL:
    """Calls into libssl and libcrypto, each with its types.

    Pointers are plain ints. The interpreter's lock is held during a call: all of them are
    short, and most happen inside a handshake's callback.
    """

    def __init__(self, library: ctypes.PyDLL) -> None:
        missing = []
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name, None)
            if function is None:
                missing.append(name)
                continue
            function.restype, function.argtypes = result, arguments
        if missing:
            raise PlatformError(
                f"{ssl.OPENSSL_VERSION}, which this interpreter uses, does not show "
                f"{missing[0]}{' and others' if missing[1:] else ''}: it is linked in statically, "
                "or no OpenSSL"
            )
        self._library = library
        self._method_offset = self._find_method_offset()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in _FUNCTIONS:
            raise AttributeError(name)
        function: Callable[..., Any] = getattr(self._library, name)
        setattr(self, name, function)
        return function

    @property
    def has_multi_staple(self) -> bool:
        """Whether TLS 1.3 servers can staple for the whole chain (libssl 3.6)."""
        return ssl.OPENSSL_VERSION_NUMBER >= _MULTI_SINCE

    # --- which memory is what ----------------------------------------------------------------

    def _find_method_offset(self) -> int:
        """Find where an ``SSL_CTX`` holds its ``SSL_METHOD *``, on a context of our own."""
        method = self.TLS_server_method()
        context = self.SSL_CTX_new(method)
        if not context:
            raise PlatformError(f"{ssl.OPENSSL_VERSION} makes no context")
        try:
            words = _read_words(context, _SEARCHED_WORDS)
        finally:
            self.SSL_CTX_free(context)
        if method not in words:
            raise PlatformError(f"the layout of contexts in {ssl.OPENSSL_VERSION} is unknown")
        return words.index(method)

    def context_pointer(self, context: ssl.SSLContext) -> int:
        """Return the ``SSL_CTX *`` of a context, proven to be one of this very library.

        Raises:
            PlatformError: the interpreter keeps it elsewhere, or uses another libssl.
        """
        head = object.__basicsize__
        word = ctypes.sizeof(_pointer)
        if type(context).__basicsize__ < head + word:
            raise PlatformError("this interpreter's SSLContext has an unknown layout")
        (address,) = _read_words(id(context) + head, 1)
        words = _read_words(address, self._method_offset + 1) if address else ()
        methods = {self.TLS_client_method(), self.TLS_server_method(), self.TLS_method()}
        if len(words) <= self._method_offset or words[self._method_offset] not in methods:
            raise PlatformError(
                "this interpreter's SSLContext has an unknown layout, or its ssl module is bound "
                "to another libssl than the one found"
            )
        return address

    # --- a context's certificates ------------------------------------------------------------

    def certificates(self, context: int) -> Iterator[tuple[int, bytes, tuple[bytes, ...]]]:
        """Yield each certificate that a context can show: its pointer, its DER, its chain's DER.

        There is one for each kind of key (RSA, ECDSA …). Which one is current is put back.
        """
        current = self.SSL_CTX_get0_certificate(context)
        if not current:
            return
        found = []
        for certificate in self._each_certificate(context):
            stack = _pointer()
            self.SSL_CTX_ctrl(context, _GET_CHAIN_CERTS, 0, ctypes.byref(stack))
            chain = tuple(self.stack_of_certificates(stack.value))
            found.append((certificate, self.certificate_der(certificate), chain))
        any(certificate == current for certificate in self._each_certificate(context))
        yield from found

    def _each_certificate(self, context: int) -> Iterator[int]:
        """Make each certificate of a context the current one, in turn."""
        step = _CERT_FIRST
        for _ in range(_MAX_KEY_KINDS):
            if self.SSL_CTX_ctrl(context, _SET_CURRENT_CERT, step, None) != 1:
                break
            yield self.SSL_CTX_get0_certificate(context)
            step = _CERT_NEXT
        self.ERR_clear_error()

    def certificate_der(self, certificate: int) -> bytes:
        """Return the DER of an ``X509 *``."""
        return self._encoded(self.i2d_X509, certificate)

    def stack_of_certificates(self, stack: int | None) -> list[bytes]:
        """Return the DER of each certificate in a stack; none where there is no stack."""
        return [self.certificate_der(one) for one in self._items(stack)]

    def judge_only(self, context: int) -> None:
        """Let a client's context verify each chain, and go on whatever comes of it."""
        self.SSL_CTX_set_verify(context, _VERIFY_NONE, None)

    def verify_problem(self, connection: int) -> str | None:
        """Return what libssl found wrong with the peer's chain; None: it holds."""
        result = self.SSL_get_verify_result(connection)
        if result == _VERIFIED:
            return None
        return str(self.X509_verify_cert_error_string(result).decode("ascii", "backslashreplace"))

    def verified_chain(self, connection: int) -> list[bytes]:
        """Return the path that libssl found and verified; empty where it verified none."""
        return [] if self.verify_problem(connection) else self.judged_chain(connection)

    def judged_chain(self, connection: int) -> list[bytes]:
        """Return the path that libssl looked at, whatever it found wrong with it."""
        return self.stack_of_certificates(self.SSL_get0_verified_chain(connection))

    def peer_chain(self, connection: int) -> list[bytes]:
        """Return what the server sent, as a client sees it: its own certificate first."""
        return self.stack_of_certificates(self.SSL_get_peer_cert_chain(connection))

    def peer_certificate(self, connection: int) -> bytes | None:
        """Return the peer's own certificate, also of a resumed session."""
        certificate = self.SSL_get0_peer_certificate(connection)
        return self.certificate_der(certificate) if certificate else None

    def own_chain(self, connection: int) -> list[bytes]:
        """Return what a server sends above the certificate that it chose."""
        stack = _pointer()
        self.SSL_ctrl(connection, _GET_CHAIN_CERTS, 0, ctypes.byref(stack))
        return self.stack_of_certificates(stack.value)

    def server_name(self, connection: int) -> str | None:
        """Return the name that the client asked for (SNI)."""
        name = self.SSL_get_servername(connection, 0)
        return None if name is None else name.decode("ascii", "backslashreplace")

    # --- certificate status --------------------------------------------------------------------

    def status_callback(self, context: int) -> int | None:
        """Return the context's callback, None where it has none."""
        held = _pointer()
        self.SSL_CTX_ctrl(context, _GET_STATUS_CB, 0, ctypes.byref(held))
        return held.value

    def set_status_callback(self, context: int, callback: Any) -> None:
        """Set the callback; the caller keeps it alive as long as the context."""
        self.SSL_CTX_callback_ctrl(context, _SET_STATUS_CB, ctypes.cast(callback, _pointer))

    def request_status(self, context: int) -> None:
        """Let clients of this context send status_request."""
        self.SSL_CTX_ctrl(context, _SET_STATUS_TYPE, _STATUS_OCSP, None)

    def set_request(self, connection: int, ids: tuple[bytes, ...], extensions: bytes) -> None:
        """Say whom this client trusts to respond, and what to ask; before its ClientHello.

        ``ids`` are DER ResponderIDs, ``extensions`` a DER Extensions or empty.

        Raises:
            PlatformError: libssl can't read one of them.
        """
        if ids:
            stack = self.OPENSSL_sk_new_null()
            for one in ids:
                self.OPENSSL_sk_push(stack, self._decoded(self.d2i_OCSP_RESPID, one))
            self.SSL_ctrl(connection, _SET_STATUS_IDS, 0, stack)
        if extensions:
            stack = self._decoded(self.d2i_X509_EXTENSIONS, extensions)
            self.SSL_ctrl(connection, _SET_STATUS_EXTS, 0, stack)

    def requested_ids(self, connection: int) -> tuple[bytes, ...]:
        """Return the DER of each ResponderID that the client listed."""
        stack = _pointer()
        self.SSL_ctrl(connection, _GET_STATUS_IDS, 0, ctypes.byref(stack))
        if not stack.value:
            return ()
        return tuple(self._encoded(self.i2d_OCSP_RESPID, one) for one in self._items(stack.value))

    def requested_extensions(self, connection: int) -> bytes:
        """Return the DER of the client's request extensions; empty where it sent none."""
        stack = _pointer()
        self.SSL_ctrl(connection, _GET_STATUS_EXTS, 0, ctypes.byref(stack))
        return self._encoded(self.i2d_X509_EXTENSIONS, stack.value) if stack.value else b""

    def staple(self, connection: int, response: bytes) -> None:
        """Hand a server's connection the response to send; libssl frees its copy."""
        copy = self.CRYPTO_malloc(len(response), b"", 0)
        if copy:
            ctypes.memmove(copy, response, len(response))
            self.SSL_ctrl(connection, _SET_STATUS_RESPONSE, len(response), copy)
            self.ERR_clear_error()

    def staple_chain(self, connection: int, responses: Sequence[bytes]) -> None:
        """Hand a server's connection the responses of its chain, the leaf's first, without gaps.

        Needs ``has_multi_staple``; libssl sends those of the same order as the chain.
        """
        stack = self.OPENSSL_sk_new_null()
        for one in responses:
            self.OPENSSL_sk_push(stack, self._decoded(self.d2i_OCSP_RESPONSE, one))
        self.SSL_ctrl(connection, _SET_STATUS_RESPONSES, 0, stack)
        self.ERR_clear_error()

    def stapled(self, connection: int) -> tuple[bytes | None, ...]:
        """Return what the server stapled to each certificate that it sent.

        Before libssl 3.6, to its own certificate alone; from then on as libssl has read and
        written it again, which mends an odd outermost length and drops octets after the
        end, but leaves what is signed as it came. Empty where nothing came.
        """
        if not self.has_multi_staple:
            alone = self._stapled_alone(connection)
            return () if alone is None else (alone,)
        stack = _pointer()
        self.SSL_ctrl(connection, _GET_STATUS_RESPONSES, 0, ctypes.byref(stack))
        return tuple(
            self._encoded(self.i2d_OCSP_RESPONSE, one) if one else None
            for one in self._items(stack.value)
        )

    def _stapled_alone(self, connection: int) -> bytes | None:
        response = _pointer()
        length = self.SSL_ctrl(connection, _GET_STATUS_RESPONSE, 0, ctypes.byref(response))
        if not response.value or length <= 0:
            return None
        return ctypes.string_at(response.value, length)

    def set_start_callback(self, context: int, started: Callable[[int], None]) -> Any:
        """Call ``started(SSL *)`` before each ClientHello; keep what this returns alive."""

        def inform(connection: int, where: int, _value: int) -> None:
            if where & _CB_HANDSHAKE_START:
                started(connection)

        callback = InfoCallback(inform)
        self.SSL_CTX_set_info_callback(context, ctypes.cast(callback, _pointer))
        return callback

    # --- libcrypto's containers ------------------------------------------------------------------

    def _items(self, stack: int | None) -> Iterator[int]:
        if stack:
            for place in range(self.OPENSSL_sk_num(stack)):
                yield self.OPENSSL_sk_value(stack, place)

    def _encoded(self, encode: Callable[..., int], value: int) -> bytes:
        out = _pointer()
        length = encode(value, ctypes.byref(out))
        if length <= 0 or not out.value:
            raise PlatformError(f"{ssl.OPENSSL_VERSION} can't encode what it holds")
        try:
            return ctypes.string_at(out.value, length)
        finally:
            self.CRYPTO_free(out.value, b"", 0)

    def _decoded(self, decode: Callable[..., int | None], der: bytes) -> int:
        """Decode DER into an object of libcrypto's; whoever takes it frees it."""
        copy = ctypes.create_string_buffer(der, len(der))
        cursor = _pointer(ctypes.addressof(copy))
        value = decode(None, ctypes.byref(cursor), len(der))
        if not value:
            self.ERR_clear_error()
            raise PlatformError(f"{ssl.OPENSSL_VERSION} can't read {len(der)} bytes of DER")
        return value


@functools.cache
def libssl() -> LibSSL:
    """Return the binding, made once for the process.

    Raises:
        PlatformError: this interpreter's libssl can't be reached.
    """
    try:
        import _ssl  # noqa: PLC0415 - absent where Python was built without OpenSSL
    except ImportError as error:
        raise PlatformError("this interpreter was built without ssl") from error
    # Symbols are looked up in what the ssl module itself is linked against; where it is
    # built into the interpreter, among those that the interpreter shows.
    file = getattr(_ssl, "__file__", None)
    try:
        return LibSSL(ctypes.PyDLL(file))
    except OSError as error:
        raise PlatformError(f"the ssl module can't be opened: {error}") from error


def _read_words(address: int, count: int) -> tuple[int, ...]:
    """Read machine words wherever ``address`` points; nothing where that is no memory of ours.

    The kernel does the reading, on its way into a pipe: it refuses a bad address, where a
    plain access would end the process.
    """
    write = ctypes.CDLL(None).write
    write.restype, write.argtypes = ctypes.c_ssize_t, (_int, _pointer, _size)
    size = ctypes.sizeof(_pointer)
    reader, writer = os.pipe()
    try:
        if write(writer, address, count * size) != count * size:
            return ()
        data = os.read(reader, count * size)
    finally:
        os.close(reader)
        os.close(writer)
    return tuple(int.from_bytes(data[at : at + size], _ORDER) for at in range(0, len(data), size))


_ORDER: Final = sys.byteorder
