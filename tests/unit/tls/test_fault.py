from __future__ import annotations

import re
import tomllib

import pytest

from certstatus.handshake import (
    TLS12,
    TLS13,
    AlertDescription,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    ClientHello,
    OCSPStatusRequest,
    TLSExtension,
    encode_certificate_status_request,
    encode_status_request_v2,
)
from certstatus.testing import LIES, Forge, TinyCA
from certstatus.tls.fault import (
    FAULTS,
    HONEST,
    Asks,
    Fault,
    Pace,
    Promise,
    Signer,
    Slot,
    Web,
    Where,
)
from certstatus.tls.wire_manner import Manner
from certstatus.verify import Verdict
from dev.tree import ROOT

RULES = tomllib.loads((ROOT / "docs" / "rules.toml").read_text(encoding="utf-8"))

WANTED = {
    "none": Where.STAPLE,
    "expired": Where.STAPLE,
    "future": Where.STAPLE,
    "wrong-serial": Where.STAPLE,
    "wrong-issuer": Where.STAPLE,
    "bad-signature": Where.STAPLE,
    "unauthorised-signer": Where.STAPLE,
    "no-eku": Where.STAPLE,
    "expired-delegate": Where.STAPLE,
    "revoked": Where.STAPLE,
    "unknown": Where.STAPLE,
    "try-later": Where.STAPLE,
    "malformed": Where.STAPLE,
    "truncated": Where.STAPLE,
    "trailing-bytes": Where.STAPLE,
    "oversize": Where.RESPONDER,
    "oversize-staple": Where.STAPLE,
    "empty": Where.RESPONDER,
    "empty-staple": Where.HANDSHAKE,
    "wrong-nonce": Where.RESPONDER,
    "sha1-signature": Where.STAPLE,
    "critical-response-extension": Where.STAPLE,
    "critical-single-extension": Where.STAPLE,
    "contradicting": Where.STAPLE,
    "promised-absent": Where.HANDSHAKE,
    "must-staple-absent": Where.HANDSHAKE,
    "unsolicited": Where.HANDSHAKE,
    "misplaced": Where.HANDSHAKE,
    "v2-too-many": Where.HANDSHAKE,
    "v2-single-for-multi": Where.HANDSHAKE,
    "v2-in-tls13": Where.HANDSHAKE,
    "slow": Where.RESPONDER,
    "slow-handshake": Where.HANDSHAKE,
    "drip": Where.RESPONDER,
    "drip-handshake": Where.HANDSHAKE,
    "internal-error": Where.STAPLE,
    "next-update-absent": Where.STAPLE,
    "foreign-type": Where.STAPLE,
}
"""What must be there, whatever else is."""


@pytest.mark.parametrize("name", WANTED)
def test_the_faults_that_testers_ask_for_are_there(name: str) -> None:
    assert WANTED[name] in FAULTS[name].where


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_a_dns_label_and_told_in_full(fault: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.name)
    assert len(fault.name) <= 63
    assert fault.title
    assert fault.description.endswith((".", ")."))
    assert fault.where


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_names_rules_that_stand_in_the_book(fault: Fault) -> None:
    without = {"none", "must-staple", "oversize"}

    assert set(fault.rules) <= set(RULES)
    assert bool(fault.rules) == (fault.name not in without)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_is_refused_says_how(fault: Fault) -> None:
    if Where.RESPONDER in fault.where:
        assert fault.verdict is not None
    if Where.STAPLE in fault.where and fault.verdict is not Verdict.GOOD:
        assert fault.alerts == (AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE,)
    if not fault.shows_in_tls:
        assert not fault.alerts


def test_each_fault_is_brought_about_in_its_own_way() -> None:
    ways = [fault.how for fault in FAULTS.values()]
    alike = {fault.name for fault in FAULTS.values() if ways.count(fault.how) > 1}

    # Slow and dripping are the same thing over HTTP and in the handshake.
    assert alike == {"slow", "slow-handshake", "drip", "drip-handshake"}


@pytest.mark.parametrize(
    ("kind", "field"),
    [(Signer, "signer"), (Slot, "slot"), (Promise, "promise"), (Pace, "pace"), (Web, "web")],
)
def test_no_way_to_be_wrong_is_left_unused(kind: type[Signer], field: str) -> None:
    assert {getattr(fault.how, field) for fault in FAULTS.values()} == set(kind)


def test_every_wrong_manner_of_a_tls_server_is_a_fault() -> None:
    assert {fault.how.manner for fault in FAULTS.values()} == set(Manner)


def test_every_lie_of_the_forge_is_a_fault() -> None:
    ca = TinyCA()
    forge = Forge.honest(ca, 7, ca.issue_responder())
    rules = {rule for rule, _ in LIES.values()}

    assert rules <= {rule for fault in FAULTS.values() for rule in fault.rules}
    assert all(isinstance(fault.how.tell(forge), bytes) for fault in FAULTS.values())


def test_rule_and_alert_depend_on_the_version() -> None:
    fault = FAULTS["unsolicited"]

    assert (fault.rule_in(TLS12), fault.rule_in(TLS13)) == ("T3", "T5")
    assert fault.alert_in(TLS12) is AlertDescription.UNEXPECTED_MESSAGE
    assert fault.alert_in(TLS13) is AlertDescription.UNSUPPORTED_EXTENSION
    assert fault.rules == ("T3", "T5")
    assert FAULTS["expired"].rule_in(TLS13) == "L10"
    assert FAULTS["wrong-nonce"].version_names == ()
    assert FAULTS["promised-absent"].version_names == ("TLS 1.2",)


@pytest.mark.parametrize(
    ("needs", "met_by"),
    [
        (Asks.STATUS, {"usual"}),
        (Asks.ANYHOW, {"silent", "usual", "multi", "both kinds"}),
        (Asks.NOTHING, {"silent", "multi", "both kinds"}),
        (Asks.V2, {"multi", "both kinds"}),
        (Asks.MULTI_ALONE, {"multi"}),
        (Asks.NONCE, {"silent", "usual", "multi", "both kinds"}),
    ],
)
def test_a_client_must_ask_so_that_a_fault_shows(needs: Asks, met_by: set[str]) -> None:
    single = CertificateStatusRequestItemV2(CertificateStatusType.OCSP, OCSPStatusRequest())
    multi = CertificateStatusRequestItemV2(CertificateStatusType.OCSP_MULTI, OCSPStatusRequest())
    hellos = {
        "silent": (),
        "usual": (TLSExtension(5, encode_certificate_status_request(CertificateStatusRequest())),),
        "multi": (TLSExtension(17, encode_status_request_v2((multi,))),),
        "both kinds": (TLSExtension(17, encode_status_request_v2((multi, single))),),
    }

    assert met_by == {
        name
        for name, extensions in hellos.items()
        if needs.is_met_by(ClientHello(random=bytes(32), extensions=extensions))
    }


def test_only_special_needs_are_spoken_of() -> None:
    told = {fault.name: fault.special_needs for fault in FAULTS.values() if fault.special_needs}

    assert told == {
        "wrong-nonce": "nonce",
        "unsolicited": "no status_request in TLS 1.3",
        "promised-unasked": "no status_request",
        "v2-single-for-multi": "status_request_v2 that lists ocsp_multi alone",
        "v2-too-many": "status_request_v2",
        "v2-empty-list": "status_request_v2",
    }


def test_the_honest_one_is_all_right() -> None:
    assert (HONEST.name, HONEST.verdict, HONEST.rules, HONEST.alerts) == (
        "none",
        Verdict.GOOD,
        (),
        (),
    )
