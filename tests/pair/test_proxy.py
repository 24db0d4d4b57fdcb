"""Proxies behind proxies: the first one's answer, byte for byte, at the end of the chain."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certstatus.ocsp import (
    CertID,
    Extensions,
    Good,
    Nonce,
    Revoked,
    Unknown,
    encode_request,
    parse_response,
)
from certstatus.pkix import HashAlgorithm
from certstatus.requestor import CheckPolicy, Requestor
from certstatus.testing import Lab, build_lab
from certstatus.verify import NoncePolicy, Verdict, VerifyPolicy
from tests.books import revoked, valid, write_index
from tests.responding import Responding
from tests.rings import PATIENT, circle

SERIALS = range(1, 13)
FLAGS = ["--port", "0", "--no-access-log"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab whose index lists certificates of every status beside its own."""
    lab = build_lab(tmp_path_factory.mktemp("proxies") / "lab", now=datetime.now(UTC))
    start = lab.ca.certificate.not_before
    write_index(
        lab.index,
        *(valid(one) if one % 2 else revoked(one, at=start) for one in SERIALS[:-4]),
        valid(lab.good.certificate.serial_number),
    )
    return lab


def proxying(lab: Lab, *urls: str, more: list[str] | None = None) -> Responding:
    asked = [word for url in urls for word in ("--proxy", url)]
    arguments = [*FLAGS, "--ca", str(lab.ca_certificate), *asked, *(more or [])]
    return Responding(arguments, lab.directory)


@pytest.fixture(scope="module")
def chain(lab: Lab) -> Iterator[list[Responding]]:
    """Run the CA's responder, and three proxies one behind the other."""
    signing = ["--signer", str(lab.responder_certificate), "--key", str(lab.responder_key)]
    ours = ["--ca", str(lab.ca_certificate), *signing, "--index", str(lab.index)]
    with ExitStack() as running:
        members = [running.enter_context(Responding([*FLAGS, *ours], lab.directory))]
        for nonce in ("forward", "forward", "forward"):
            proxy = proxying(lab, members[-1].url, more=["--nonce", nonce])
            members.append(running.enter_context(proxy))
        yield members


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA1, HashAlgorithm.SHA256])
@pytest.mark.rule("O12", "L4")
def test_at_the_end_of_the_chain_stand_the_bytes_of_its_beginning(
    lab: Lab, chain: list[Responding], algorithm: HashAlgorithm
) -> None:
    seen = set()
    for serial in SERIALS:
        der = encode_request([CertID.of(lab.ca.certificate, serial, algorithm)])
        last, first = chain[-1].post(der), chain[0].post(der)
        response = parse_response(last.content)
        assert response.basic is not None, response.response_status
        (single,) = response.basic.tbs_response_data.responses
        seen.add(type(single.cert_status))
        if not isinstance(single.cert_status, Unknown):  # unknown is signed anew each time
            assert last.content == first.content
            assert last.headers["etag"] == first.headers["etag"]
            assert last.headers["last-modified"] == first.headers["last-modified"]
    assert seen == {Good, Revoked, Unknown}


@pytest.mark.rule("L4", "N3")
def test_a_nonce_goes_through_the_whole_chain_and_back(lab: Lab, chain: list[Responding]) -> None:
    nonce = Nonce(b"through three of them, and back!")
    cert_id = CertID.of(lab.ca.certificate, 1)
    der = encode_request([cert_id], request_extensions=Extensions.of(nonce))

    answer = chain[-1].post(der)

    response = parse_response(answer.content)
    assert response.basic is not None
    assert response.basic.tbs_response_data.nonce == nonce
    assert answer.headers["cache-control"] == "no-store"


def test_our_requestor_believes_what_comes_through_with_a_nonce_that_it_requires(
    lab: Lab, chain: list[Responding]
) -> None:
    policy = CheckPolicy(send_nonce=True, verify=VerifyPolicy(nonce=NoncePolicy.REQUIRED))
    requestor = Requestor(urls=(chain[-1].url,), policy=policy)

    result = requestor.check(lab.good.certificate, lab.ca.certificate)

    assert result.verdict is Verdict.GOOD, result.attempts


def test_several_certificates_go_through_whole(lab: Lab, chain: list[Responding]) -> None:
    der = encode_request([CertID.of(lab.ca.certificate, serial) for serial in (1, 2, 3)])

    response = parse_response(chain[-1].post(der).content)

    assert response.basic is not None
    assert len(response.basic.tbs_response_data.responses) == 3


@pytest.mark.rule("O19")
def test_after_kill_9_and_without_its_upstream_a_proxy_gives_what_rests_in_its_store(
    lab: Lab, chain: list[Responding], tmp_path: Path
) -> None:
    store = ["--store", f"lmdb:{tmp_path / 'answers'}"]
    der = encode_request([CertID.of(lab.ca.certificate, 3)])
    with proxying(lab, chain[0].url, more=store) as proxy:
        before = proxy.post(der).content
        wait_until_stored(tmp_path / "answers" / "data.mdb", before)
        proxy.end(signal.SIGKILL)

    with proxying(lab, "http://127.0.0.1:1/", more=store) as proxy:
        after = proxy.post(der).content
        unknown = proxy.refusal(encode_request([CertID.of(lab.ca.certificate, 5)]))

    assert parse_response(before).basic is not None
    assert after == before
    assert unknown == "tryLater"


def wait_until_stored(file: Path, der: bytes) -> None:
    """Wait until an answer rests in a store: it is put there a moment after it went out."""
    deadline = time.monotonic() + 10
    while not file.exists() or der not in file.read_bytes():
        assert time.monotonic() < deadline, "it never came to rest in the store"
        time.sleep(0.05)


@pytest.mark.rule("O11")
def test_proxies_in_a_circle_answer_try_later_at_once_and_say_why(lab: Lab, tmp_path: Path) -> None:
    def tables(url: str) -> str:
        return f'[[proxy]]\ncertificate = "{lab.ca_certificate}"\nupstream = "{url}"\n{PATIENT}'

    der = encode_request([CertID.of(lab.ca.certificate, 1)])
    with circle(3, tmp_path, tables) as members:

        async def all_at_once() -> list[str]:
            asked = (asyncio.to_thread(one.refusal, der) for one in members * 3)
            return list(await asyncio.gather(*asked))

        # Of questions that meet only some come round; one alone does, to whoever asked first.
        assert members[0].refusal(der) == "tryLater"
        event = members[0].wait_for("source.upstream-loop")
        assert "through us before" in event["detail"]
        assert set(asyncio.run(all_at_once())) == {"tryLater"}
