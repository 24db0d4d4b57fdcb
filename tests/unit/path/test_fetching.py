from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certstatus.fetch import Guard, HTTPDoor
from certstatus.limits_path import (
    EVIDENCE_FAILURE_TIME,
    EVIDENCE_REFRESH,
    MAX_AIA_BYTES,
    MAX_AIA_CERTIFICATES,
    MAX_AIA_URLS,
    MAX_PATH_BYTES,
    MAX_PATH_FETCHES,
)
from certstatus.ocsp import CertID, Good
from certstatus.path import (
    CertificatePool,
    Evidence,
    EvidenceFetcher,
    PathInputs,
    PathSearch,
    RevocationStatus,
    Work,
    WorkLimits,
    check_path,
)
from certstatus.pkix import Certificate
from certstatus.testing import FixedClock, Forge, TinyCA
from tests.directory import ScriptedDirectory, done, entry, saying
from tests.paths import AS_CA, DAY, NOW, crl
from tests.scripted import OCSP, Asked, Reply, ScriptedServer

ROOT = TinyCA("Root")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def fetcher(clock: FixedClock | None = None, *, allow_private: bool = True) -> EvidenceFetcher:
    return EvidenceFetcher(
        door=HTTPDoor(total_time=timedelta(seconds=5)),
        clock=clock or FixedClock(NOW),
        allow_private=allow_private,
    )


def check(
    certificate: Certificate,
    by: EvidenceFetcher,
    *,
    work: Work | None = None,
    times: int = 1,
    revocation: bool = True,
) -> list[PathSearch]:
    """Check the same so often at the same time, through one fetcher."""

    async def one() -> PathSearch:
        evidence = Evidence(pool=CertificatePool(), fetcher=by, work=work)
        inputs = PathInputs(anchors=(ROOT.certificate,))
        return await check_path(certificate, inputs, evidence, NOW, revocation=revocation)

    async def run() -> list[PathSearch]:
        async with aclosing(by):
            return await asyncio.gather(*(one() for _ in range(times)))

    return asyncio.run(asyncio.wait_for(run(), 60))


def lab(server: ScriptedServer) -> tuple[Certificate, dict[str, Callable[[Asked], Reply]]]:
    """Make a leaf below a CA that is found at AIA, with CRL and responder, and serve all that."""
    base = server.url
    ca = TinyCA("CA")
    signed = ROOT.issue(
        "CA",
        key=ca.key,
        extensions=AS_CA,
        crl_uris=(f"{base}root.crl",),
    )
    leaf = ca.issue(
        "leaf",
        ca_issuers_uris=(f"{base}ca.cer",),
        ocsp_uris=(f"{base}ocsp",),
        crl_uris=(f"{base}ca.crl",),
    ).certificate

    def answer(_: Asked) -> Reply:
        cert_id = CertID.for_certificate(leaf, signed.certificate)
        issued = ca.issue_responder("responder")
        forged = Forge(ca=ca, signer=issued, cert_ids=(cert_id,), now=NOW, cert_status=Good())
        return Reply(body=forged.der, headers={"Content-Type": OCSP})

    served: dict[str, Callable[[Asked], Reply]] = {
        "/ca.cer": lambda _: Reply(body=signed.certificate.der),
        "/root.crl": lambda _: Reply(body=crl(ROOT).der),
        "/ca.crl": lambda _: Reply(body=crl(ca).der),
        "/ocsp": answer,
    }
    server.script = lambda asked: served.get(_place(asked), _missing)(asked)
    return leaf, served


def _place(asked: Asked) -> str:
    return "/ocsp" if asked.path.startswith("/ocsp") else asked.path


def _missing(_: Asked) -> Reply:
    return Reply(status=404)


def test_issuer_status_and_crl_are_found_by_what_the_certificates_name(
    server: ScriptedServer,
) -> None:
    leaf, _ = lab(server)
    (found,) = check(leaf, fetcher())
    assert found.is_valid, found.reason
    assert found.report is not None
    assert [one.status for one in found.report.certificates] == [RevocationStatus.GOOD] * 2
    assert len(found.report.proof.ocsp_responses) == len(found.report.proof.crls) == 1


def test_the_crl_counts_where_the_responder_is_silent(server: ScriptedServer) -> None:
    leaf, served = lab(server)
    served["/ocsp"] = lambda _: Reply(status=503)
    (found,) = check(leaf, fetcher())
    assert found.is_valid, found.reason
    assert found.report is not None
    assert len(found.report.proof.crls) == 2


def test_what_is_asked_for_at_once_goes_out_once_and_serves_later(server: ScriptedServer) -> None:
    leaf, _ = lab(server)
    by = fetcher()
    assert all(one.is_valid for one in check(leaf, by, times=8))
    asked = [_place(one) for one in server.asked]
    assert sorted(asked) == ["/ca.cer", "/ocsp", "/root.crl"]
    check(leaf, by)
    assert len(server.asked) == 3


def test_after_a_while_it_is_asked_for_anew(server: ScriptedServer) -> None:
    leaf, _ = lab(server)
    clock = FixedClock(NOW)
    by = fetcher(clock)
    check(leaf, by)
    clock.advance(EVIDENCE_REFRESH)
    check(leaf, by)
    assert len(server.asked) == 6


def test_a_dead_server_is_left_alone_for_a_while(server: ScriptedServer) -> None:
    leaf, served = lab(server)
    served["/ca.cer"] = _missing
    clock = FixedClock(NOW)
    by = fetcher(clock)
    for asked in (1, 1):
        (found,) = check(leaf, by)
        assert found.report is None
        assert len(server.asked) == asked
    clock.advance(EVIDENCE_FAILURE_TIME)
    check(leaf, by)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("served", "status"),
    [
        pytest.param(Reply(status=404), RevocationStatus.OFF_LINE, id="nothing there"),
        pytest.param(Reply(body=b"no CRL"), RevocationStatus.OFF_LINE, id="no CRL"),
        pytest.param(
            Reply(body=crl(ROOT, this_update=NOW - 30 * DAY).der),
            RevocationStatus.OFF_LINE,
            id="an old CRL",
        ),
        pytest.param(None, RevocationStatus.UNAVAILABLE, id="nobody listens"),
    ],
)
def test_off_line_and_unavailable_are_told_apart(
    server: ScriptedServer, served: Reply | None, status: RevocationStatus
) -> None:
    url = server.url if served is not None else "http://127.0.0.1:1/"
    server.script = lambda _: served or Reply()
    leaf = ROOT.issue("leaf", crl_uris=(url,)).certificate
    (found,) = check(leaf, fetcher())
    assert found.report is not None
    assert found.report.certificates[0].status is status


def test_a_private_place_is_not_looked_into_unless_allowed(server: ScriptedServer) -> None:
    leaf, _ = lab(server)
    (found,) = check(leaf, fetcher(allow_private=False))
    assert found.report is None
    assert server.asked == []
    assert Guard().allow_private is False


def test_a_bundle_at_ca_issuers_is_read_as_far_as_it_may(server: ScriptedServer) -> None:
    others = [TinyCA(f"Other {number}").certificate for number in range(3)]
    ca = TinyCA("CA", parent=ROOT)
    bundle = pkcs7.serialize_certificates(
        [one.parsed for one in (*others, ca.certificate)], Encoding.DER
    )
    assert len(bundle) < MAX_AIA_BYTES
    assert len(others) < MAX_AIA_CERTIFICATES
    server.script = lambda _: Reply(body=bundle)
    leaf = ca.issue("leaf", ca_issuers_uris=(server.url,)).certificate
    (found,) = check(leaf, fetcher(), revocation=False)
    assert found.is_valid, found.reason


def test_no_more_ca_issuers_are_asked_than_may_be(server: ScriptedServer) -> None:
    server.script = _missing
    urls = [f"{server.url}{number}" for number in range(MAX_AIA_URLS + 3)]
    leaf = TinyCA("Nobody").issue("leaf", ca_issuers_uris=urls).certificate
    check(leaf, fetcher())
    assert len(server.asked) == MAX_AIA_URLS


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        pytest.param(WorkLimits(), 2, id="as many as needed"),
        pytest.param(WorkLimits(fetches=1), 1, id="no second fetch"),
        pytest.param(WorkLimits(bytes=1), 1, id="no bytes left after the first"),
    ],
)
def test_one_search_fetches_no_more_than_it_may(
    server: ScriptedServer, limits: WorkLimits, asked: int
) -> None:
    assert WorkLimits().fetches == MAX_PATH_FETCHES
    assert WorkLimits().bytes == MAX_PATH_BYTES
    ca = TinyCA("CA", parent=ROOT)
    server.script = lambda one: Reply(
        body=ca.certificate.der if one.path == "/ca.cer" else crl(ca).der
    )
    leaf = ca.issue(
        "leaf", ca_issuers_uris=(f"{server.url}ca.cer",), crl_uris=(f"{server.url}ca.crl",)
    ).certificate
    (found,) = check(leaf, fetcher(), work=Work(limits=limits))
    assert len(server.asked) == asked
    assert not found.is_valid  # nothing tells the CA's own status


@pytest.mark.rule("C11", "C13")
def test_a_crl_in_a_directory_is_found_where_the_web_server_is_dead() -> None:
    listed = entry("certificateRevocationList;binary", crl(ROOT).der)
    with ScriptedDirectory() as directory:
        directory.talk = saying(listed, done())
        point = x509.DistributionPoint(
            [
                x509.UniformResourceIdentifier("http://127.0.0.1:1/root.crl"),
                x509.UniformResourceIdentifier(directory.url()),
            ],
            None,
            None,
            None,
        )
        named = x509.CRLDistributionPoints([point]), False
        leaf = ROOT.issue("leaf", extensions=(named,)).certificate
        (found,) = check(leaf, fetcher())
    assert found.is_valid, found.reason
    assert found.report is not None
    assert len(found.report.proof.crls) == 1


@pytest.mark.rule("C2")
def test_the_delta_that_a_crl_names_is_fetched(server: ScriptedServer) -> None:
    place = x509.UniformResourceIdentifier(f"{server.url}delta")
    freshest = x509.FreshestCRL([x509.DistributionPoint([place], None, None, None)]), False
    leaf = ROOT.issue("leaf", crl_uris=(f"{server.url}full",)).certificate
    served = {
        "/full": crl(ROOT, number=1, extensions=(freshest,)).der,
        "/delta": crl(ROOT, leaf, number=2, delta_of=1).der,
    }
    server.script = lambda asked: Reply(body=served[asked.path])
    (found,) = check(leaf, fetcher())
    assert found.report is not None
    assert found.report.certificates[0].status is RevocationStatus.REVOKED
    assert len(found.report.proof.crls) == 2


def test_a_broken_extension_leads_nowhere_and_breaks_nothing() -> None:
    for number in ("1.3.6.1.5.5.7.1.1", "2.5.29.31", "2.5.29.46"):
        bad = x509.UnrecognizedExtension(x509.ObjectIdentifier(number), b"\x30\x03\x02\x01")
        leaf = ROOT.issue("leaf", extensions=((bad, False),)).certificate
        (found,) = check(leaf, fetcher())
        assert not found.is_valid
        assert found.reason


@pytest.mark.parametrize("which", ["crl", "ocsp"])
def test_what_nobody_believes_is_fetched_anew_before_long(
    server: ScriptedServer, which: str
) -> None:
    stranger = TinyCA("Root")
    wishes = {f"{which}_uris": (server.url,)}
    leaf = ROOT.issue("leaf", **wishes).certificate  # type: ignore[arg-type]
    cert_id = CertID.for_certificate(leaf, ROOT.certificate)

    def answer(ca: TinyCA) -> Reply:
        if which == "crl":
            return Reply(body=crl(ca).der)
        signer = ca.issue_responder("responder")
        forge = Forge(ca=ca, signer=signer, cert_ids=(cert_id,), now=NOW, cert_status=Good())
        return Reply(body=forge.der, headers={"Content-Type": OCSP})

    clock = FixedClock(NOW)
    by = fetcher(clock)
    server.script = lambda _: answer(stranger)
    assert not check(leaf, by)[0].is_valid
    server.script = lambda _: answer(ROOT)
    assert not check(leaf, by)[0].is_valid
    clock.advance(EVIDENCE_FAILURE_TIME)
    (found,) = check(leaf, by)
    assert found.is_valid, found.reason
