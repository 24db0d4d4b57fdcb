from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import MAX_NONCE_OCTETS
from certstatus.ocsp import CertID, Extensions, Nonce, encode_request
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.responder.frames import frame_with_nonce, frames_without_nonce
from tests.desk import CA

FRAMES = frames_without_nonce()

cert_ids = st.builds(
    lambda algorithm, parameters, number: CertID(
        AlgorithmIdentifier(algorithm.oid, parameters),
        CA.certificate.subject_name_hash(algorithm),
        CA.certificate.key_hash(algorithm),
        number,
    ),
    st.sampled_from(HashAlgorithm),
    st.sampled_from([None, b"\x05\x00"]),
    st.integers(0, (1 << 8 * 20) - 1),
)


@given(cert_ids)
def test_a_request_without_a_nonce_is_framed_as_it_is_encoded(cert_id: CertID) -> None:
    der = encode_request([cert_id])

    frame = FRAMES[len(der)]

    assert der.startswith(frame.head)
    assert der[frame.start : frame.end] == cert_id.encode()
    assert cert_id.encode().endswith(der[frame.content : frame.end])
    assert frame.end == len(der)


@given(cert_ids, st.binary(min_size=1, max_size=MAX_NONCE_OCTETS))
def test_a_request_with_a_nonce_is_framed_as_it_is_encoded(cert_id: CertID, nonce: bytes) -> None:
    der = encode_request([cert_id], request_extensions=Extensions.of(Nonce(nonce)))

    frame = frame_with_nonce(len(der), len(nonce))

    assert frame is not None
    assert der.startswith(frame.head)
    assert der[frame.start : frame.end] == cert_id.encode()
    assert der[frame.end : -len(nonce)] == frame.middle


@pytest.mark.rule("N2")
@pytest.mark.parametrize("octets", [0, MAX_NONCE_OCTETS + 1])
def test_there_is_no_frame_for_a_nonce_of_a_length_that_is_not_allowed(octets: int) -> None:
    assert all(frame_with_nonce(length, octets) is None for length in range(60, 400))


def test_each_length_has_one_frame_at_the_most() -> None:
    assert len(FRAMES) == len(set(FRAMES.values()))
    assert frame_with_nonce(30, 32) is None
