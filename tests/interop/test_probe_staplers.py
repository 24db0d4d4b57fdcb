"""The probe before real servers that staple: OpenSSL, GnuTLS, nginx, HAProxy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from certstatus.handshake import TLS12, TLS13
from certstatus.ocsp import CertID
from certstatus.pkix import HashAlgorithm
from certstatus.requestor import AskPolicy, CheckPolicy, Requestor
from certstatus.testing import Forge
from certstatus.tls.host import Host
from certstatus.tls.probe import ProbeOptions, ProbeResult, probe
from certstatus.tls.probed import Agreement, HandshakeResult, MustStaple, must_staple
from certstatus.verify import Verdict
from tests.staplers import gnutls_serv, haproxy, nginx
from tests.stapling import Find, Serving, StaplingPKI

pytestmark = pytest.mark.interop

Stapled = Callable[[str, ssl.TLSVersion], Serving]
VERSIONS = {TLS12: ssl.TLSVersion.TLSv1_2, TLS13: ssl.TLSVersion.TLSv1_3}
each_version = pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])


def ask(pki: StaplingPKI, port: int, **wishes: Any) -> ProbeResult:
    """Probe localhost, and compare with the PKI's responder."""
    options = ProbeOptions(**{"anchors": (pki.root.certificate,), **wishes})
    requestor = Requestor(policy=CheckPolicy(ask=AskPolicy(attempts=1), allow_private=True))
    return asyncio.run(probe(Host("localhost", port), options, requestor=requestor))


def only(result: ProbeResult) -> HandshakeResult:
    (handshake,) = result.handshakes
    return handshake


# --- OpenSSL ------------------------------------------------------------------------------------


@each_version
@pytest.mark.rule("T1", "T3", "T5")
def test_openssl_staples_good(stapling_pki: StaplingPKI, stapled: Stapled, version: int) -> None:
    server = stapled("good", VERSIONS[version])

    result = ask(stapling_pki, server.port, versions=(version,))

    handshake = only(result)
    assert result.verdict is Verdict.GOOD
    assert handshake.failures == ()
    assert handshake.is_promised is (True if version == TLS12 else None)
    assert handshake.observation.trust is not None
    assert handshake.observation.trust.problem is None
    assert result.comparisons[0].agreement is Agreement.SAME


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("revoked", Verdict.REVOKED),
        ("expired", Verdict.UNTRUSTED),
        ("of another certificate", Verdict.UNTRUSTED),
        ("tampered with", Verdict.UNTRUSTED),
    ],
)
@each_version
@pytest.mark.rule("T4")
def test_a_wrong_staple_of_openssls_is_named(
    stapling_pki: StaplingPKI, stapled: Stapled, version: int, kind: str, verdict: Verdict
) -> None:
    server = stapled(kind, VERSIONS[version])

    result = ask(stapling_pki, server.port, versions=(version,), is_compared=False)

    assert result.verdict is verdict
    assert {check.rule for check in only(result).failures} == {"T4"}


@each_version
@pytest.mark.rule("T10")
def test_openssl_breaks_a_promise_of_the_certificate(
    stapling_pki: StaplingPKI, stapled: Stapled, version: int
) -> None:
    server = stapled("promised, and none", VERSIONS[version])

    result = ask(stapling_pki, server.port, versions=(version,))

    assert must_staple(only(result).statuses, 0) is MustStaple.BROKEN
    assert (result.verdict, result.exit_code) == (Verdict.UNTRUSTED, 3)


def test_a_version_that_openssl_does_not_speak_is_told(
    stapling_pki: StaplingPKI, stapled: Stapled
) -> None:
    server = stapled("good", ssl.TLSVersion.TLSv1_2)

    tls12, tls13 = ask(stapling_pki, server.port, is_compared=False).handshakes

    assert tls12.verdict is Verdict.GOOD
    assert "protocol version" in str(tls13.observation.failure)


# --- the others, each over both versions ------------------------------------------------------------


def staple_for_ca(pki: StaplingPKI) -> bytes:
    """Answer good of the CA, with the root in it: GnuTLS 3.7 looks for it nowhere else."""
    cert_id = CertID.for_certificate(pki.ca.certificate, pki.root.certificate, HashAlgorithm.SHA1)
    honest = Forge.honest(pki.root, pki.ca.certificate.serial_number, pki.root.issued)
    return honest.but(cert_ids=(cert_id,), now=pki.now, certs=(pki.root.certificate.der,)).der


Started = Callable[[str], Serving]


@pytest.fixture(scope="module")
def start(
    stapling_pki: StaplingPKI,
    interop_command: Find,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Started]:
    """Give the function that starts a stapling server, each once."""
    servers = {"nginx": nginx, "haproxy": haproxy, "gnutls-serv": gnutls_serv}
    for_leaf = stapling_pki.honest().der
    staples = {"gnutls-serv": (for_leaf, staple_for_ca(stapling_pki))}
    served: dict[str, Serving] = {}
    with ExitStack() as running:

        def once(name: str) -> Serving:
            if name not in served:
                directory = tmp_path_factory.mktemp(name)
                stapling_pki.write(directory)
                given = staples.get(name, (for_leaf,))
                server = servers[name](interop_command, directory, *given)
                served[name] = running.enter_context(server)
            return served[name]

        yield once


@pytest.mark.parametrize("name", ["nginx", "haproxy", "gnutls-serv"])
@pytest.mark.rule("T1", "T3", "T5")
def test_the_staple_of_a_server_is_judged_over_both_versions(
    stapling_pki: StaplingPKI, start: Started, name: str
) -> None:
    result = ask(stapling_pki, start(name).port)

    tls12, tls13 = result.handshakes
    assert [one.observation.failure for one in result.handshakes] == [None, None]
    assert [one.verdict for one in result.handshakes] == [Verdict.GOOD] * 2
    assert [one.failures for one in result.handshakes] == [(), ()]
    assert (tls12.is_promised, tls13.is_promised) == (True, None)
    assert tls12.statuses[0].staple == tls13.statuses[0].staple
    assert result.comparisons[0].agreement is Agreement.SAME
    assert result.verdict is Verdict.GOOD


@pytest.mark.rule("T5")
def test_gnutls_staples_for_the_whole_chain_over_tls13(
    stapling_pki: StaplingPKI, start: Started
) -> None:
    tls12, tls13 = ask(stapling_pki, start("gnutls-serv").port, is_compared=False).handshakes

    assert [one.report is not None for one in tls12.statuses] == [True, False]
    reports = [one.report for one in tls13.statuses]
    assert [one and one.verdict for one in reports] == [Verdict.GOOD] * 2


@pytest.mark.parametrize("name", ["nginx", "haproxy", "gnutls-serv"])
@pytest.mark.rule("T9")
def test_servers_that_know_no_v2_answer_the_older_question(
    stapling_pki: StaplingPKI, start: Started, name: str
) -> None:
    result = ask(stapling_pki, start(name).port, versions=(TLS12,), uses_v2=True, is_compared=False)

    _, v2 = result.handshakes
    assert v2.asked == ("status_request", "status_request_v2")
    assert v2.failures == ()
    assert [one.report is not None for one in v2.statuses] == [True, False]
    assert result.verdict is Verdict.GOOD
