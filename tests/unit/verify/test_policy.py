"""The defaults are the strict reading of the standards."""

from __future__ import annotations

from certstatus.limits import DEFAULT_SKEW
from certstatus.verify import DEFAULT_POLICY, DelegateStatus, NoncePolicy, VerifyPolicy


def test_the_default_policy_is_strict() -> None:
    assert VerifyPolicy() == DEFAULT_POLICY
    assert DEFAULT_POLICY.skew == DEFAULT_SKEW
    assert DEFAULT_POLICY.max_age is None
    assert DEFAULT_POLICY.require_next_update
    assert DEFAULT_POLICY.nonce is NoncePolicy.PREFERRED
    assert not DEFAULT_POLICY.allow_sha1
    assert DEFAULT_POLICY.delegate_status is DelegateStatus.WHERE_NAMED
    assert DEFAULT_POLICY.trusted_responders == ()


def test_the_words_are_those_of_the_command_line() -> None:
    assert [str(one) for one in NoncePolicy] == ["required", "preferred", "off"]
    assert [str(one) for one in DelegateStatus] == ["required", "where-named", "nocheck", "off"]
