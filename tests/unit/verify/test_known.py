"""What is remembered between judgments: what held, by all that it rests on, and no more of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_ANSWERS, MAX_KNOWN_DELEGATES, MAX_KNOWN_WORDS
from certstatus.ocsp import BasicOCSPResponse, ByKey, parse_response
from certstatus.pkix import AlgorithmIdentifier, Certificate, signature_algorithm
from certstatus.testing import Forge, TinyCA
from certstatus.verify import KnownSignatures, Verdict, VerifyPolicy, delegation, freshness, known
from tests import der as hand
from tests.courtroom import CA, DAY, DELEGATE, NOW, failed, honest, judge

NAMESAKE = TinyCA(CA.common_name, not_before=CA.not_before)


@pytest.fixture
def memory() -> KnownSignatures:
    """Return a memory in which the honest answer has left all that it leaves."""
    memory = KnownSignatures()
    assert judge(honest().der, known=memory).verdict is Verdict.GOOD
    return memory


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each signature that is verified from here on."""
    seen: list[str] = []

    def noting(name: str, verify: Callable[..., str | None]) -> Callable[..., str | None]:
        def note(*arguments: Any) -> str | None:
            seen.append(name)
            return verify(*arguments)

        return note

    for name in ("signature_problem", "issuance_problem"):
        monkeypatch.setattr(known, name, noting(name, getattr(known, name)))
    return seen


def parts(der: bytes) -> BasicOCSPResponse:
    basic = parse_response(der).basic
    assert basic is not None
    return basic


# --- what it saves --------------------------------------------------------------------------


def test_the_second_answer_of_a_delegate_costs_one_signature(
    memory: KnownSignatures, verified: list[str]
) -> None:
    later = honest().but(now=NOW + timedelta(hours=1))

    report = judge(later.der, now=NOW + timedelta(hours=1), known=memory)

    assert report.verdict is Verdict.GOOD
    assert verified == ["signature_problem"]


def test_the_same_answer_again_costs_none(memory: KnownSignatures, verified: list[str]) -> None:
    der = honest().der
    first = judge(der, known=memory)
    verified.clear()

    assert judge(der, known=memory) == first
    assert verified == []


def test_without_a_memory_nothing_is_remembered(verified: list[str]) -> None:
    der = honest().der

    for _ in range(2):
        assert judge(der).verdict is Verdict.GOOD

    assert verified.count("signature_problem") == 4  # twice the delegate's and the answer's
    assert verified.count("issuance_problem") == 2


def test_a_certificate_is_read_once(memory: KnownSignatures) -> None:
    der = DELEGATE.certificate.der

    assert memory.certificate(der) is memory.certificate(bytes(bytearray(der)))


def test_what_is_no_certificate_is_refused_each_time(memory: KnownSignatures) -> None:
    for _ in range(2):
        with pytest.raises(MalformedError):
            memory.certificate(b"\x30\x00")


# --- what it must not be talked into -----------------------------------------------------------


@pytest.mark.rule("O21")
def test_a_signature_that_failed_is_verified_again_and_fails_again(verified: list[str]) -> None:
    memory, der = KnownSignatures(), honest().der
    spoiled = der.replace(parts(der).signature, bytes(len(parts(der).signature)))

    for _ in range(2):
        verified.clear()
        assert judge(spoiled, known=memory).verdict is not Verdict.GOOD
        assert verified

    assert judge(der, known=memory).verdict is Verdict.GOOD


@pytest.mark.rule("O22", "O23")
def test_a_known_delegate_is_not_one_of_another_ca_of_the_same_name(
    memory: KnownSignatures,
) -> None:
    """What is remembered is about one issuer's key, and no other's."""
    leaf = NAMESAKE.issue_server().certificate
    forged = Forge.honest(NAMESAKE, leaf.serial_number, DELEGATE)

    report = judge(forged.der, issuer=NAMESAKE.certificate, certificate=leaf, known=memory)

    assert failed(report) == ["issued by the same key"]


@pytest.mark.rule("O23")
@pytest.mark.parametrize("is_known_first", [True, False])
def test_a_delegate_with_other_contents_under_the_same_signature_is_refused(
    memory: KnownSignatures, *, is_known_first: bool
) -> None:
    """The issuer signed the expired one; its notAfter is written anew, the signature is kept."""
    late = CA.issue_responder(not_after=NOW - DAY)
    changed = late.certificate.der.replace(
        f"{NOW - DAY:%y%m%d%H%M%SZ}".encode(), f"{NOW + DAY:%y%m%d%H%M%SZ}".encode()
    )
    assert changed != late.certificate.der
    if is_known_first:
        assert failed(judge(honest().but(signer=late).der, known=memory))

    report = judge(honest().but(signer=late, certs=(changed,)).der, known=memory)

    assert "issued by the same key" in failed(report)


@pytest.mark.rule("O21")
def test_the_signature_of_another_answer_is_refused(memory: KnownSignatures) -> None:
    """Both answers are remembered; one's signature stands under the other's data."""
    good, later = honest(), honest().but(now=NOW + timedelta(hours=1))
    at = NOW + timedelta(hours=1)
    assert judge(later.der, now=at, known=memory).verdict is Verdict.GOOD
    swapped = replace(parts(good.der), signature=parts(later.der).signature)

    report = judge(replace(parse_response(good.der), basic=swapped), known=memory)

    assert failed(report) == ["signature"]


@pytest.mark.rule("O21")
def test_an_answer_is_known_by_what_was_signed_not_by_its_octets_as_a_whole(
    memory: KnownSignatures,
) -> None:
    """A caller hands in a response object whose DER is the known one's, and whose data are not."""
    good = parse_response(honest().der)
    lies = parts(honest().but(now=NOW + DAY).der)
    lying = replace(good, basic=replace(lies, signature=parts(good.der).signature))

    assert "signature" in failed(judge(lying, now=NOW + DAY, known=memory))


@pytest.mark.rule("O21")
@pytest.mark.parametrize("moved", [1, 8, -1, -8])
def test_octets_that_move_between_signature_and_data_make_it_another_answer(
    memory: KnownSignatures, moved: int
) -> None:
    basic = parts(honest().der)
    whole, at = basic.signature + basic.tbs_der, len(basic.signature) + moved
    shifted = replace(basic, signature=whole[:at], tbs_der=whole[at:])
    algorithm = signature_algorithm(basic.signature_algorithm)
    assert memory.answer_problem(basic, algorithm, DELEGATE.certificate) is None

    assert memory.answer_problem(shifted, algorithm, DELEGATE.certificate) is not None


@pytest.mark.rule("O21", "O29")
def test_a_known_answer_under_another_algorithm_is_verified_by_that_one(
    memory: KnownSignatures,
) -> None:
    good = parse_response(honest().der)
    named = AlgorithmIdentifier(oids.ECDSA_WITH_SHA384)
    other = replace(good, basic=replace(parts(good.der), signature_algorithm=named))

    assert failed(judge(other, known=memory)) == ["signature"]


@pytest.mark.rule("O16", "O21")
def test_a_known_answer_is_not_one_of_another_key(memory: KnownSignatures) -> None:
    """The sibling is a delegate as good; the responderID, unsigned here, is made to name it."""
    sibling = CA.issue_responder()
    basic = parts(honest().der)
    data = replace(basic.tbs_response_data, responder_id=ByKey.of(sibling.certificate))
    claimed = replace(basic, tbs_response_data=data, certs=(sibling.certificate.der,))

    report = judge(replace(parse_response(honest().der), basic=claimed), known=memory)

    assert failed(report) == ["signature"]


@pytest.mark.rule("O29")
def test_sha1_is_refused_of_what_a_policy_that_allows_it_had_verified() -> None:
    memory = KnownSignatures()
    key = ec.generate_private_key(ec.SECP256R1())
    made = CA.issue_responder(key=key).certificate.der
    weak = hand.sequence(hand.oid(oids.ECDSA_WITH_SHA1.dotted_string))
    tbs = hand.at(hand.changed(made, (0, 2), lambda _: weak), 0)
    assert isinstance(CA.key, ec.EllipticCurvePrivateKey)
    signature = CA.key.sign(tbs, ec.ECDSA(hashes.SHA1()))
    der = hand.sequence(tbs, weak, hand.bit_string(signature))
    signer = replace(DELEGATE, certificate=Certificate.from_der(der), key=key)
    forged = honest().but(signer=signer, certs=(der,), responder_id=ByKey.of(signer.certificate))

    assert judge(forged.der, policy=VerifyPolicy(allow_sha1=True), known=memory).verified
    assert failed(judge(forged.der, known=memory)) == ["issued by the same key"]


@pytest.mark.rule("O25")
def test_a_known_delegate_ends_with_its_certificate(memory: KnownSignatures) -> None:
    brief = CA.issue_responder(not_after=NOW + timedelta(hours=1))
    der = honest().but(signer=brief).der
    assert judge(der, known=memory).verdict is Verdict.GOOD

    report = judge(der, now=NOW + timedelta(hours=2), known=memory)

    assert failed(report) == ["responder's validity"]


# --- its bounds -----------------------------------------------------------------------------------


def test_as_many_are_kept_as_the_limits_say_and_no_more() -> None:
    memory = KnownSignatures()

    assert memory.limits == (MAX_KNOWN_DELEGATES, MAX_KNOWN_ANSWERS, MAX_KNOWN_ANSWERS)
    assert delegation._validity.cache_info().maxsize == MAX_KNOWN_DELEGATES
    for words in (delegation._named, freshness._past):
        assert words.cache_info().maxsize == MAX_KNOWN_WORDS


def test_what_was_not_asked_for_longest_goes_first(verified: list[str]) -> None:
    memory = KnownSignatures(delegates=2)
    delegates = [CA.issue_responder().certificate for _ in range(3)]
    for place in (0, 1, 0, 2):  # 1 is the oldest when 2 comes
        assert memory.delegation_problem(delegates[place], CA.certificate) is None
    verified.clear()

    for place, cost in ((0, 0), (2, 0), (1, 1)):
        assert memory.delegation_problem(delegates[place], CA.certificate) is None
        assert len(verified) == cost


@pytest.mark.rule("O22", "O23")
def test_a_usual_delegate_is_looked_at_once_and_as_many_are_kept_as_the_limit_says() -> None:
    seen: list[Certificate] = []

    def look(delegate: Certificate, issuer: Certificate, _: KnownSignatures) -> bool:
        seen.append(delegate)
        return issuer == CA.certificate

    memory = KnownSignatures(delegates=2)
    ders = [CA.issue_responder().certificate.der for _ in range(3)]
    for place in (0, 1, 0, 2):  # 1 is the oldest when 2 comes
        assert memory.usual_delegate(ders[place], CA.certificate, look)
    for place, cost in ((0, 0), (2, 0), (1, 1)):
        seen.clear()
        assert memory.usual_delegate(ders[place], CA.certificate, look)
        assert len(seen) == cost
    for _ in range(2):  # one that is none is not kept, nor is one another CA's
        seen.clear()
        assert memory.usual_delegate(ders[1], NAMESAKE.certificate, look) is None
        assert len(seen) == 1


def test_many_bad_ones_push_no_good_one_out(memory: KnownSignatures, verified: list[str]) -> None:
    """Whoever floods a verifier with forgeries does not make it slower for the rest."""
    small = KnownSignatures(delegates=1)
    assert small.delegation_problem(DELEGATE.certificate, CA.certificate) is None
    for _ in range(3):
        stranger = NAMESAKE.issue_responder().certificate
        assert small.delegation_problem(stranger, CA.certificate) is not None
    verified.clear()

    assert small.delegation_problem(DELEGATE.certificate, CA.certificate) is None
    assert verified == []


def test_threads_may_share_it() -> None:
    memory = KnownSignatures(delegates=1, issued=1, answers=1)
    ders = [honest().but(signer=CA.issue_responder()).der for _ in range(3)]
    found: list[Verdict] = []

    def work() -> None:
        found.extend(judge(ders[turn % 3], known=memory).verdict for turn in range(30))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert found == [Verdict.GOOD] * 120
