"""Two of ours, one behind the other: the same answers as alone, and no way round in a circle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certstatus.ocsp import CertID, Good, Revoked, SingleResponse, Unknown, encode_request
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.testing import Lab, build_lab
from tests.books import revoked, valid, write_index
from tests.responding import Responding
from tests.rings import PATIENT, circle

SERIALS = range(1, 41)
REASONS = [None, *(one for one in CRLReason if one is not CRLReason.REMOVE_FROM_CRL)]
FLAGS = ["--port", "0", "--no-access-log"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab whose index lists certificates of every status and reason."""
    lab = build_lab(tmp_path_factory.mktemp("pair") / "lab", now=datetime.now(UTC))
    start = lab.ca.certificate.not_before
    write_index(
        lab.index,
        *(
            valid(serial) if serial % 2 else revoked(serial, reason(serial), at=start)
            for serial in SERIALS[:-10]
        ),
    )
    return lab


def reason(serial: int) -> CRLReason | None:
    return REASONS[serial // 2 % len(REASONS)]


def arguments(lab: Lab, *source: str) -> list[str]:
    ours = ["--ca", str(lab.ca_certificate), "--signer", str(lab.responder_certificate)]
    return [*ours, "--key", str(lab.responder_key), *source]


@pytest.fixture(scope="module")
def first(lab: Lab) -> Iterator[Responding]:
    with Responding([*FLAGS, *arguments(lab, "--index", str(lab.index))], lab.directory) as one:
        yield one


@pytest.fixture(scope="module")
def second(lab: Lab, first: Responding) -> Iterator[Responding]:
    with Responding([*FLAGS, *arguments(lab, "--upstream", first.url)], lab.directory) as one:
        yield one


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA1, HashAlgorithm.SHA256])
def test_over_an_upstream_every_status_is_what_the_upstream_says(
    lab: Lab, first: Responding, second: Responding, algorithm: HashAlgorithm
) -> None:
    seen = set()
    for serial in SERIALS:
        cert_id = CertID.of(lab.ca.certificate, serial, algorithm)
        ours, theirs = second.ask(cert_id), first.ask(cert_id)

        assert ours.cert_status == theirs.cert_status, serial
        assert ours.cert_id == theirs.cert_id == cert_id
        assert end(ours) <= end(theirs)
        assert ours.this_update <= theirs.this_update or isinstance(ours.cert_status, Unknown)
        seen.add(type(ours.cert_status))
    assert seen == {Good, Revoked, Unknown}


def end(single: SingleResponse) -> datetime:
    assert single.next_update is not None
    return single.next_update


@pytest.fixture(params=[1, 2, 3], ids=["itself", "two", "three"])
def ring(request: pytest.FixtureRequest, lab: Lab, tmp_path: Path) -> Iterator[list[Responding]]:
    signer = f'certificate = "{lab.responder_certificate}"\nkey = "{lab.responder_key}"\n'

    def tables(url: str) -> str:
        authority = f'[[authority]]\ncertificate = "{lab.ca_certificate}"\n'
        source = f'[[authority.source]]\nupstream = "{url}"\n{PATIENT}'
        return f"{authority}[[authority.signer]]\n{signer}{source}"

    with circle(request.param, tmp_path, tables) as members:
        yield members


@pytest.mark.rule("O11")
def test_responders_in_a_circle_answer_try_later_at_once_and_say_why(
    lab: Lab, ring: list[Responding]
) -> None:
    der = encode_request([CertID.of(lab.ca.certificate, 1)])

    assert ring[0].refusal(der) == "tryLater"

    event = ring[0].wait_for("source.upstream-loop")
    assert "through us before" in event["detail"]


@pytest.mark.rule("O11")
def test_questions_that_meet_on_a_circle_do_not_wait_for_each_other(
    lab: Lab, ring: list[Responding]
) -> None:
    der = encode_request([CertID.of(lab.ca.certificate, 2)])

    async def all_at_once() -> list[str]:
        asked = (asyncio.to_thread(one.refusal, der) for one in ring * 4)
        return list(await asyncio.gather(*asked))

    assert set(asyncio.run(all_at_once())) == {"tryLater"}
