"""``certstatus scvp`` over loopback: what it asks, shows, keeps, and ends with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certstatus.asn1 import oids
from certstatus.cli.exit_codes import ExitCode
from certstatus.clock import SystemClock
from certstatus.cms import parse_content_info, parse_evidence
from certstatus.pkix import Certificate
from certstatus.scvp import (
    Check,
    CVStatusCode,
    PKCReference,
    Query,
    ReplyCheck,
    ReplyStatus,
    ResponseStatus,
    RevocationInfo,
    RevocationStatus,
    ValidationError,
)
from certstatus.signing import Purpose, make_signers
from certstatus.testing import Issued, TinyCA
from tests.cli.conftest import Run
from tests.scripted import Reply, ScriptedServer
from tests.scvp_server import CA, CRL, LEAF, OTHER, ROOT, FakeServer

RunJSON = Callable[..., Any]
NOW = SystemClock().now().replace(microsecond=0)
CHECK = Check.BUILD_STATUS_CHECKED_PKC_PATH.oid


@dataclass
class Desk:
    """A server that says what a test wants, and the files that name it and its subjects."""

    folder: Path
    http: ScriptedServer
    server: FakeServer
    client: Issued

    def pem(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    @property
    def options(self) -> tuple[object, ...]:
        return ("--url", f"{self.http.url}scvp", "--trust", self.folder / "server.pem")

    @property
    def query(self) -> Query:
        (question,) = self.server.questions
        return question.request.query


@pytest.fixture
def desk(server: ScriptedServer, tmp_path: Path) -> Desk:
    ca = TinyCA("CA of servers", not_before=NOW - timedelta(hours=1))
    issued = ca.issue_scvp(common_name="server")
    client = ca.issue_scvp(Purpose.SCVP_CLIENT, "client")
    signer = make_signers(issued.key, issued.certificate, issuer=None)[0]
    files = {
        "leaf": LEAF,
        "other": OTHER,
        "ca": CA.certificate,
        "root": ROOT.certificate,
        "server": issued.certificate,
        "anchor": ca.certificate,
        "client": client.certificate,
    }
    for name, certificate in files.items():
        (tmp_path / f"{name}.pem").write_bytes(pem(certificate))
    (tmp_path / "client.key").write_bytes(client.key_pem())
    (tmp_path / "chain.pem").write_bytes(pem(LEAF) + pem(CA.certificate))
    (tmp_path / "ca.crl").write_bytes(CRL)
    fake = FakeServer(signer=signer, now=NOW)
    server.script = fake
    return Desk(tmp_path, server, fake, client)


def pem(certificate: Certificate) -> bytes:
    return Issued(certificate, CA.key).certificate_pem


def failing(*errors: ValidationError, check: int = 1) -> dict[str, Any]:
    return {
        "reply_status": ReplyStatus.CERT_PATH_NOT_VALID,
        "reply_checks": (ReplyCheck(CHECK, check),),
        "reply_want_backs": (),
        "validation_errors": tuple(one.oid for one in errors),
    }


def test_a_validation_is_shown_check_by_check(run: Run, desk: Desk) -> None:
    result = run("scvp", "check", desk.pem("leaf"), *desk.options)
    assert result.exit_code == 0, result.output
    assert "/scvp by POST, " in result.stdout
    assert "  ✓  S22  binding" in result.stdout
    assert "to our request, by nonce and request reference" in result.stdout
    verdict = result.stdout.splitlines()[-1]
    assert verdict.startswith("good  CN=leaf.example (serial 0x")
    assert "a valid path was built, and no certificate of it is revoked, as of " in verdict


def test_a_proof_shows_the_path_and_is_kept(run: Run, desk: Desk) -> None:
    kept = desk.folder / "proof.p7"
    options = ("--profile", "proof", "--save-evidence", kept)
    result = run("scvp", "check", desk.pem("leaf"), *desk.options, *options)
    assert result.exit_code == 0, result.output
    assert [line.split()[1] for line in result.stdout.splitlines() if "•" in line] == [
        *("CN=leaf.example", "CN=CA"),
    ]
    evidence = parse_evidence(kept.read_bytes())
    assert len(evidence.exchanges) == 1
    assert {LEAF, CA.certificate} <= set(evidence.certificates)
    shown = run("show", kept)
    assert shown.exit_code == 0, shown.output


def test_evidence_of_an_unsigned_reply_is_what_came_without_the_reply(run: Run, desk: Desk) -> None:
    desk.server.is_signing = False
    kept = desk.folder / "path.p7"
    options = ("--profile", "dpd", "--save-evidence", kept)
    result = run("scvp", "check", desk.pem("leaf"), *desk.options, *options)
    assert result.exit_code == 0, result.output
    assert "the reply itself is not in it" in result.stderr
    assert parse_evidence(kept.read_bytes()).exchanges == ()


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        (failing(ValidationError.REVOKED), 1, "revoked"),
        (failing(check=RevocationStatus.REVOCATION_OFF_LINE), 2, "unknown"),
        (failing(ValidationError.EXPIRED), 3, "invalid"),
        ({"cert": PKCReference.by_value(OTHER)}, 3, "untrusted"),
    ],
    ids=["revoked", "off-line", "expired", "another's"],
)
def test_each_verdict_has_its_exit_code(
    run: Run, desk: Desk, changes: dict[str, Any], code: int, verdict: str
) -> None:
    desk.server.reply_changes = changes
    kept = desk.folder / "proof.p7"
    options = (*desk.options, "--quiet", "--save-evidence", kept)
    result = run("scvp", "check", desk.pem("leaf"), *options)
    assert result.exit_code == code
    assert result.stdout.startswith(f"{verdict}  CN=leaf.example")
    assert len(result.stdout.splitlines()) == 1
    assert kept.exists() is (verdict != "untrusted")
    document = run("scvp", "check", desk.pem("leaf"), *desk.options, "--json")
    assert (document.exit_code, json.loads(document.stdout)["verdict"]) == (code, verdict)


def test_an_error_status_ends_with_4(run: Run, desk: Desk) -> None:
    status = ResponseStatus(CVStatusCode.UNRECOGNIZED_VAL_POL, "no such policy")
    desk.server.changes = {"response_status": status, "reply_objects": ()}
    result = run("scvp", "check", desk.pem("leaf"), *desk.options, "--quiet")
    assert result.exit_code == 4
    assert "the server answered unrecognizedValPol: no such policy" in result.stdout


def test_what_is_no_reply_ends_with_65_and_none_with_69(run: Run, desk: Desk) -> None:
    desk.http.script = lambda _: Reply(body=b"<html>")
    page = run("scvp", "check", desk.pem("leaf"), *desk.options, "--quiet")
    assert page.exit_code == ExitCode.MALFORMED
    assert "what came is no reply of SCVP" in page.stdout
    desk.http.script = lambda _: Reply(status=404)
    for command in (("check", desk.pem("leaf")), ("discover", desk.pem("leaf")), ("policies",)):
        result = run("scvp", *command, *desk.options)
        assert result.exit_code == ExitCode.UNREACHABLE
        assert "HTTP status 404" in result.stdout


def test_every_option_stands_in_the_request(run: Run, desk: Desk) -> None:
    then = NOW - timedelta(days=30)
    result = run(
        "scvp",
        "check",
        desk.pem("chain"),
        *desk.options,
        *("--policy", "1.3.6.1.4.1.1.1", "--policy-set", "1.2.3", "--at", then.isoformat()),
        *(
            "--anchors",
            desk.pem("root"),
            "--pool",
            desk.pem("root"),
            "--crl",
            desk.folder / "ca.crl",
        ),
        *("--no-revocation", "--by-reference", "--allow-cached", "--quiet"),
    )
    assert result.exit_code == 0, result.output
    query = desk.query
    policy = query.validation_policy
    assert policy.validation_pol_ref.val_pol_id.dotted_string == "1.3.6.1.4.1.1.1"
    assert [one.dotted_string for one in policy.user_policy_set] == ["1.2.3"]
    assert policy.require_explicit_policy is True
    assert policy.trust_anchors == (PKCReference.by_value(ROOT.certificate),)
    assert query.validation_time == then
    assert query.intermediate_certs == (CA.certificate.der, ROOT.certificate.der)
    assert query.rev_infos == (RevocationInfo.crl(CRL),)
    assert query.checks == (Check.BUILD_VALID_PKC_PATH.oid,)
    assert query.queried_certs == (PKCReference.by_reference(LEAF),)
    assert query.response_flags.cached_response


def test_several_are_asked_about_at_once_and_the_worst_counts(
    run_json: RunJSON, desk: Desk
) -> None:
    told = run_json("scvp", "check", desk.pem("leaf"), desk.pem("other"), *desk.options)
    assert [one["subject"] for one in told["results"]] == ["CN=leaf.example", "CN=other.example"]
    assert len(desk.http.asked) == 1
    desk.server.reply_changes = failing(ValidationError.REVOKED)
    assert (
        run_json("scvp", "check", desk.pem("leaf"), desk.pem("other"), *desk.options)["verdict"]
        == "revoked"
    )


def test_requests_are_signed_where_a_key_is_named(run: Run, desk: Desk) -> None:
    key = ("--key", desk.folder / "client.key", "--signer", desk.pem("client"))
    result = run("scvp", "check", desk.pem("leaf"), *desk.options, *key, "--quiet")
    assert result.exit_code == 0, result.output
    (asked,) = desk.http.asked
    assert parse_content_info(asked.body).content_type == oids.ID_SIGNED_DATA


def test_the_json_has_its_documented_shape(run_json: RunJSON, desk: Desk) -> None:
    told = run_json("scvp", "check", desk.pem("leaf"), *desk.options, "--profile", "proof")
    assert list(told) == [
        *("verdict", "responseStatus", "producedAt", "serverConfigurationID", "signer"),
        *("results", "checks", "findings", "url", "milliseconds", "attempts"),
    ]
    assert list(told["results"][0]) == [
        *("subject", "serialNumber", "verdict", "reason", "replyStatus", "checks", "errors"),
        *("validationTime", "nextUpdate", "paths"),
    ]
    desk.http.script = lambda _: Reply(status=404)
    gone = run_json("scvp", "check", desk.pem("leaf"), *desk.options)
    assert list(gone) == list(told)
    assert (gone["verdict"], gone["attempts"][0]["reason"]) == ("unreachable", "HTTP status 404")


# --- discover ---------------------------------------------------------------------------------


def test_one_path_is_found_or_all_of_them(run: Run, run_json: RunJSON, desk: Desk) -> None:
    desk.server.contexts = {None: b"1", b"1": b"2"}
    one = run("scvp", "discover", desk.pem("leaf"), *desk.options)
    assert one.exit_code == 0, one.output
    assert one.stdout.splitlines()[-1].endswith(": 1 path; the server has more")
    every = run("scvp", "discover", desk.pem("leaf"), *desk.options, "--all")
    assert [line for line in every.stdout.splitlines() if line.startswith("path ")] == [
        *("path 1", "path 2", "path 3"),
    ]
    assert every.stdout.splitlines()[-1].endswith(": 3 paths")
    told = run_json("scvp", "discover", desk.pem("leaf"), *desk.options, "--all")
    assert [one["verdict"] for one in told["results"]] == ["good"] * 3


def test_discovery_needs_nobodys_word(run: Run, desk: Desk) -> None:
    desk.server.is_signing = False
    url = ("--url", desk.http.url)
    assert (
        run("scvp", "discover", desk.pem("leaf"), *url, "--anchors", desk.pem("root")).exit_code
        == 0
    )
    other = run("scvp", "discover", desk.pem("leaf"), *url, "--anchors", desk.pem("anchor"))
    assert other.exit_code == 3
    assert "don't believe the reply: wantBacks" in other.stdout


def test_no_path_is_told_with_the_servers_reason(run: Run, desk: Desk) -> None:
    desk.server.reply_changes = {
        "reply_status": ReplyStatus.CERT_PATH_CONSTRUCT_FAIL,
        "reply_checks": (ReplyCheck(Check.BUILD_PKC_PATH.oid, 1),),
        "reply_want_backs": (),
    }
    result = run("scvp", "discover", desk.pem("leaf"), *desk.options)
    assert result.exit_code == 3
    assert "certPathConstructFail" in result.stdout


# --- policies ---------------------------------------------------------------------------------


def test_policies_are_shown(run: Run, run_json: RunJSON, desk: Desk) -> None:
    result = run("scvp", "policies", *desk.options)
    assert result.exit_code == 0, result.output
    told = {line.split("  ")[1]: line for line in result.stdout.splitlines() if line}
    assert told["policies"].endswith("id-svp-defaultValPolicy, anyPolicy")
    assert "full crls, ocsp responses" in told["revocation data"]
    document = run_json("scvp", "policies", *desk.options)
    assert list(document) == ["verdict", "policies", "checks", "findings", "url", "attempts"]
    assert document["policies"]["serverConfigurationID"] == 7
    desk.server.policy_changes = {"request_nonce": b"another"}
    stale = run("scvp", "policies", *desk.options)
    assert stale.exit_code == 3
    assert "don't believe what it says: freshness" in stale.stdout


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("check", "leaf"), ExitCode.USAGE, "--trust FILE"),
        (("policies",), ExitCode.USAGE, "--trust FILE"),
        (("check", "leaf", "--unprotected"), ExitCode.CONFIG, "without TLS"),
        (("check", "leaf", "--profile", "dpd", "--no-revocation"), ExitCode.USAGE, "validation"),
        (("check", "missing"), ExitCode.USAGE, "missing.pem"),
        (("discover", "leaf", "--anchors", "leaf"), ExitCode.MALFORMED, "is no trust anchor"),
        (("discover", "leaf", "--signer", "client"), ExitCode.USAGE, "no --key"),
        (("discover", "leaf", "--policy", "x"), ExitCode.USAGE, "no object identifier"),
    ],
    ids=[
        *("nobody trusted", "policies of nobody", "unsigned in the open", "check of nothing"),
        *("no file", "no anchor", "no key", "no OID"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, desk: Desk, arguments: tuple[str, ...], code: int, words: str
) -> None:
    names = {"leaf", "missing", "client"}
    given = [desk.pem(one) if one in names else one for one in arguments]
    result = run("scvp", *given, "--url", desk.http.url)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert desk.http.asked == []


def test_a_signer_that_may_not_ask_is_refused(run: Run, desk: Desk) -> None:
    issued = TinyCA("CA", not_before=NOW - timedelta(hours=1)).issue_server("x.example")
    (desk.folder / "x.pem").write_bytes(issued.certificate_pem)
    (desk.folder / "x.key").write_bytes(issued.key_pem())
    key = ("--key", desk.folder / "x.key", "--signer", desk.folder / "x.pem")
    result = run("scvp", "check", desk.pem("leaf"), *desk.options, *key)
    assert result.exit_code == ExitCode.CONFIG
    assert "id-kp-scvpClient" in result.stderr


def test_json_is_one_document(run: Run, desk: Desk) -> None:
    result = run("scvp", "check", desk.pem("leaf"), *desk.options, "--json")
    assert isinstance(json.loads(result.stdout), dict)
    assert datetime.fromisoformat(json.loads(result.stdout)["producedAt"]) == NOW
