"""RFC 9654 as a client keeps it: a nonce binds an answer to its request."""

from __future__ import annotations

import pytest

from certstatus.limits import MAX_NONCE_OCTETS, NONCE_OCTETS
from certstatus.ocsp import Extensions, Nonce, encode_request, parse_request, parse_response
from certstatus.testing import Forge
from certstatus.verify import NoncePolicy, Verdict, VerifyPolicy
from tests.courtroom import failed, honest, judge, request_of

SENT = Nonce(bytes(range(NONCE_OCTETS)))
STRICT = VerifyPolicy(nonce=NoncePolicy.REQUIRED)


def answering(nonce: Nonce | None) -> Forge:
    extensions = Extensions() if nonce is None else Extensions.of(nonce)
    return honest().but(response_extensions=extensions)


# --- the four combinations ------------------------------------------------------------------


@pytest.mark.rule("L10")
def test_neither_sent_nor_received_is_no_matter() -> None:
    assert judge(answering(None).der, request=request_of(honest())).verdict is Verdict.GOOD


@pytest.mark.rule("L10")
def test_received_and_not_sent_is_ignored() -> None:
    """RFC 9919 §5: clients that do not include a nonce "MUST ignore" one in the answer."""
    report = judge(answering(SENT).der, request=request_of(honest()))

    assert report.verdict is Verdict.GOOD
    assert "ignored" in report.check("L10").reason


@pytest.mark.rule("L10", "N3")
def test_sent_and_not_received_leaves_it_to_time() -> None:
    """RFC 9919 §5: "SHOULD NOT reject a response solely on the basis of a nonexistent nonce"."""
    request = request_of(honest(), SENT)

    report = judge(answering(None).der, request=request)
    late = judge(answering(None).but(has_next_update=False).der, request=request)

    assert report.verdict is Verdict.GOOD
    assert failed(late) == ["nextUpdate"]


@pytest.mark.rule("N3")
def test_sent_and_received_must_be_the_same_octets() -> None:
    request = request_of(honest(), SENT)
    flipped = Nonce(SENT.octets[:-1] + b"\xff")

    assert judge(answering(SENT).der, request=request).verdict is Verdict.GOOD
    for other in (flipped, Nonce(SENT.octets + b"\0"), Nonce(SENT.octets[1:]), Nonce(b"")):
        report = judge(answering(other).der, request=request)
        assert report.verdict is Verdict.UNTRUSTED
        assert [check.rule for check in report.failures] == ["N3"]


# --- where a nonce is required ----------------------------------------------------------------


@pytest.mark.rule("N4")
def test_a_stripped_nonce_is_refused_where_one_is_required() -> None:
    """§3.1: an attacker who strips the nonce may replay an older answer."""
    request = request_of(honest(), SENT)

    report = judge(answering(None).der, request=request, policy=STRICT)

    assert [check.rule for check in report.failures] == ["N4"]
    assert judge(answering(SENT).der, request=request, policy=STRICT).verdict is Verdict.GOOD


@pytest.mark.rule("N4")
def test_a_policy_that_requires_a_nonce_is_not_met_by_one_that_nobody_sent() -> None:
    for request in (None, request_of(honest())):
        report = judge(answering(SENT).der, request=request, policy=STRICT)
        assert [check.rule for check in report.failures] == ["N4"]


# --- what a nonce looks like ------------------------------------------------------------------


@pytest.mark.rule("N1")
def test_our_nonce_is_thirty_two_octets_in_two_octet_strings() -> None:
    """§2.1, and what peers on RFC 8954 accept: `04 22 04 20 …`."""
    der = encode_request(honest().cert_ids, request_extensions=Extensions.of(SENT))

    assert NONCE_OCTETS == 32
    assert b"\x04\x22\x04\x20" + SENT.octets in der


@pytest.mark.parametrize("size", [1, 15, 16, 32, 33, 64, MAX_NONCE_OCTETS])
@pytest.mark.rule("N2", "N3")
def test_a_nonce_of_any_length_that_was_sent_is_compared(size: int) -> None:
    """OpenSSL 3.0 sends 16 octets; RFC 9654 reaches to 128."""
    nonce = Nonce(bytes(range(size)))
    request = request_of(honest(), nonce)

    assert judge(answering(nonce).der, request=request, policy=STRICT).verdict is Verdict.GOOD
    other = answering(Nonce(nonce.octets[:-1] + b"\xff"))
    assert judge(other.der, request=request, policy=STRICT).verdict is Verdict.UNTRUSTED


@pytest.mark.parametrize("size", [0, MAX_NONCE_OCTETS + 1, 1000])
@pytest.mark.rule("N2")
def test_a_nonce_of_a_wrong_length_is_read_and_its_length_left_to_judgment(size: int) -> None:
    nonce = Nonce(bytes(size))

    assert parse_request(request_of(honest(), nonce).der).nonce == nonce
    read = parse_response(answering(nonce).der).basic
    assert read is not None
    assert read.tbs_response_data.nonce == nonce


@pytest.mark.rule("N3")
def test_a_bare_nonce_of_an_old_responder_is_compared_by_its_octets() -> None:
    """RFC 2560 had no syntax: some responders return the octets without the inner wrapping."""
    octets = b"\xff" * NONCE_OCTETS
    request = request_of(honest(), Nonce(octets))

    report = judge(answering(Nonce(octets, is_bare=True)).der, request=request, policy=STRICT)

    assert report.verdict is Verdict.GOOD
    assert [finding.where for finding in report.findings] == [
        "responseExtensions.id-pkix-ocsp-nonce"
    ]
