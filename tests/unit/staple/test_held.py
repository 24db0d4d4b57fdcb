"""What is held: what may take its place, and when it ends."""

from __future__ import annotations

from datetime import timedelta

from certstatus.limits import MAX_STAPLE_LIFE
from certstatus.ocsp import Revoked, Unknown
from certstatus.pkix import Certificate
from certstatus.staple.held import Held, Origin, Staple, hold
from certstatus.testing import Forge
from certstatus.verify import VerifyPolicy, verify_response
from tests.feeding import CA, DAY, DELEGATE, HOUR, NOW, SECOND

LEAF = CA.issue_server().certificate
POLICY = VerifyPolicy()


def forge(leaf: Certificate = LEAF) -> Forge:
    return Forge.honest(CA, leaf.serial_number, DELEGATE)


def made(**changes: object) -> Held:
    """Hold an answer that says something else."""
    report = verify_response(
        forge().but(**changes).der, issuer=CA.certificate, certificate=LEAF, now=NOW
    )
    found = hold(
        report.require(), LEAF, CA.certificate, policy=POLICY, url="", origin=Origin.RESPONDER
    )
    assert found is not None
    return found


def test_a_held_response_is_all_that_a_staple_needs() -> None:
    one = made()

    assert isinstance(one.staple, Staple)
    assert one.staple.der == one.verified.der
    assert one.life.this_update == NOW - timedelta(minutes=10)
    assert one.life.end == one.end == one.life.this_update + 4 * DAY


def test_the_newer_replaces_the_older_and_of_equals_revoked_or_the_longer() -> None:
    revoked = Revoked(NOW - 30 * DAY)
    good, longer = made(), made(next_update=NOW + 5 * DAY)
    older, newer = made(this_update=NOW - HOUR), made(this_update=NOW - SECOND)

    assert good.replaces(None, NOW)
    assert newer.replaces(good, NOW)
    assert longer.replaces(good, NOW)
    assert made(cert_status=revoked).replaces(longer, NOW)
    for lesser, held_now in (
        (good, good),
        (older, good),
        (good, longer),
        (made(cert_status=revoked, this_update=NOW - HOUR), good),
        (longer, made(cert_status=revoked)),
    ):
        assert not lesser.replaces(held_now, NOW)


def test_what_has_ended_gives_way_even_to_the_older_unless_it_says_revoked() -> None:
    older = made(this_update=NOW - DAY, next_update=NOW + DAY)
    brief = {"this_update": NOW - HOUR, "next_update": NOW + SECOND}

    assert not older.replaces(made(**brief), NOW)
    assert older.replaces(made(**brief), NOW + SECOND)
    assert not older.replaces(made(**brief, cert_status=Revoked(NOW - DAY)), NOW + SECOND)


def test_an_end_is_where_the_first_of_all_ends() -> None:
    def end(policy: VerifyPolicy = POLICY, leaf: Certificate = LEAF, **changes: object) -> object:
        response = forge(leaf).but(**changes)
        report = verify_response(
            response.der, issuer=CA.certificate, certificate=leaf, now=NOW, policy=policy
        )
        found = hold(
            report.require(), leaf, CA.certificate, policy=policy, url="", origin=Origin.DISK
        )
        return None if found is None else found.end

    begin = NOW - timedelta(minutes=10)
    assert end(policy=VerifyPolicy(max_age=HOUR)) == begin + HOUR
    lenient = VerifyPolicy(require_next_update=False)
    assert end(policy=lenient, has_next_update=False) == begin + MAX_STAPLE_LIFE
    assert end(signer=CA.issue_responder(not_after=NOW + HOUR)) == NOW + HOUR
    brief = CA.issue_server(not_after=NOW + HOUR).certificate
    assert end(leaf=brief) == NOW + HOUR + SECOND
    assert end(cert_status=Unknown()) is None
