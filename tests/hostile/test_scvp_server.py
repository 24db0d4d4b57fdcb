"""Requests made to hurt a server of SCVP: each has its status, in bounded time and work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import process_time

import pytest

from certstatus.asn1 import oids
from certstatus.delegated import ServiceLimits
from certstatus.limits_scvp import MAX_CV_REQUEST_BYTES, MAX_QUERIED_CERTS
from certstatus.path import WorkLimits
from certstatus.scvp import CertBundles, Check, CVStatusCode, ReplyStatus, WantBack
from certstatus.testing import TinyCA
from tests import der as hand
from tests.delegating import (
    CA,
    CV_REQUEST,
    LEAF,
    NOW,
    ROOT,
    answered,
    ask,
    octets_of,
    query,
    request,
    service,
)
from tests.paths import cross

BUILT = Check.BUILD_PKC_PATH
THOUSAND = query(*[LEAF.certificate] * MAX_QUERIED_CERTS, checks=(BUILT,), rev_infos=())


def test_a_thousand_certificates_are_refused_before_any_work() -> None:
    server, octets = service(), octets_of(request(THOUSAND))
    begun = process_time()
    assert answered(server, octets).facts.status is CVStatusCode.INVALID_REQUEST
    assert process_time() - begun < 2


def test_a_thousand_certificates_are_answered_where_they_are_allowed() -> None:
    server = service(limits=ServiceLimits(certificates=MAX_QUERIED_CERTS))
    replies = ask(THOUSAND, server).response.reply_objects
    assert len(replies) == MAX_QUERIED_CERTS
    assert {one.reply_status for one in replies} == {ReplyStatus.SUCCESS}


def test_what_takes_too_long_is_cut_short_for_all_certificates_together() -> None:
    limits = ServiceLimits(certificates=MAX_QUERIED_CERTS, time=timedelta(milliseconds=20))
    reply = ask(THOUSAND, service(limits=limits))
    assert reply.code == CVStatusCode.TOO_BUSY


def test_a_bomb_of_paths_ends_at_the_limit_of_work() -> None:
    """Eight CAs that certified each other make more paths than anybody tries."""
    cas = [TinyCA(f"CA {number}", kind="ed25519") for number in range(8)]
    pool = [cross(one, other) for one in cas for other in cas if one is not other]
    leaf = cas[0].issue("leaf").certificate
    server = service(pool=pool, work=WorkLimits(signatures=200))
    asked = query(leaf, checks=(BUILT,), want_back=(WantBack.PKC_ALL_CERT_PATHS,), rev_infos=())
    (found,) = ask(asked, server).response.reply_objects
    assert found.reply_status == ReplyStatus.CERT_PATH_CONSTRUCT_FAIL


def test_all_paths_of_a_mesh_are_as_many_as_work_allows() -> None:
    cas = [TinyCA(f"CA {number}", kind="ed25519") for number in range(6)]
    pool = [cross(one, other) for one in cas for other in cas if one is not other]
    pool += [cross(ROOT, one) for one in cas]
    leaf = cas[0].issue("leaf").certificate
    server = service(pool=pool, work=WorkLimits(paths=7))
    asked = query(leaf, checks=(BUILT,), want_back=(WantBack.PKC_ALL_CERT_PATHS,), rev_infos=())
    (found,) = ask(asked, server).response.reply_objects
    everything = found.want_back(WantBack.PKC_ALL_CERT_PATHS)
    assert isinstance(everything, CertBundles)
    assert len(everything.bundles) == 7


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x30\x80" * 50_000, id="nested without end"),
        pytest.param(hand.sequence(*[hand.sequence()] * 60_000), id="empty sequences"),
        pytest.param(hand.sequence(bytes(MAX_CV_REQUEST_BYTES)), id="too large"),
        pytest.param(
            hand.sequence(hand.sequence(hand.tlv(0x82, bytes(4_000_000)))), id="one large item"
        ),
    ],
)
def test_octets_that_are_made_to_hurt_are_refused_soon(content: bytes) -> None:
    octets = hand.sequence(hand.oid(CV_REQUEST.dotted_string), hand.explicit(0, content))
    signed = hand.sequence(hand.oid(oids.ID_SIGNED_DATA.dotted_string), hand.explicit(0, content))
    server = service()
    begun = process_time()
    for one in (octets, signed):
        status = answered(server, one).facts.status
        assert status in {CVStatusCode.BAD_STRUCTURE, CVStatusCode.UNABLE_TO_DECODE}
    assert process_time() - begun < 3


def test_a_large_context_is_none_of_ours() -> None:
    asked = query(checks=(BUILT,), server_context_info=bytes(2_000_000), rev_infos=())
    assert ask(asked).code == CVStatusCode.INVALID_REQUEST


def test_requests_side_by_side_beyond_the_limit_are_told_so() -> None:
    server = service(limits=ServiceLimits(requests_at_once=3))
    octets = octets_of(request(query(CA.certificate)))

    async def flood() -> list[CVStatusCode]:
        answers = await asyncio.gather(*(server.answer(octets, NOW) for _ in range(9)))
        return [one.facts.status for one in answers]

    told = asyncio.run(flood())
    assert told.count(CVStatusCode.OKAY) == 3
    assert told.count(CVStatusCode.TOO_BUSY) == 6
