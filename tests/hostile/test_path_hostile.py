"""Path bombs, loops and lying servers: each search ends in bounded time, and says why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta
from functools import cache
from itertools import count

import pytest
from cryptography import x509

from certstatus.fetch import HTTPDoor
from certstatus.limits_path import (
    MAX_AIA_BYTES,
    MAX_CRL_ISSUER_DEPTH,
    MAX_PATH_FETCHES,
    MAX_PATH_LENGTH,
    MAX_PATH_SIGNATURES,
    MAX_POLICY_NODES,
    PATH_TIME,
)
from certstatus.path import (
    CertificatePool,
    Evidence,
    EvidenceFetcher,
    PathInputs,
    PathSearch,
    RevocationStatus,
    ValidationError,
    Work,
    WorkLimits,
    check_path,
)
from certstatus.pkix import Certificate
from certstatus.testing import FixedClock, TinyCA
from tests.paths import AS_CA, NOW, again, checked, crl, cross, policies
from tests.scripted import Asked, Reply, ScriptedServer

ROOT = TinyCA("Root")
UNASKED = PathInputs(anchors=(ROOT.certificate,))
LIMIT = timedelta(seconds=60)
"""Far above what any of these takes, and far below what a bomb would."""


@cache
def mesh() -> tuple[tuple[TinyCA, ...], tuple[Certificate, ...]]:
    """Make 32 CAs that all certify each other ten times: 10,000 certificates, full of cycles."""
    authorities = tuple(TinyCA(f"Mesh {number}", kind="ed25519") for number in range(32))
    pool = [one.certificate for one in authorities]
    for one in authorities:
        for other in authorities:
            if one is not other:
                first = cross(one, other)
                pool += [first, *(again(first, one, 20_000 + number) for number in range(9))]
    return authorities, tuple(pool)


@pytest.mark.parametrize("exits", [0, 1], ids=["no way out", "a way out that does not hold"])
def test_a_mesh_of_ten_thousand_leads_nowhere_in_bounded_time(exits: int) -> None:
    authorities, pool = mesh()
    assert len(set(pool)) == 9_952
    leaf = authorities[0].issue("leaf").certificate
    false = TinyCA("Root").issue("Mesh 17", key=authorities[17].key, extensions=AS_CA).certificate
    work = Work()
    started = time.process_time()
    held = (*pool, false)[: len(pool) + exits]
    found = checked(leaf, UNASKED, pool=held, work=work, revocation=False)
    assert time.process_time() - started < LIMIT.total_seconds()
    assert found.report is None
    assert work.signatures <= MAX_PATH_SIGNATURES
    assert work.seconds_left <= PATH_TIME.total_seconds()
    assert ("the search was ended" in found.reason) == bool(exits)


def test_a_way_out_of_the_mesh_is_found() -> None:
    authorities, pool = mesh()
    leaf = authorities[0].issue("leaf").certificate
    out = cross(ROOT, authorities[17])
    found = checked(leaf, UNASKED, pool=(*pool, out), revocation=False)
    assert found.is_valid, found.reason
    assert found.report is not None
    assert found.report.path.certificates[-1] == out
    assert len(found.report.path.certificates) == 3


def test_a_thousand_keys_of_one_name_are_passed_by() -> None:
    impostors = [TinyCA("CA", kind="ed25519").certificate for _ in range(1_000)]
    ca = TinyCA("CA", parent=ROOT)
    careful = ca.issue("leaf", extensions=((ca.key_identifier, False),)).certificate
    work = Work()
    found = checked(
        careful, UNASKED, pool=(*impostors, ca.certificate), work=work, revocation=False
    )
    assert found.is_valid, found.reason
    assert work.signatures < 10  # the key identifier led the way
    plain = ca.issue("leaf").certificate
    assert checked(plain, UNASKED, pool=(*impostors, ca.certificate), revocation=False).is_valid


def test_policies_do_not_grow_without_bound() -> None:
    many = [f"1.3.6.1.4.1.99999.{number}" for number in range(MAX_POLICY_NODES + 1)]
    ca = TinyCA("CA")
    signed = cross(ROOT, ca, extensions=(policies(*many),))
    leaf = ca.issue("leaf", extensions=(policies(*many),)).certificate
    found = checked(leaf, UNASKED, pool=[signed], revocation=False)
    assert not found.is_valid
    assert found.errors == (ValidationError.INVALID_CERT_POLICY,)
    assert "size limit" in found.reason


@pytest.mark.parametrize(
    ("depth", "holds"), [(MAX_CRL_ISSUER_DEPTH, True), (MAX_CRL_ISSUER_DEPTH + 1, False)]
)
def test_crl_issuers_behind_crl_issuers_end(depth: int, holds: bool) -> None:
    """Each CRL is signed by a key whose own status is in a CRL by the next, the last by the CA."""
    ca = TinyCA("CA", parent=ROOT)
    keys = [TinyCA("CA") for _ in range(depth)]
    places = [f"http://crl.example/{number}" for number in range(depth + 1)]
    signers = [
        cross(ca, key, crl_uris=(place,)) for key, place in zip(keys, places[1:], strict=True)
    ]
    crls = [
        crl(key, extensions=(_of(place),)) for key, place in zip([*keys, ca], places, strict=True)
    ]
    leaf = ca.issue("leaf", crl_uris=(places[0],)).certificate
    found = checked(leaf, UNASKED, pool=[ca.certificate, *signers], crls=[crl(ROOT), *crls])
    assert found.is_valid == holds, found.reason
    assert holds or "too many signers behind each other" in found.reason


def _of(place: str) -> tuple[x509.ExtensionType, bool]:
    """Say that a CRL is of one distribution point."""
    scope = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(place)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    return scope, True


# --- servers -----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def searched(
    certificate: Certificate, *, work: Work | None = None, seconds: float = 5, times: int = 1
) -> list[PathSearch]:
    async def one(by: EvidenceFetcher) -> PathSearch:
        evidence = Evidence(pool=CertificatePool(), fetcher=by, work=work)
        return await check_path(certificate, UNASKED, evidence, NOW)

    async def run() -> list[PathSearch]:
        by = EvidenceFetcher(
            door=HTTPDoor(total_time=timedelta(seconds=seconds)),
            clock=FixedClock(NOW),
            allow_private=True,
        )
        async with aclosing(by):
            return await asyncio.gather(*(one(by) for _ in range(times)))

    return asyncio.run(asyncio.wait_for(run(), LIMIT.total_seconds()))


def test_aia_that_leads_in_a_circle_ends(server: ScriptedServer) -> None:
    one, other = TinyCA("One"), TinyCA("Other")
    a = one.issue(
        "Other", key=other.key, extensions=AS_CA, ca_issuers_uris=(f"{server.url}b",)
    ).certificate
    b = other.issue(
        "One", key=one.key, extensions=AS_CA, ca_issuers_uris=(f"{server.url}a",)
    ).certificate
    served = {"/a": a, "/b": b}
    server.script = lambda asked: Reply(body=served[asked.path].der)
    leaf = one.issue("leaf", ca_issuers_uris=(f"{server.url}b",)).certificate
    (found,) = searched(leaf)
    assert found.report is None
    assert {asked.path for asked in server.asked} == {"/a", "/b"}
    assert len(server.asked) == 2


def test_aia_that_goes_on_for_ever_ends(server: ScriptedServer) -> None:
    """Behind each certificate stands another CA, made up when it is asked for."""
    numbers, above = count(), {}
    authorities = [TinyCA(f"CA {number}") for number in range(MAX_PATH_LENGTH + 5)]

    def next_one(asked: Asked) -> Reply:
        number = int(asked.path[1:])
        issuer, subject = authorities[number + 1], authorities[number]
        certificate = issuer.issue(
            subject.common_name,
            key=subject.key,
            extensions=AS_CA,
            ca_issuers_uris=(f"{server.url}{number + 1}",),
        ).certificate
        above[next(numbers)] = certificate
        return Reply(body=certificate.der)

    server.script = next_one
    leaf = authorities[0].issue("leaf", ca_issuers_uris=(f"{server.url}0",)).certificate
    work = Work()
    (found,) = searched(leaf, work=work)
    assert found.report is None
    assert len(server.asked) < MAX_PATH_LENGTH
    assert work.fetches <= MAX_PATH_FETCHES


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>not here</html>", id="a page"),
        pytest.param(ROOT.certificate.der[:-1], id="cut"),
        pytest.param(TinyCA("CA").certificate.der, id="another's key"),
        pytest.param(b"\x30" * 1_000, id="nested"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_lying_aia_server_leads_nowhere(server: ScriptedServer, body: bytes) -> None:
    server.script = lambda _: Reply(body=body)
    leaf = TinyCA("CA", parent=ROOT).issue("leaf", ca_issuers_uris=(server.url,)).certificate
    (found,) = searched(leaf)
    assert found.report is None
    assert found.errors == (ValidationError.NO_VALID_CERT_PATH,)


def test_a_huge_answer_is_cut_off(server: ScriptedServer) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for _ in range(64):
            sent.append(1)
            yield bytes(MAX_AIA_BYTES)

    server.script = lambda _: Reply(chunks=endless())
    leaf = TinyCA("CA", parent=ROOT).issue("leaf", ca_issuers_uris=(server.url,)).certificate
    (found,) = searched(leaf)
    assert found.report is None
    assert len(sent) < 64


def test_a_slow_server_holds_a_search_no_longer_than_it_may_take(server: ScriptedServer) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(50):
            time.sleep(0.02)
            yield b"\x30"

    server.script = lambda _: Reply(chunks=slowly())
    leaf = TinyCA("CA", parent=ROOT).issue("leaf", ca_issuers_uris=(server.url,)).certificate
    work = Work(limits=WorkLimits(time=timedelta(milliseconds=200)))
    started = time.monotonic()
    (found,) = searched(leaf, work=work)
    assert time.monotonic() - started < 10
    assert found.report is None
    assert "it took longer than 0.2 seconds" in found.reason


def test_a_dead_status_server_is_not_taken_for_a_good_one(server: ScriptedServer) -> None:
    server.script = lambda _: Reply(status=500)
    leaf = ROOT.issue("leaf", ocsp_uris=(server.url,), crl_uris=(server.url,)).certificate
    (found,) = searched(leaf, seconds=2)
    assert found.report is not None
    assert not found.is_valid
    assert found.report.certificates[0].status is RevocationStatus.OFF_LINE
