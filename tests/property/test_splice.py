"""Spliced DER is byte for byte what the declarations of RFC 6960 write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from certstatus.asn1.doorway import encode
from certstatus.ocsp import (
    BasicOCSPResponse,
    Extensions,
    Good,
    Nonce,
    ResponseData,
    Revoked,
    Signature,
    SingleResponse,
    encode_response,
    encode_response_data,
    parse_response,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, CRLReason, HashAlgorithm
from certstatus.responder import (
    Archive,
    Authority,
    Refusal,
    Reply,
    ResponderIDForm,
    UnlistedMode,
)
from certstatus.responder.answer import Answer, Question, sign, with_other_hash
from certstatus.responder.live import response_of, tbs_of
from certstatus.responder.splice import (
    Frame,
    nonce_extension,
    response_data,
    single_response,
    single_response_tail,
)
from certstatus.responder.spokesmen import choice_of
from certstatus.responder.statement import state
from certstatus.sources import Answer as SourceAnswer
from certstatus.sources import Known, Unlisted
from tests.desk import CA, DAY, DELEGATE, NOW, authority, cert_id, signers
from tests.property import strategies as of


@dataclass
class Named:
    """What a frame needs of a signer: a name for its algorithm, and octets to send along."""

    identifier: AlgorithmIdentifier
    certs: tuple[Certificate, ...]

    @property
    def certificate(self) -> Certificate:
        return self.certs[0]

    @property
    def algorithm(self) -> Any:
        return self

    def sign(self, tbs: bytes) -> bytes:
        raise AssertionError("nothing is signed here")


def frame_of(data: ResponseData, signature: Signature) -> Frame:
    certs = tuple(map(Certificate, signature.certs))
    return Frame.of(Named(signature.signature_algorithm, certs), data.responder_id)


def spliced(data: ResponseData, frame: Frame) -> bytes:
    """Write ResponseData whose answers all have a nextUpdate."""
    singles = b"".join(
        single_response(
            one.cert_id.encode(),
            single_response_tail(
                one.cert_status, one.this_update, one.next_update, one.single_extensions
            ),
        )
        for one in data.responses
        if one.next_update is not None
    )
    extensions = b"".join(encode(one.declared()) for one in data.response_extensions)
    return response_data(frame.opening(data.produced_at), singles, extensions)


@settings(max_examples=150)
@given(of.response_data(), of.signatures(), of.moments())
@pytest.mark.rule("O20", "O21")
def test_whatever_an_answer_says(data: ResponseData, signature: Signature, end: datetime) -> None:
    data = replace(data, responses=tuple(replace(one, next_update=end) for one in data.responses))
    frame = frame_of(data, signature)

    tbs = spliced(data, frame)
    der = frame.response(tbs, signature.signature)

    assert tbs == encode_response_data(data)
    parts = (signature.signature_algorithm, signature.signature, signature.certs)
    assert der == encode_response(tbs, *parts)


@given(of.nonces())
@pytest.mark.rule("N3")
def test_a_nonce_of_any_length_wrapped_or_bare(nonce: Nonce) -> None:
    (extension,) = Extensions.of(nonce)

    assert nonce_extension(nonce) == encode(extension.declared())


# At these sizes a length takes one more octet, or is not among those written once.
BORDERS = (0x80, 0x100, 2_048, 0x10000)


@pytest.mark.parametrize("border", BORDERS)
def test_around_each_border_of_the_length_forms(border: int) -> None:
    single = SingleResponse(
        cert_id=cert_id(), cert_status=Good(), this_update=NOW, next_update=NOW + DAY
    )
    (signer, *_) = signers()
    responder_id = ResponderIDForm.BY_KEY.of(signer.certificate)
    frame, identifier = Frame.of(signer, responder_id), signer.algorithm.identifier
    certs = tuple(one.der for one in signer.certs)
    # From where the outermost length of ResponseData crosses it to where the innermost does.
    for size in range(max(0, border - 240), border + 2):
        data = ResponseData(
            responder_id=responder_id,
            produced_at=NOW,
            responses=(single,),
            response_extensions=Extensions.of(Nonce(bytes(size))),
        )
        tbs, signature = encode_response_data(data), bytes(size)

        assert spliced(data, frame) == tbs
        assert frame.response(tbs, signature) == encode_response(tbs, identifier, signature, certs)


# --- whole answers -------------------------------------------------------------------------

SIGNERS = signers(DELEGATE, CA)


@st.composite
def authorities(draw: st.DrawFn) -> Authority:
    """One CA under any policy that shapes its answers."""
    return authority(
        by=SIGNERS,
        responder_id=draw(st.sampled_from(ResponderIDForm)),
        dual_hash=draw(st.booleans()),
        archive=draw(st.sampled_from([None, Archive.CA_START, 400 * DAY])),
        backdate=draw(st.sampled_from([timedelta(0), timedelta(minutes=5)])),
        unlisted=draw(st.sampled_from(UnlistedMode)),
        compromised_since=draw(st.sampled_from([None, NOW - 9 * DAY])),
    )


@st.composite
def said(draw: st.DrawFn, by: Authority) -> Answer:
    """What is said of some certificate of that CA; of a few nothing is said at all."""
    number = draw(of.serial_numbers())
    asked = draw(st.sampled_from([cert_id(number), by.cert_id(number, HashAlgorithm.SHA1)]))
    reason = st.none() | st.sampled_from(CRLReason)
    status = draw(st.just(Good()) | st.builds(Revoked, of.moments(), reason))
    update = NOW - draw(st.timedeltas(timedelta(0), DAY))
    end = draw(st.none() | st.timedeltas(timedelta(seconds=2), 9 * DAY).map(lambda it: NOW + it))
    fields: dict[str, Any] = {
        "this_update": update,
        "next_update": end,
        "origin": "desk",
        "single_extensions": draw(of.extensions()),
    }
    known: SourceAnswer = Known(cert_status=status, **fields)
    kinds = [known, *(Unlisted(lists_issued=one, **fields) for one in (True, False))]
    try:
        statement = state(draw(st.sampled_from(kinds)), by)
    except Refusal:
        reject()  # nothing is said: unauthorized
    return Answer(Question(asked, by), statement)


def basic_of(reply: Reply) -> BasicOCSPResponse:
    """Take an answer apart; a source may add extensions of any kind, odd ones among them."""
    found = parse_response(reply.der).basic
    assert found is not None
    return found


@settings(max_examples=50)
@given(st.data(), authorities(), st.none() | of.nonces())
@pytest.mark.rule("O15", "O20")
def test_whole_answers_are_written_as_the_declarations_write_them(
    data: st.DataObject, by: Authority, nonce: Nonce | None
) -> None:
    answers = [
        with_other_hash(one) for one in data.draw(st.lists(said(by), min_size=1, max_size=3))
    ]

    reply = sign(answers, choice_of(by, NOW), nonce, NOW)

    found = basic_of(reply)
    tbs = found.tbs_der
    assert encode_response_data(found.tbs_response_data) == tbs
    parts = (found.signature_algorithm, found.signature, found.certs)
    assert encode_response(tbs, *parts) == reply.der
    names = [it for one in answers for it in (one.question.cert_id, *one.also)]
    singles = found.tbs_response_data.responses
    assert [one.cert_id.encode() for one in singles] == [one.encode() for one in names]
    assert found.tbs_response_data.nonce == nonce


@settings(max_examples=50)
@given(st.data(), authorities(), st.none() | of.nonces())
@pytest.mark.rule("O15", "N3")
def test_an_answer_from_received_bytes_is_the_one_from_values(
    data: st.DataObject, by: Authority, nonce: Nonce | None
) -> None:
    answer, choice = data.draw(said(by)), choice_of(by, NOW)
    reply = sign([answer], choice, nonce, NOW)
    found = basic_of(reply)
    extension = None if nonce is None else nonce_extension(nonce)

    for _ in range(2):  # made anew, and with what is remembered
        tbs = tbs_of(
            by, choice, answer.question.cert_id.encode(), answer.statement, NOW, nonce=extension
        )

        assert tbs == found.tbs_der
        assert response_of(by, choice, tbs, found.signature) == reply.der
