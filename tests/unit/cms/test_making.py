from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from asn1crypto import cms as judge

from certstatus.asn1 import oids
from certstatus.cms import asign_content, parse_signed_data, sign_content
from certstatus.errors import SignerError
from certstatus.pkix import signature_problem
from certstatus.signing import KEY_KINDS
from certstatus.signing.pool import SigningPool, pooled
from tests.envelopes import (
    CA,
    CONTENT,
    NOW,
    REQUEST,
    RESPONSE,
    every_signer,
    issued,
    signer,
    signer_of,
)
from tests.envelopes import judge as judged


@pytest.mark.rule("S2")
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_every_key_signs_what_is_believed(kind: str) -> None:
    one = issued(kind)

    for each in every_signer(one):
        whole = sign_content(REQUEST, CONTENT, each, signing_time=NOW)
        verified = judged(whole, trusted=(one.certificate,)).require()
        assert verified.content == CONTENT
        assert verified.signer == one.certificate
        assert verified.signing_time == NOW


@pytest.mark.rule("S2")
def test_the_message_has_the_shape_that_scvp_asks_for() -> None:
    """By another reader: one signer, its certificate, three attributes, none unsigned."""
    theirs = judge.ContentInfo.load(sign_content(RESPONSE, CONTENT, signer()))["content"]

    assert theirs["version"].native == "v3"
    assert theirs["encap_content_info"]["content"].contents == CONTENT
    (certificate,) = theirs["certificates"]
    assert certificate.chosen.dump() == issued().certificate.der
    (info,) = theirs["signer_infos"]
    assert info["version"].native == "v1"
    assert info["sid"].name == "issuer_and_serial_number"
    assert len(info["unsigned_attrs"]) == 0
    attributes = {one["type"].native: one["values"] for one in info["signed_attrs"]}
    assert set(attributes) == {"content_type", "message_digest", "signing_certificate_v2"}
    assert attributes["content_type"].native == [RESPONSE.dotted_string]
    assert attributes["message_digest"].native == [sha256(CONTENT).digest()]
    signed = info["signed_attrs"].untag().dump()
    algorithm, key = signer().algorithm, issued().certificate.public_key
    assert signature_problem(algorithm, key, info["signature"].native, signed) is None


def test_certificates_go_along_each_once() -> None:
    one = signer()
    whole = sign_content(
        REQUEST, CONTENT, one, certificates=[CA.certificate, one.certificate, CA.certificate]
    )

    found = parse_signed_data(whole)

    assert set(found.readable_certificates) == {one.certificate, CA.certificate}
    assert len(found.certificates) == 2


def test_a_signer_is_named_by_its_key_where_that_is_asked_for() -> None:
    whole = sign_content(REQUEST, CONTENT, signer(), by_key_identifier=True)

    (info,) = parse_signed_data(whole).signer_infos
    assert info.version == 3
    assert judged(whole).require().content == CONTENT


def test_a_certificate_without_a_key_identifier_is_not_named_by_it() -> None:
    with pytest.raises(SignerError, match="no key identifier"):
        sign_content(REQUEST, CONTENT, signer_of(CA.issue()), by_key_identifier=True)


def test_revocation_information_goes_along() -> None:
    crl = CA.crl()
    whole = sign_content(REQUEST, CONTENT, signer(), revocation_infos=[crl])

    assert judged(whole).require().content == CONTENT
    assert parse_signed_data(whole).revocation_infos == (crl,)


def test_the_content_may_be_of_any_type_and_empty() -> None:
    whole = sign_content(oids.ID_DATA, b"", signer())

    assert judged(whole, content_types=()).require().content == b""


# --- slow keys ------------------------------------------------------------------------------


@pytest.fixture
def pool() -> Iterator[SigningPool]:
    pool = SigningPool(1, "test-signer")
    yield pool
    pool.close()


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_slow_keys_are_waited_for(pool: SigningPool, kind: str) -> None:
    (one,) = pooled([signer(kind)], pool)
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    whole = asyncio.run(asign_content(REQUEST, CONTENT, one, signing_time=moment))

    verified = judged(whole, trusted=(one.certificate,)).require()
    assert (verified.content, verified.signing_time) == (CONTENT, moment)
