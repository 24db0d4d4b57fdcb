"""SignedData of any content, by any signer, is read and judged as it was made."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from cryptography.x509 import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1.ber import normalize
from certstatus.cms import (
    OtherRevocationInfo,
    SavedEvidence,
    encode_content_info,
    encode_evidence,
    parse_content_info,
    parse_evidence,
    parse_signed_data,
    sign_content,
)
from tests import der
from tests.envelopes import CA, issued, judge, signer

KINDS = ("p256", "ed25519", "mldsa44", "rsa2048")
types = st.lists(st.integers(0, 2**40), max_size=5).map(
    lambda arcs: ObjectIdentifier(".".join(map(str, (1, 3, *arcs))))
)
contents = st.binary(max_size=300)
# UTCTime and GeneralizedTime, in whole seconds.
moments = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(types, contents)
def test_any_content_is_unwrapped_as_it_was_wrapped(
    content_type: ObjectIdentifier, octets: bytes
) -> None:
    content = der.octet_string(octets)

    found = parse_content_info(encode_content_info(content_type, content))

    assert (found.content_type, found.content) == (content_type, content)


@given(
    content_type=types,
    content=contents,
    kind=st.sampled_from(KINDS),
    signing_time=st.none() | moments,
    with_ca=st.booleans(),
    by_key=st.booleans(),
)
def test_whatever_is_signed_is_believed_as_it_was_signed(
    *,
    content_type: ObjectIdentifier,
    content: bytes,
    kind: str,
    signing_time: datetime | None,
    with_ca: bool,
    by_key: bool,
) -> None:
    whole = sign_content(
        content_type,
        content,
        signer(kind),
        certificates=[CA.certificate] if with_ca else [],
        signing_time=signing_time,
        by_key_identifier=by_key,
    )

    verified = judge(whole, content_types=(content_type,), trusted=(issued(kind).certificate,))

    assert verified.require().content == content
    assert verified.require().signing_time == signing_time
    assert normalize(whole, "it") is whole
    assert parse_signed_data(whole).departures == ()


@given(contents, contents)
def test_a_signature_is_for_its_content_alone(signed: bytes, other: bytes) -> None:
    whole = sign_content(ObjectIdentifier("1.3.6"), signed, signer())
    place = (1, 0, 2, 1, 0)
    swapped = der.changed(whole, place, lambda _: der.octet_string(other))

    report = judge(swapped, content_types=())

    assert (report.verified is not None) == (signed == other)
    assert (sha256(signed).digest() == sha256(other).digest()) == (report.verified is not None)


@given(st.lists(st.tuples(types, contents), max_size=6))
def test_evidence_of_formats_that_nobody_knows_is_kept(
    infos: list[tuple[ObjectIdentifier, bytes]],
) -> None:
    others = tuple(OtherRevocationInfo(oid, der.octet_string(info)) for oid, info in infos)

    found = parse_evidence(encode_evidence(SavedEvidence(others=others)))

    assert {(one.info_format, one.info) for one in found.others} == {
        (one.info_format, one.info) for one in others
    }
