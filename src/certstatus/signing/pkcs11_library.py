"""One PKCS #11 library in one process: its start for several threads, its end, and forks.

What a fork inherits of a library is never used: the child starts it anew, for itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Final

from pkcs11 import PKCS11Error
from pkcs11._pkcs11 import lib

__all__ = ["Library", "no_openssl_error_left"]

_OS_LOCKING_OK: Final = 0x2
_OK: Final = 0x0
_ALREADY_INITIALIZED: Final = 0x191


class _InitializeArguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS."""

    _fields_ = (
        ("mutexes", ctypes.c_void_p * 4),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class _Functions(ctypes.Structure):
    """The beginning of CK_FUNCTION_LIST."""

    _fields_ = (
        ("version", ctypes.c_ubyte * 2),
        ("initialize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
        ("finalize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
    )


class Library(lib):
    """A library started with its locks on; python-pkcs11 itself starts it for one thread."""

    def initialize(self) -> None:
        """Start it; where a fork left it started, anew."""
        functions = self._functions()
        arguments = _InitializeArguments(flags=_OS_LOCKING_OK)
        code = functions.initialize(ctypes.byref(arguments))
        if code == _ALREADY_INITIALIZED and _fork.has_happened:
            functions.finalize(None)
            code = functions.initialize(ctypes.byref(arguments))
        if code not in {_OK, _ALREADY_INITIALIZED}:
            raise PKCS11Error(f"C_Initialize said {code:#x}")

    def end(self) -> None:
        """End it, with all its sessions."""
        with no_openssl_error_left():
            self._functions().finalize(None)

    def _functions(self) -> _Functions:
        found = ctypes.POINTER(_Functions)()
        code = ctypes.CDLL(self.so).C_GetFunctionList(ctypes.byref(found))
        if code != _OK:
            raise PKCS11Error(f"C_GetFunctionList said {code:#x}")
        return found.contents


class _Fork:
    """Whether this process came out of a fork, with libraries that are its parent's."""

    has_happened = False

    def happen(self) -> None:
        self.has_happened = True


_fork = _Fork()
os.register_at_fork(after_in_child=_fork.happen)


# --- OpenSSL ---------------------------------------------------------------------------------


def _clearing() -> Callable[[], object]:
    """Find what empties the error queue of the OpenSSL that ``ssl`` uses, where others may reach it."""
    found = find_spec("_ssl")
    if found is None or not found.has_location:
        return lambda: None
    return getattr(ctypes.CDLL(found.origin), "ERR_clear_error", lambda: None)


_clear: Final = _clearing()


@contextlib.contextmanager
def no_openssl_error_left() -> Iterator[None]:
    """Empty the thread's queue of OpenSSL's errors in the end.

    SoftHSM and others work on the same libcrypto as Python's ``ssl``, which would take an error
    that they left for its own: of a file that it loads next, or of a connection.
    """
    try:
        yield
    finally:
        _clear()
