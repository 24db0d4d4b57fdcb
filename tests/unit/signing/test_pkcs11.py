"""Keys in a real SoftHSM: what they sign, what is refused, and how they come back."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pkcs11 import PKCS11Error

from certstatus.asn1 import oids
from certstatus.cms import asign_content, verify_signed_data
from certstatus.errors import CertStatusError, ConfigError, SignerError
from certstatus.limits_signers import (
    MAX_PIN_BYTES,
    MAX_TOKEN_RETRY_TIME,
    MAX_TOKEN_SESSIONS,
    TOKEN_RETRY_TIME,
    TOKEN_WAIT_TIME,
)
from certstatus.pkix import SignatureAlgorithm, signature_problem
from certstatus.signing import (
    PKCS11URI,
    Profile,
    Purpose,
    Signer,
    check_signer,
    load_any_signers,
    make_signers,
    pkcs11,
    pkcs11_library,
    pkcs11_module,
    refuse_unfit,
)
from certstatus.signing.pkcs11 import PKCS11Key, PKCS11Signer, load_pkcs11_signers
from certstatus.signing.pkcs11_pin import PIN_VARIABLE
from certstatus.testing import FixedClock, Issued, TinyCA
from tests.softhsm import PIN, SoftHSM, Token, forget_all

CA = TinyCA("CA with an HSM")
NOW = FixedClock().moment
KINDS = ("rsa2048", "p256", "p384", "p521", "ed25519")


@dataclass
class Watch:
    """A clock that a test sets on."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self) -> None:
        """Let the pause between two looks for a token go by."""
        self.seconds += TOKEN_RETRY_TIME.total_seconds()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(pkcs11_module, "monotonic", watch)
    return watch


@pytest.fixture
def token(softhsm: SoftHSM, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Make a token, and a process that has not heard of any library."""
    forget_all(monkeypatch)
    return softhsm.new_token()


Load = Callable[..., tuple[PKCS11Signer, ...]]


@pytest.fixture
def load(token: Token, tmp_path: Path) -> Load:
    """Load a key of the token with the certificate of ``issued``."""

    def call(issued: Issued, uri: str | None = None, **more: Any) -> tuple[PKCS11Signer, ...]:
        file = tmp_path / "signer.pem"
        file.write_bytes(issued.certificate_pem)
        named = PKCS11URI.parse(uri or token.uri("ocsp"))
        signers, findings = load_pkcs11_signers(named, file, issuer=CA.certificate, **more)
        assert findings == ()
        return signers

    return call


def delegate(kind: str = "p256") -> Issued:
    return CA.issue_responder(f"responder {kind}", kind=kind)


def holds(signer: Signer, data: bytes = b"to be signed") -> bool:
    key = signer.certificate.public_key
    return signature_problem(signer.algorithm, key, signer.sign(data), data) is None


@pytest.mark.rule("O29", "A1", "A2", "A3")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_signs_as_it_would_from_a_file(
    token: Token, load: Load, kind: str
) -> None:
    issued = delegate(kind)
    token.put(issued, "ocsp")
    signers = load(issued)
    local = make_signers(issued.key, issued.certificate, issuer=CA.certificate)

    assert [one.algorithm for one in signers] == [one.algorithm for one in local]
    assert [one.certs for one in signers] == [one.certs for one in local]
    assert all(holds(one) for one in signers)
    refuse_unfit(signers[0], check_signer(signers[0], CA.certificate, now=NOW))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_in_a_token_signs_messages_too(token: Token, tmp_path: Path, kind: str) -> None:
    """Waited for, as a token's signatures are; the certificate goes along, a CA's own too."""
    issued = TinyCA(f"Messages {kind}", kind=kind).issued
    token.put(issued, "ocsp")
    file = tmp_path / "own.pem"
    file.write_bytes(issued.certificate_pem)
    signers, _ = load_pkcs11_signers(PKCS11URI.parse(token.uri("ocsp")), file, issuer=None)
    assert signers[0].certs == (issued.certificate,)

    for signer in signers:
        message = asyncio.run(asign_content(oids.ID_DATA, b"content", signer))
        report = verify_signed_data(message, now=NOW, purpose=Purpose.SCVP_SERVER)
        assert report.with_trust(None).require().content == b"content"


@pytest.mark.rule("O29")
def test_the_gate_refuses_an_unfit_certificate_whatever_holds_its_key(
    token: Token, load: Load
) -> None:
    issued = CA.issue("no responder")
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)

    with pytest.raises(SignerError, match="OCSPSigning"):
        refuse_unfit(signer, check_signer(signer, CA.certificate, now=NOW))


def test_algorithms_are_those_named_or_those_of_the_profile(token: Token, load: Load) -> None:
    issued = delegate("rsa2048")
    token.put(issued, "ocsp")

    (only,) = load(issued, algorithms=["id-RSASSA-PSS with sha384"])
    assert only.algorithm.name == "id-RSASSA-PSS with sha384"
    assert load(issued, profile=Profile.CABF)
    with pytest.raises(SignerError, match="can't sign with ecdsa-with-SHA256"):
        load(issued, algorithms=["ecdsa-with-SHA256"])


def test_of_several_certificates_the_keys_own_counts(token: Token, tmp_path: Path) -> None:
    mine, other, rsa = delegate(), delegate(), delegate("rsa2048")
    token.put(mine, "ocsp")
    file = tmp_path / "several.pem"
    file.write_bytes(b"".join(one.certificate_pem for one in (rsa, other, mine)))
    uri = PKCS11URI.parse(token.uri("ocsp"))

    signers, _ = load_any_signers(uri, file, issuer=CA.certificate)

    assert signers[0].certificate == mine.certificate


# --- what is refused -----------------------------------------------------------------------


def test_a_key_that_is_not_the_certificates_is_refused(token: Token, load: Load) -> None:
    token.put(delegate(), "ocsp")

    for other in (delegate(), delegate("rsa2048"), delegate("ed448")):
        with pytest.raises(SignerError, match="is not the key of any certificate") as caught:
            load(other)
        assert caught.value.rule == "O16"


def test_a_missing_token_or_key_is_named_with_what_there_is(token: Token, load: Load) -> None:
    token.put(delegate(), "ocsp")

    with pytest.raises(SignerError, match="no such private key"):
        load(delegate(), token.uri("other"))
    with pytest.raises(SignerError, match=rf"no such token; there is .*{token.label}"):
        load(delegate(), token.uri("ocsp").replace(token.label, "nowhere"))


def test_two_keys_of_one_label_are_told_apart_by_id(token: Token, load: Load) -> None:
    first, second = delegate(), delegate()
    token.put(first, "ocsp", "01")
    token.put(second, "ocsp", "02")

    with pytest.raises(SignerError, match="more than one key has this name: add id"):
        load(first)
    assert holds(load(second, token.uri("ocsp", more=";id=%02"))[0])


def test_two_tokens_of_one_label_are_told_apart(softhsm: SoftHSM, token: Token, load: Load) -> None:
    softhsm.new_token()
    issued = delegate()
    token.put(issued, "ocsp")

    with pytest.raises(SignerError, match="more than one token has this name"):
        load(issued, token.uri("ocsp").replace(f"token={token.label};", ""))


def test_what_a_library_leaves_in_openssl_is_not_taken_for_an_error_of_tls(
    token: Token, load: Load
) -> None:
    """SoftHSM's start leaves "no such engine" there."""
    issued = delegate()
    token.put(issued, "ocsp")

    load(issued)

    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=CA.certificate.der)


def test_a_library_that_is_none_is_named(token: Token, load: Load) -> None:
    wrong = token.uri("ocsp").replace(str(token.module), "/usr/lib/none.so")

    with pytest.raises(SignerError, match=r"library /usr/lib/none.so can't be used.*module-path"):
        load(delegate(), wrong)
    with pytest.raises(ConfigError, match="names no PKCS #11 library"):
        load(delegate(), "pkcs11:object=ocsp")


def test_without_the_extra_one_line_says_what_to_install(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "certstatus.signing.pkcs11", None)

    with pytest.raises(ConfigError, match=r"pip install 'certstatus\[pkcs11\]'"):
        load_any_signers(PKCS11URI(label="ocsp"), issuer=CA.certificate)


# --- the PIN -------------------------------------------------------------------------------


def test_the_pin_is_in_the_uris_file_the_configured_one_or_the_environment(
    token: Token, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (bare, _) = token.uri("ocsp").split("&")

    with pytest.raises(ConfigError, match=f"needs a PIN.*{PIN_VARIABLE}"):
        load(issued, bare)
    assert holds(load(issued, bare, password_file=token.pin_file)[0])
    forget_all(monkeypatch)
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    assert holds(load(issued, bare)[0])


def test_a_wrong_pin_is_said_once_and_never_told(
    token: Token, load: Load, watch: Watch, tmp_path: Path
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2\n")
    uri = token.uri("ocsp", pin_file=wrong)

    with pytest.raises(ConfigError, match=f"refused the PIN from the file {wrong}") as first:
        load(issued, uri)
    watch.pass_by()
    with pytest.raises(ConfigError, match=r"it is wrong \(it is not tried again") as second:
        load(issued, uri)
    assert "hunter2" not in f"{first.value}{second.value}{first.value.__cause__}"
    assert holds(load(issued)[0])


@pytest.mark.parametrize("text", ["", "\n", "9" * (MAX_PIN_BYTES + 1), "1\u00e9"])
def test_a_file_without_a_pin_is_named(token: Token, load: Load, tmp_path: Path, text: str) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    file = tmp_path / "pin"
    file.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match="holds no PIN"):
        load(issued, token.uri("ocsp", pin_file=file))


def test_many_keys_of_a_token_need_no_more_sessions_than_one(token: Token, load: Load) -> None:
    all_issued = [delegate() for _ in range(6)]
    for number, issued in enumerate(all_issued):
        token.put(issued, f"ocsp-{number}", f"0{number}")

    all_signers = [
        load(issued, token.uri(f"ocsp-{number}"))[0] for number, issued in enumerate(all_issued)
    ]

    assert all(holds(one) for one in all_signers)
    module = pkcs11_module.open_module(str(token.module))
    assert sum(map(len, module._idle.values())) == 1


def test_one_key_may_be_the_delegates_of_several_cas(token: Token, tmp_path: Path) -> None:
    shared = delegate()
    token.put(shared, "ocsp")
    uri = PKCS11URI.parse(token.uri("ocsp"))
    for ca in (CA, TinyCA("another CA")):
        mine = ca.issue_responder("shared", key=shared.key)
        (tmp_path / "mine.pem").write_bytes(mine.certificate_pem)
        (signer, *_), _ = load_any_signers(uri, tmp_path / "mine.pem", issuer=ca.certificate)
        refuse_unfit(signer, check_signer(signer, ca.certificate, now=NOW))
        assert holds(signer)

    module = pkcs11_module.open_module(str(token.module))
    assert sum(map(len, module._idle.values())) == 1


def test_another_key_by_the_same_name_does_not_sign_for_the_old_certificate(
    token: Token, load: Load, watch: Watch
) -> None:
    old, new = delegate(), delegate()
    token.put(old, "ocsp")
    (old_signer, *_) = load(old)
    assert holds(old_signer)

    token.delete("ocsp")
    token.put(new, "ocsp")
    (new_signer, *_) = load(new)

    assert holds(new_signer)
    watch.pass_by()
    for _ in range(2):
        with pytest.raises(SignerError, match="another key by this name now"):
            old_signer.sign(b"by the wrong key")
    assert holds(new_signer)


# --- how they come back --------------------------------------------------------------------


def test_a_token_that_was_away_signs_again_when_it_is_back(
    token: Token, load: Load, watch: Watch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    watch.pass_by()

    with token.taken_away():
        for reason in ("the token failed", "no such token", "no such token"):
            with pytest.raises(SignerError, match=reason):
                signer.sign(b"away")
    watch.pass_by()

    assert holds(signer)


def test_a_lost_token_is_looked_for_only_once_in_a_moment(
    token: Token, load: Load, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    starts = []
    start = pkcs11_library.Library.initialize

    def counted(library: pkcs11_library.Library) -> None:
        starts.append(library)
        start(library)

    monkeypatch.setattr(pkcs11_library.Library, "initialize", counted)
    watch.pass_by()

    with token.taken_away():
        for _ in range(5):
            with pytest.raises(SignerError):
                signer.sign(b"away")
        assert len(starts) == 1


def test_the_pauses_between_looks_double_up_to_a_limit(
    token: Token, load: Load, watch: Watch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    first, longest = TOKEN_RETRY_TIME.total_seconds(), MAX_TOKEN_RETRY_TIME.total_seconds()
    pauses = [min(first * 2**number, longest) for number in range(6)]
    watch.pass_by()

    with token.taken_away():
        for reason in ("the token failed", "no such token; there is none$"):
            with pytest.raises(SignerError, match=reason):
                signer.sign(b"away")
        for pause in pauses[:-1]:
            watch.seconds += pause - 0.01
            with pytest.raises(SignerError, match="looked for again in a moment"):
                signer.sign(b"too early")
            watch.seconds += 0.01
            with pytest.raises(SignerError, match=r"no such token; there is none$"):
                signer.sign(b"away")
    assert pauses[-1] == longest
    with pytest.raises(SignerError, match="looked for again in a moment"):
        signer.sign(b"back, and not yet seen")
    watch.seconds += longest

    assert holds(signer)


def test_whoever_loads_a_key_does_not_wait_for_the_pause(
    token: Token, load: Load, watch: Watch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    with token.taken_away(), pytest.raises(SignerError, match="no such token"):
        load(issued)
    watch.pass_by()

    assert holds(load(issued)[0])


def test_a_session_that_was_closed_is_replaced(token: Token, load: Load) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    module = pkcs11_module.open_module(str(token.module))
    for opened in (one for idle in module._idle.values() for one in idle):
        opened.session.close()

    with pytest.raises(SignerError, match="the token failed"):
        signer.sign(b"first")
    assert holds(signer)


def test_one_key_that_is_missing_does_not_harm_another(
    token: Token, load: Load, watch: Watch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)

    for _ in range(3):
        watch.pass_by()
        with pytest.raises(SignerError, match="no such private key"):
            load(issued, token.uri("other"))
        assert holds(signer)


def test_many_threads_share_few_sessions(token: Token, load: Load) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)

    with ThreadPoolExecutor(16) as pool:
        signed = list(pool.map(lambda number: holds(signer, b"%d" % number), range(200)))

    assert all(signed)
    module = pkcs11_module.open_module(str(token.module))
    assert 1 <= sum(map(len, module._idle.values())) <= MAX_TOKEN_SESSIONS


def test_signatures_that_are_waited_for_share_few_sessions(token: Token, load: Load) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    all_data = [b"%d" % (number // 2) for number in range(200)]

    async def sign_all() -> list[bytes]:
        return await asyncio.gather(*map(signer.asign, all_data))

    key = signer.certificate.public_key
    for data, signature in zip(all_data, asyncio.run(sign_all()), strict=True):
        assert signature_problem(signer.algorithm, key, signature, data) is None
    module = pkcs11_module.open_module(str(token.module))
    assert 1 <= sum(map(len, module._idle.values())) <= MAX_TOKEN_SESSIONS


def test_a_signature_that_takes_too_long_fails_and_the_next_may_not(
    token: Token, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    go, sign = threading.Event(), PKCS11Key.sign

    def hang(key: PKCS11Key, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        assert go.wait(10)
        return sign(key, algorithm, data)

    with monkeypatch.context() as patch:
        patch.setattr(PKCS11Key, "sign", hang)
        patch.setattr(pkcs11, "TOKEN_WAIT_TIME", timedelta(milliseconds=20))
        with pytest.raises(SignerError, match="no signature within"):
            asyncio.run(signer.asign(b"late"))
        go.set()

    assert asyncio.run(signer.asign(b"in time"))


def test_a_token_that_is_away_fails_who_waits_as_well(
    token: Token, load: Load, watch: Watch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    watch.pass_by()

    with token.taken_away(), pytest.raises(SignerError, match="the token failed"):
        asyncio.run(signer.asign(b"away"))


def test_when_every_session_stays_busy_a_signature_fails(
    token: Token, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    monkeypatch.setattr(pkcs11_module, "TOKEN_WAIT_TIME", TOKEN_WAIT_TIME * 0)
    module = pkcs11_module.open_module(str(token.module))
    monkeypatch.setattr(module, "_busy", MAX_TOKEN_SESSIONS)

    with pytest.raises(SignerError, match=f"all {MAX_TOKEN_SESSIONS} sessions are busy"):
        signer.sign(b"late")


def test_threads_come_through_the_loss_of_a_token(token: Token, load: Load, watch: Watch) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    refused: list[CertStatusError] = []
    is_over = threading.Event()

    def sign_on() -> int:
        count = 0
        while not is_over.is_set():
            try:
                assert holds(signer)
                count += 1
            except SignerError as error:
                refused.append(error)
                watch.pass_by()
        return count

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(sign_on) for _ in range(4)]
        with token.taken_away():
            while not refused:
                is_over.wait(0.001)
        is_over.wait(0.05)
        is_over.set()
        assert sum(one.result() for one in working) > 0
    watch.pass_by()
    assert holds(signer)


def test_a_fork_opens_sessions_of_its_own(token: Token, load: Load) -> None:
    issued = delegate()
    token.put(issued, "ocsp")
    (signer, *_) = load(issued)
    children = [_in_child(lambda: holds(signer)) for _ in range(2)]

    assert holds(signer)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert holds(signer)


def _in_child(work: Callable[[], bool]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return child


@pytest.mark.parametrize("code", [0x05, 0x0A])
def test_a_library_that_can_not_start_is_an_error(
    token: Token, load: Load, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class Functions:
        def initialize(self, arguments: Sequence[object]) -> int:
            return code

    monkeypatch.setattr(pkcs11_library.Library, "_functions", lambda _: Functions())

    with pytest.raises(SignerError, match=f"C_Initialize said {code:#x}"):
        load(delegate())


def test_an_error_without_words_is_told_by_its_name() -> None:
    assert pkcs11_module.reason(PKCS11Error()) == "PKCS11Error"
    assert pkcs11_module.reason(PKCS11Error("no words")) == "no words"
