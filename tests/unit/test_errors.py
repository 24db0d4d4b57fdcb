"""The error tree: one root, plain classes, and each one's word at every border."""

from __future__ import annotations

import pickle

import pytest

from certstatus import errors
from certstatus.errors import (
    Attempt,
    CertStatusError,
    ChangeError,
    ConfigError,
    DecodeError,
    MalformedError,
    OverloadError,
    PlatformError,
    RefusedError,
    SignerError,
    SourceError,
    StoreError,
    UnreachableError,
    UntrustedError,
    WrongSetting,
)

TOLD: list[tuple[CertStatusError, str]] = [
    (MalformedError("is cut short", where="OCSPResponse"), "OCSPResponse: is cut short"),
    (
        DecodeError("is cut short", where="ClientHello", rule="T1"),
        "ClientHello: is cut short [T1]",
    ),
    (PlatformError("libssl is linked in statically"), "libssl is linked in statically"),
    (RefusedError("it answered tryLater", status=3), "it answered tryLater [O10]"),
    (UntrustedError("signature: does not match", report=None), "signature: does not match"),
    (UnreachableError("no responder answered"), "no responder answered"),
    (SourceError("the CRL has expired", rule="C9"), "the CRL has expired [C9]"),
    (ChangeError("is revoked for good"), "is revoked for good"),
    (StoreError("redis://127.0.0.1:6379/0 is not there"), "redis://127.0.0.1:6379/0 is not there"),
    (SignerError("has expired", rule="O25"), "has expired [O25]"),
    (OverloadError("512 signatures are waited for"), "512 signatures are waited for"),
    (
        ConfigError("is no number", file="a.toml", key="server.port", remedy="write 8080"),
        "a.toml: server.port: is no number (write 8080)",
    ),
    (
        ConfigError(
            "is no number",
            file="a.toml",
            key="server.port",
            line=2,
            others=[
                WrongSetting("is missing", "authority", "write a table [[authority]]"),
                WrongSetting("is no setting", "server.prot", line=3),
            ],
        ),
        (
            "a.toml:2: server.port: is no number; authority: is missing (write a table "
            "[[authority]]); line 3: server.prot: is no setting"
        ),
    ),
]
EVERY = [error for error, _ in TOLD]
VALUES = {Attempt, WrongSetting}


def test_the_tree_has_one_root_that_is_never_raised_itself() -> None:
    named = {getattr(errors, name) for name in errors.__all__} - {CertStatusError, *VALUES}

    assert named == {type(error) for error in EVERY}
    assert all(isinstance(error, CertStatusError) for error in EVERY)
    with pytest.raises(TypeError, match="abstract"):
        CertStatusError("nothing")


@pytest.mark.parametrize(("error", "text"), TOLD)
def test_an_error_tells_its_place_its_rule_and_its_remedy(
    error: CertStatusError, text: str
) -> None:
    assert str(error) == text
    assert error.hint


@pytest.mark.parametrize(
    ("kind", "status", "alert", "code"),
    [
        (MalformedError, 1, 113, 65),
        (DecodeError, 1, 50, 65),
        (RefusedError, 6, 113, 4),
        (UntrustedError, 2, 113, 3),
        (UnreachableError, 3, 113, 69),
        (SourceError, 3, 80, 69),
        (ChangeError, 2, 80, 65),
        (SignerError, 2, 80, 78),
        (StoreError, 2, 80, 69),
        (ConfigError, 2, 80, 78),
        (PlatformError, 2, 80, 78),
    ],
)
@pytest.mark.rule("O10", "O11")
def test_an_error_says_what_it_means_at_each_border(
    kind: type[CertStatusError], status: int, alert: int, code: int
) -> None:
    """The OCSP response status, the TLS alert, the exit code."""
    assert (kind.response_status, kind.tls_alert, kind.exit_code) == (status, alert, code)


def test_every_try_is_told_with_its_reason() -> None:
    tries = [Attempt("http://a.example/", "timed out"), Attempt("http://b.example/", "404", True)]

    error = UnreachableError("no responder answered", attempts=tries)

    assert error.attempts == tuple(tries)
    assert str(error) == (
        "no responder answered (http://a.example/: timed out; http://b.example/: 404)"
    )


def test_errors_are_plain_classes_that_can_be_raised_from_anywhere() -> None:
    """A frozen dataclass would fail where Python sets ``__traceback__``."""
    for error in EVERY:
        error.__traceback__ = None
        error.add_note("note")
        assert error.args == (error.message,)


def test_an_attempt_travels_between_processes() -> None:
    one = Attempt("http://a.example/", "timed out")

    assert pickle.loads(pickle.dumps(one)) == one
