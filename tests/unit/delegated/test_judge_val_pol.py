"""What a server says that it can do: always signed, and either cached or made for us (S21)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info
from certstatus.delegated import (
    DelegatedVerdict,
    PoliciesReport,
    ReplyPolicy,
    ServerTrust,
    judge_policies,
)
from certstatus.errors import MalformedError, UntrustedError
from certstatus.limits_scvp import SCVP_SKEW
from certstatus.scvp import (
    PKCReference,
    ValidationPolicy,
    encode_val_pol_response,
)
from tests.scvp_server import (
    LEAF,
    NONCE,
    NOW,
    PINNED,
    SERVER,
    SERVER_CA,
    policies,
    signed,
    signed_policies,
)

LATE = timedelta(minutes=1) + SCVP_SKEW


def judged(octets: bytes, policy: ReplyPolicy = PINNED) -> PoliciesReport:
    return judge_policies(octets, NONCE, now=NOW, policy=policy)


@pytest.mark.rule("S21")
@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, None),
        ({"request_nonce": None, "next_update": NOW + LATE}, None),
        ({"next_update": NOW + LATE}, "freshness"),
        ({"request_nonce": None}, "freshness"),
        ({"request_nonce": b"another"}, "freshness"),
        ({"request_nonce": None, "next_update": NOW - LATE}, "freshness"),
        ({"this_update": NOW + LATE}, "thisUpdate"),
        ({"vp_response_version": 2}, "reply version"),
    ],
    ids=[
        *("fresh", "cached", "both", "neither", "another nonce", "stale", "future", "version 2"),
    ],
)
def test_it_is_fresh_or_cached_and_never_both(changes: dict[str, Any], failing: str | None) -> None:
    report = judged(signed_policies(replace(policies(), **changes)))
    assert [one.name for one in report.failures] == ([] if failing is None else [failing])
    assert (report.policies is None) is (failing is not None)
    if failing is None:
        assert report.require().server_configuration_id == 7
    else:
        with pytest.raises(UntrustedError, match=failing):
            report.require()


@pytest.mark.rule("S21")
def test_it_must_be_signed_by_one_who_is_trusted() -> None:
    content = encode_val_pol_response(policies())
    unsigned = judged(encode_content_info(oids.ID_CT_SCVP_VAL_POL_RESPONSE, content))
    assert [one.name for one in unsigned.failures] == ["protection"]
    report = judged(signed_policies(policies()), ReplyPolicy())
    assert [one.name for one in report.failures] == ["signer's trust"]
    trust = ServerTrust(anchors=(SERVER_CA.certificate,))
    pending = judged(signed_policies(policies()), ReplyPolicy(trust=trust))
    assert pending.pending == SERVER.certificate
    assert pending.verdict is DelegatedVerdict.UNTRUSTED


@pytest.mark.parametrize(
    "octets",
    [b"", b"<html>", signed(b"\x30\x00"), signed_policies(policies())[:-5]],
    ids=["nothing", "text", "a CVResponse", "truncated"],
)
def test_what_is_none_is_told_and_never_raises(octets: bytes) -> None:
    report = judged(octets)
    assert report.policies is None
    with pytest.raises((MalformedError, UntrustedError)):
        report.require()


def test_it_is_told_to_programs() -> None:
    anchors = (
        PKCReference.by_value(LEAF),
        PKCReference.by_reference(LEAF),
        PKCReference(cert=b"\x30\x00"),
    )
    found = replace(policies(), default_policy_values=ValidationPolicy(trust_anchors=anchors))
    told = judged(signed_policies(found)).as_json()["policies"]
    assert isinstance(told, dict)
    assert told["responseTypes"] == "cached-and-non-cached"
    assert told["revocationInfoTypes"] == ["FULL_CRLS", "OCSP_RESPONSES"]
    assert told["clockSkewMinutes"] == 10
    assert told["defaultPolicy"]["trustAnchors"] == ["CN=leaf.example", None, None]
    assert told["hashAlgorithms"] == ["id-sha256"]
