from __future__ import annotations

from certstatus.asn1 import oids
from certstatus.delegated import SCVPPolicy, ServiceLimits
from certstatus.limits_scvp import (
    MAX_SERVED_CERTS,
    MIN_CURSOR_KEY_BYTES,
    SCVP_CERTS_AT_ONCE,
    SCVP_REQUEST_TIME,
    SCVP_REQUESTS_AT_ONCE,
)
from certstatus.path import PathInputs
from tests.delegating import CURSOR_KEY, POLICY, ROOT, settings


def test_the_limits_are_those_that_are_written_down() -> None:
    limits = ServiceLimits()
    assert (limits.certificates, limits.certificates_at_once) == (
        MAX_SERVED_CERTS,
        SCVP_CERTS_AT_ONCE,
    )
    assert (limits.requests_at_once, limits.time) == (SCVP_REQUESTS_AT_ONCE, SCVP_REQUEST_TIME)
    assert len(CURSOR_KEY) == MIN_CURSOR_KEY_BYTES


def test_the_first_policy_is_the_default() -> None:
    second = SCVPPolicy(oid=oids.ANY_POLICY, inputs=PathInputs(anchors=(ROOT.certificate,)))
    first = settings().policies[0]
    both = settings(policies=(first, second))
    assert both.policy(oids.ID_SVP_DEFAULT_VAL_POLICY) is first
    assert both.policy(POLICY) is first
    assert both.policy(oids.ANY_POLICY) is second
    assert both.policy(oids.ID_KP_SERVER_AUTH) is None
    assert both.policy_oids == (oids.ID_SVP_DEFAULT_VAL_POLICY, POLICY, oids.ANY_POLICY)


def test_the_secret_is_not_shown() -> None:
    assert repr(CURSOR_KEY) not in repr(settings())
