"""NIST's suite asked of a server of SCVP: each case a request, its pool unordered (S7, S12)."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from certstatus.delegated import SCVPService
from certstatus.path import RevocationRule
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CertReply,
    Check,
    PKCReference,
    ValidationPolicy,
    WantBack,
)
from tests.delegating import ask, query, service
from tests.delegating import infos as crls_of
from tests.pkits import AT, CASES, Case, certificate, crl, everyone, inputs, named

VALID = [case for case in CASES if case["should_validate"]]


@cache
def server(allow_sha1: bool) -> SCVPService:
    """Return the server that has all certificates, and no anchor of the suite."""
    return service(
        pool=everyone(),
        inputs={
            "allow_sha1": allow_sha1,
            "end_entity_revocation": RevocationRule.DELTA_CRL,
            "ca_revocation": RevocationRule.DELTA_CRL,
        },
    )


def told(case: Case, **more: Any) -> CertReply:
    """Ask about a case as of the suite's time, years ago, with its inputs and its CRLs."""
    given = inputs(case)
    policy = ValidationPolicy(
        user_policy_set=tuple(given.user_policy_set),
        inhibit_policy_mapping=given.inhibit_policy_mapping,
        require_explicit_policy=given.require_explicit_policy,
        inhibit_any_policy=given.inhibit_any_policy,
        trust_anchors=tuple(PKCReference.by_value(one) for one in given.anchors),
    )
    asked = query(
        certificate(case["chain"][-1]),
        validation_policy=policy,
        validation_time=AT,
        rev_infos=crls_of(*map(crl, case["crls"])),
        **more,
    )
    (found,) = ask(asked, server(given.allow_sha1)).response.reply_objects
    return found


@pytest.mark.rule("S7", "S12", "D1")
@pytest.mark.parametrize("case", CASES, ids=named)
def test_each_case_is_validated_as_nist_says(case: Case) -> None:
    found = told(case, want_back=(WantBack.PKC_BEST_CERT_PATH,))
    assert (found.reply_status == 0) == case["should_validate"]
    assert found.reply_val_time == AT
    if found.reply_status == 0:
        assert [one.status for one in found.reply_checks] == [0]
        path = found.want_back(WantBack.PKC_BEST_CERT_PATH)
        assert isinstance(path, CertBundle)
        assert set(path.certs) <= {certificate(name).der for name in case["chain"]}
        return
    assert found.reply_want_backs == ()
    assert 0 not in [one.status for one in found.reply_checks]


@pytest.mark.rule("S7", "D2")
@pytest.mark.parametrize("case", VALID, ids=named)
def test_the_path_of_each_valid_case_is_discovered(case: Case) -> None:
    found = told(case, checks=(Check.BUILD_PKC_PATH,), want_back=(WantBack.PKC_ALL_CERT_PATHS,))
    everything = found.want_back(WantBack.PKC_ALL_CERT_PATHS)
    assert isinstance(everything, CertBundles)
    listed = {certificate(name).der for name in case["chain"]}
    assert any(set(path.certs) <= listed for path in everything.bundles)
    assert all(certificate(case["chain"][0]).der not in path.certs for path in everything.bundles)
