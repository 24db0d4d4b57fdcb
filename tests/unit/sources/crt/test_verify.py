"""Proofs: every check by its rule, and a report whatever comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509

from certstatus.errors import MalformedError, UntrustedError
from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources.crt import ProofReport, parse_tree, verify_proof
from certstatus.sources.crt.message import encode_proof
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import key_usage
from certstatus.verify import Outcome, Verdict
from tests import der as hand
from tests.books import DAY, NOW
from tests.trees import honest_leaves, parsed, signed_root, tree

LOST, FINE = 0x9B, 0x9A
SECOND = timedelta(seconds=1)


def judge(
    ca: TinyCA,
    der: bytes,
    serial_number: int = LOST,
    now: datetime = NOW,
    *,
    skew: timedelta = timedelta(),
    trusted: Issued | None = None,
) -> ProofReport:
    return verify_proof(
        der,
        issuer=ca.certificate,
        serial_number=serial_number,
        now=now,
        skew=skew,
        trusted=() if trusted is None else (trusted.certificate,),
    )


def proof(ca: TinyCA, serial_number: int = LOST, *, signer: Issued | None = None) -> bytes:
    return parse_tree(tree(ca, LOST, 0xFF, signer=signer)).prove(serial_number).der


def failed(report: ProofReport) -> list[tuple[str, str]]:
    return [(check.rule, check.name) for check in report.checks if check.outcome is Outcome.FAIL]


@pytest.mark.rule("K6")
def test_a_revoked_serial_number_is_proven(ca: TinyCA) -> None:
    report = judge(ca, proof(ca))

    assert report.verdict is Verdict.REVOKED
    assert report.require() == Revoked(NOW - 2 * DAY, CRLReason.KEY_COMPROMISE)
    assert [check.outcome for check in report.checks] == [Outcome.PASS] * 6


@pytest.mark.rule("K6")
@pytest.mark.parametrize("serial_number", [FINE, LOST + 1, 0x100, 0, -5, 1 << 999])
def test_a_serial_number_that_is_not_revoked_is_proven(ca: TinyCA, serial_number: int) -> None:
    report = judge(ca, proof(ca, serial_number), serial_number)

    assert report.verdict is Verdict.GOOD
    assert report.require() == Good()


@pytest.mark.rule("K6")
@pytest.mark.parametrize(("of", "asked"), [(LOST, FINE), (FINE, LOST), (LOST + 1, 0xFF)])
def test_a_proof_of_another_range_proves_nothing(ca: TinyCA, of: int, asked: int) -> None:
    report = judge(ca, proof(ca, of), asked)

    assert report.verdict is Verdict.UNTRUSTED
    assert report.cert_status is None
    assert failed(report) == [("K6", "range")]
    with pytest.raises(UntrustedError, match="lies outside") as caught:
        report.require()
    assert caught.value.report is report


@pytest.mark.rule("K2")
def test_a_leaf_of_another_tree_does_not_lead_to_the_root(ca: TinyCA) -> None:
    ours, theirs = parsed(ca, LOST, 0xFF).prove(FINE), parsed(ca, 0xFE, 0xFF).prove(LOST)
    mixed = encode_proof(ours.root.der, theirs.leaf_der, theirs.position, theirs.path)

    assert failed(judge(ca, mixed)) == [("K2", "path to the root")]


@pytest.mark.rule("K6")
def test_a_path_of_another_length_leads_nowhere(ca: TinyCA) -> None:
    made = parsed(ca, LOST, 0xFF).prove(LOST)
    short = encode_proof(made.root.der, made.leaf_der, made.position, made.path[:-1])

    assert failed(judge(ca, short)) == [("K6", "path to the root")]


# --- whose tree, and who signed it --------------------------------------------------------------


@pytest.mark.rule("K4")
def test_the_tree_of_another_ca_says_nothing(ca: TinyCA, other_ca: TinyCA) -> None:
    report = judge(ca, proof(other_ca))

    assert failed(report) == [("K4", "issuer"), ("K3", "signature")]


@pytest.mark.rule("K4")
def test_a_ca_with_the_same_name_and_another_key_is_another(ca: TinyCA) -> None:
    report = judge(ca, proof(TinyCA()))

    assert ("K4", "issuer") in failed(report)
    assert "another key" in report.checks[2].reason


@pytest.mark.rule("K4")
def test_the_certificate_must_be_the_issuers(ca: TinyCA, other_ca: TinyCA) -> None:
    ours, theirs = (one.issue(serial_number=LOST).certificate for one in (ca, other_ca))
    found = [
        verify_proof(
            proof(ca), issuer=ca.certificate, serial_number=LOST, now=NOW, certificate=certificate
        )
        for certificate in (ours, theirs)
    ]

    assert [report.verdict for report in found] == [Verdict.REVOKED, Verdict.UNTRUSTED]
    assert failed(found[1]) == [("K4", "certificate")]


@pytest.mark.rule("K3")
@pytest.mark.parametrize("usage", [None, key_usage("digital_signature"), key_usage("crl_sign")])
def test_another_signer_counts_where_the_reader_trusts_it(
    ca: TinyCA, other_ca: TinyCA, usage: x509.KeyUsage | None
) -> None:
    signer = other_ca.issue("tree signer", usage=usage)
    der = proof(ca, signer=signer)

    assert failed(judge(ca, der)) == [("K3", "signature")]
    assert judge(ca, der, trusted=signer).verdict is Verdict.REVOKED
    assert failed(judge(ca, der, trusted=other_ca.issued)) == [("K3", "signature")]


@pytest.mark.rule("K3")
def test_a_certificate_of_the_ca_is_no_signer_of_its_trees(ca: TinyCA) -> None:
    """Not even its OCSP responder: nobody has delegated trees to it."""
    assert failed(judge(ca, proof(ca, signer=ca.issue_responder()))) == [("K3", "signature")]


@pytest.mark.rule("K3")
@pytest.mark.parametrize("kind", ["rsa2048", "p384", "ed25519", "mldsa44"])
def test_any_strong_key_signs(kind: str) -> None:
    ca = TinyCA(kind=kind)

    assert judge(ca, proof(ca)).verdict is Verdict.REVOKED


@pytest.mark.rule("K3")
def test_a_root_that_is_signed_with_sha1_is_not_believed() -> None:
    """Re-labelled is enough: what the algorithm says is asked before the signature."""
    ca = TinyCA(kind="rsa2048")
    made = parsed(ca, LOST).prove(LOST)
    sha1 = hand.sequence(hand.oid("1.2.840.113549.1.1.5"), hand.NULL)
    root = hand.changed(made.root.der, (1,), lambda _: sha1)

    report = judge(ca, encode_proof(root, made.leaf_der, made.position, made.path))
    assert failed(report) == [("K3", "signature")]
    assert "rests on SHA-1" in report.checks[3].reason


@pytest.mark.rule("K3")
def test_a_signer_that_has_expired_meanwhile_is_not_believed(ca: TinyCA) -> None:
    signer = ca.issue("tree signer", not_after=NOW + DAY)
    der = proof(ca, signer=signer)

    report = judge(ca, der, now=NOW + DAY + SECOND, skew=DAY, trusted=signer)
    assert failed(report) == [("K3", "signature")]
    assert "is not valid at 2026-11-22 12:00:01Z" in report.checks[3].reason


@pytest.mark.rule("K3")
def test_a_trusted_certificate_must_be_allowed_to_sign(ca: TinyCA) -> None:
    key = ca.issue("tree signer")
    barred = ca.issue("tree signer", key=key.key, usage=key_usage("key_agreement"))

    report = judge(ca, proof(ca, signer=key), trusted=barred)
    assert failed(report) == [("K3", "signature")]
    assert "neither cRLSign nor digitalSignature" in report.checks[3].reason


# --- times ------------------------------------------------------------------------------------


@pytest.mark.rule("K5")
@pytest.mark.parametrize(
    ("now", "name"),
    [
        (NOW - DAY - SECOND, "thisUpdate"),
        (NOW - DAY, None),
        (NOW + DAY - SECOND, None),
        (NOW + DAY, "nextUpdate"),
    ],
)
def test_a_tree_counts_between_its_times(ca: TinyCA, now: datetime, name: str | None) -> None:
    assert failed(judge(ca, proof(ca), now=now)) == ([] if name is None else [("K5", name)])


@pytest.mark.rule("K5")
@pytest.mark.parametrize("now", [NOW - DAY - DEFAULT_SKEW, NOW + DAY + DEFAULT_SKEW - SECOND])
def test_clocks_may_differ_by_the_skew(ca: TinyCA, now: datetime) -> None:
    assert judge(ca, proof(ca), now=now, skew=DEFAULT_SKEW).verdict is Verdict.REVOKED


@pytest.mark.rule("K5")
def test_a_tree_that_ends_before_it_begins_is_not_believed(ca: TinyCA) -> None:
    made = parsed(ca, LOST).prove(LOST)
    root = signed_root(
        ca, honest_leaves(LOST), lambda tbs: replace(tbs, next_update=tbs.this_update)
    )

    report = judge(ca, encode_proof(root, made.leaf_der, made.position, made.path), now=NOW - DAY)
    assert ("K5", "thisUpdate") in failed(report)


# --- reports ----------------------------------------------------------------------------------


@pytest.mark.parametrize("junk", [b"", b"\0", bytes(99), b"\x30\x03\x02\x01\x05"])
def test_what_is_no_proof_is_reported_as_malformed(ca: TinyCA, junk: bytes) -> None:
    report = judge(ca, junk)

    assert report.verdict is Verdict.MALFORMED
    assert report.proof is None
    assert report.as_json()["status"] is None
    with pytest.raises(MalformedError):
        report.require()


def test_a_report_as_json(ca: TinyCA, other_ca: TinyCA) -> None:
    told = judge(ca, proof(ca)).as_json()

    assert told["verdict"] == "revoked"
    assert told["status"] == {
        "thisUpdate": "2026-11-20T12:00:00Z",
        "nextUpdate": "2026-11-22T12:00:00Z",
        "certStatus": "revoked",
        "revocationTime": "2026-11-19T12:00:00Z",
        "revocationReason": "keyCompromise",
    }
    good = judge(ca, proof(ca, FINE), FINE).as_json()["status"]
    assert isinstance(good, dict)
    assert good["certStatus"] == "good"
    outside = judge(ca, proof(ca), FINE).as_json()["status"]
    assert isinstance(outside, dict)
    assert outside["certStatus"] is None
