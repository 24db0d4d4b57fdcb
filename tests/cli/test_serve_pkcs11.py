"""``certstatus serve`` with keys in a real SoftHSM, judged by our verifier and by openssl."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from click.testing import Result

from certstatus.clock import SystemClock
from certstatus.limits_signers import TOKEN_RETRY_TIME
from certstatus.ocsp import CertID, encode_request, parse_response
from certstatus.pkix import HashAlgorithm
from certstatus.testing import Issued, Lab, TinyCA
from certstatus.verify import verify_response
from tests.responding import Responding, until
from tests.softhsm import PIN, SoftHSM, Token, forget_all

Run = Callable[..., Result]


@pytest.fixture
def token(softhsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Make a token, and a process that has not heard of any library."""
    forget_all(monkeypatch)
    return softhsm.new_token()


@pytest.fixture
def own(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy what a responder for the lab's CA needs beside its key, and go there."""
    monkeypatch.chdir(tmp_path)
    for file in (lab.ca_certificate, lab.index):
        shutil.copy(file, tmp_path)
    return tmp_path


def put(token: Token, lab: Lab, own: Path, kind: str = "p256", label: str = "ocsp") -> Issued:
    """Put a delegate's key into the token, and its certificate beside the CA's."""
    now = SystemClock().now()
    issued = lab.ca.issue_responder(
        kind=kind,
        serial_number=4711,
        not_before=now - timedelta(hours=1),
        not_after=now + timedelta(days=30),
    )
    token.put(issued, label)
    (own / "hsm.pem").write_bytes(issued.certificate_pem)
    return issued


def options(lab: Lab, uri: str, *more: str) -> list[str]:
    ca, index = lab.ca_certificate.name, lab.index.name
    return ["--ca", ca, "--signer", "hsm.pem", "--key", uri, "--index", index, "--port", "0", *more]


def question(lab: Lab) -> bytes:
    """Ask as openssl names certificates."""
    serial = lab.good.certificate.serial_number
    return encode_request([CertID.of(lab.ca.certificate, serial, HashAlgorithm.SHA1)])


@pytest.mark.interop
@pytest.mark.rule("O15", "O22", "O29")
@pytest.mark.parametrize("kind", ["rsa2048", "p384", "ed25519"])
def test_an_answer_signed_in_the_token_is_believed_by_us_and_by_openssl(
    lab: Lab, own: Path, token: Token, interop_command: Callable[[str], Path], kind: str
) -> None:
    issued = put(token, lab, own, kind)
    with Responding(options(lab, token.uri("ocsp")), own) as responder:
        der = responder.post(question(lab)).content

    report = verify_response(
        der,
        issuer=lab.ca.certificate,
        certificate=lab.good.certificate,
        now=SystemClock().now(),
    )
    assert report.verified is not None, report
    basic = parse_response(der).basic
    assert basic is not None
    assert basic.certs[0] == issued.certificate.der
    (own / "answer.der").write_bytes(der)
    (own / "good.pem").write_bytes(lab.good.certificate_pem)
    told = subprocess.run(
        [
            interop_command("openssl"), "ocsp", "-respin", "answer.der", "-issuer",
            lab.ca_certificate.name, "-cert", "good.pem", "-CAfile", lab.ca_certificate.name,
        ],
        cwd=own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Response verify OK" in told.stderr
    assert "good.pem: good" in told.stdout


def test_two_workers_sign_each_in_sessions_of_its_own(lab: Lab, own: Path, token: Token) -> None:
    put(token, lab, own)
    with Responding(options(lab, token.uri("ocsp"), "--workers", "2"), own) as responder:
        answers = {responder.post(question(lab)).status_code for _ in range(20)}

    assert answers == {200}


def test_one_signature_by_one_key_in_the_token_speaks_for_two_cas(
    lab: Lab, own: Path, token: Token
) -> None:
    issued, now = put(token, lab, own), SystemClock().now()
    begin, end = now - timedelta(hours=1), now + timedelta(days=30)
    other = TinyCA("Another CA", not_before=begin, not_after=end)
    also = other.issue_responder(key=issued.key, not_before=begin, not_after=end)
    (own / "other.pem").write_bytes(other.certificate.der)
    (own / "also.pem").write_bytes(also.certificate_pem)
    table = """
        [[authority]]
        certificate = "{ca}"
        signer = [{{ certificate = "{signer}", key = "{uri}" }}]
        source = [{{ index = "{index}" }}]
        """
    index, uri = lab.index.name, token.uri("ocsp")
    names = ((lab.ca_certificate.name, "hsm.pem"), ("other.pem", "also.pem"))
    tables = (table.format(ca=ca, signer=one, uri=uri, index=index) for ca, one in names)
    (own / "certstatus.toml").write_text("[server]\nport = 0\n" + "".join(tables))
    serial = lab.good.certificate.serial_number
    both = [CertID.of(ca.certificate, serial, HashAlgorithm.SHA256) for ca in (lab.ca, other)]

    with Responding(["--config", "certstatus.toml"], own) as responder:
        der = responder.post(encode_request(both)).content

    for ca in (lab.ca, other):
        report = verify_response(
            der, issuer=ca.certificate, serial_number=serial, now=SystemClock().now()
        )
        assert report.verified is not None, report


def test_a_token_that_is_lost_is_an_alarm_and_internal_error_until_it_is_back(
    lab: Lab, own: Path, token: Token
) -> None:
    put(token, lab, own)
    (own / "certstatus.toml").write_text(
        f"""
        [server]
        port = 0
        admin_port = 0
        [[authority]]
        certificate = "{lab.ca_certificate.name}"
        refresh = "0s"
        [[authority.signer]]
        certificate = "hsm.pem"
        key = "pkcs11:token={token.label};object=ocsp"
        module = "{token.module}"
        password_file = "{token.pin_file}"
        [[authority.source]]
        index = "{lab.index.name}"
        """
    )
    asked = CertID.for_certificate(lab.good.certificate, lab.ca.certificate)
    with Responding(["--config", "certstatus.toml"], own) as responder:
        responder.ask(asked)
        time.sleep(TOKEN_RETRY_TIME.total_seconds())
        with token.taken_away():
            for _ in range(3):
                assert responder.refusal(encode_request([asked])) == "internalError"
            alarm = responder.wait_for("signer.failing")
            not_answered = responder.wait_for("not_answered")
            assert ready(responder) == 503
        # Nobody asks any more: /healthz alone finds that it is back.
        until("it is ready", lambda: ready(responder) == 200)
        responder.ask(asked)

    events = [one["event"] for one in responder.events]
    assert events.count("signer.failing") == events.count("signer.signing-again") == 1
    assert not_answered["cause"] == "signerFailed"
    assert "the token failed" in alarm["detail"]
    assert PIN not in str(responder.events)


def ready(responder: Responding) -> int:
    """Ask whether it is ready, as a load balancer does."""
    return httpx2.get(f"{responder.admin_url}healthz", timeout=10, trust_env=False).status_code


BARE = "pkcs11:token={label};object=ocsp?module-path={module}"
NONE = "pkcs11:token={label};object=none?module-path={module}&pin-source={pin_file}"
WRONG = {
    "no such key": (NONE, "no such private key"),
    "no PIN": (BARE, "needs a PIN"),
    "wrong PIN": (BARE + "&pin-source={own}/wrong", "refused the PIN from the file {own}/wrong"),
    "no library": ("pkcs11:object=ocsp", "names no PKCS #11 library"),
    "wrong library": ("pkcs11:object=ocsp?module-path=/none.so", "library /none.so can't be used"),
    "PIN in clear": (BARE + "&pin-value=hunter2", "holds a PIN in clear"),
    "no key named": ("pkcs11:token={label}", "names no key"),
}


@pytest.mark.parametrize(("pattern", "problem"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line_without_the_pin_and_nothing_starts(  # noqa: PLR0917
    lab: Lab, token: Token, run: Run, own: Path, pattern: str, problem: str
) -> None:
    put(token, lab, own)
    (own / "wrong").write_text("hunter2\n")
    uri = pattern.format(label=token.label, module=token.module, own=own, pin_file=token.pin_file)

    done = run("serve", "--check", *options(lab, uri))

    assert done.exit_code == 78
    assert problem.format(own=own) in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert re.match(r"certstatus: .*\n  .*\n$", done.stderr), done.stderr


def test_what_is_right_is_said_to_be_ready(lab: Lab, own: Path, token: Token, run: Run) -> None:
    put(token, lab, own)

    done = run("serve", "--check", *options(lab, token.uri("ocsp")))

    assert done.exit_code == 0, done.stderr
    assert "ready" in done.stderr
