"""Our client of SCVP against our server, over sockets: what one says the other believes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from certstatus.delegated import (
    DelegatedResult,
    DelegatedVerdict,
    Profile,
    ReplyPolicy,
    SCVPClient,
    ServerTrust,
    Wishes,
)
from certstatus.pkix import Certificate
from certstatus.scvp import RevocationInfo
from certstatus.sources import StatusDatabase
from certstatus.testing import Issued
from tests.cli.conftest import Run, run
from tests.responding import Responding
from tests.scvp_site import OCSP, SCVP, Site, build_site, post

__all__ = ["run"]

SERVER = "[server]\nport = 0\nadmin_port = 0\nworkers = 2\n"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose books are a database."""
    site = build_site(tmp_path_factory.mktemp("scvp") / "lab")
    with StatusDatabase.create(site.folder / "certstatus.db") as books:
        issuer = books.add_issuer(site.lab.ca.certificate, actor="test", now=NOW)
        for issued in (site.lab.good, site.lab.revoked):
            books.add(issuer, issued.certificate.serial_number, actor="test", now=NOW)
    source = OCSP.replace('index = "index.txt"', 'database = "certstatus.db"')
    site.configure(SERVER + SCVP + source)
    return site


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Responding]:
    with Responding(["--config", "certstatus.toml"], site.folder) as one:
        yield one


Ask = Callable[..., DelegatedResult]


@pytest.fixture
def ask(site: Site, served: Responding) -> Ask:
    policy = ReplyPolicy(trust=ServerTrust(pinned=(site.server.certificate,)))
    client = SCVPClient(url=f"{served.url}scvp", policy=policy)

    def check(*issued: Issued, **wishes: object) -> DelegatedResult:
        certificates: tuple[Certificate, ...] = tuple(one.certificate for one in issued)
        return client.check(certificates, Wishes(**wishes))  # type: ignore[arg-type]

    return check


@pytest.mark.rule("S24")
def test_a_leaf_is_good_until_the_books_revoke_it_and_every_worker_says_so(
    ask: Ask, site: Site, run: Run
) -> None:
    leaf, books = site.lab.ca.issue_server("books.example"), site.folder / "certstatus.db"
    site.write("books", leaf)
    imported = run("db", "import", site.folder / "books.pem", "--database", books)
    before = [ask(leaf).verdict for _ in range(4)]

    revoking = run("db", "revoke", site.folder / "books.pem", "--database", books)
    after = [ask(leaf).verdict for _ in range(4)]

    assert (imported.exit_code, revoking.exit_code) == (0, 0), revoking.stderr
    assert before == [DelegatedVerdict.GOOD] * 4
    assert after == [DelegatedVerdict.REVOKED] * 4


def test_proof_is_given_though_the_books_alone_would_do(ask: Ask, site: Site) -> None:
    crl = RevocationInfo.crl(site.lab.crl.read_bytes())

    result = ask(site.lab.good, profile=Profile.PROOF, rev_infos=(crl,))

    assert result.verdict is DelegatedVerdict.GOOD
    assert result.report is not None
    assert result.report.response is not None
    (reply,) = result.report.response.reply_objects
    assert len(reply.reply_want_backs) == len(Profile.PROOF.want_backs) > 1


def test_the_policies_of_the_server_are_told_and_believed(site: Site, served: Responding) -> None:
    policy = ReplyPolicy(trust=ServerTrust(pinned=(site.server.certificate,)))

    told = SCVPClient(url=f"{served.url}scvp", policy=policy).policies()

    assert told.report is not None
    assert told.report.policies is not None
    (oid,) = told.report.policies.validation_policies
    assert oid.dotted_string == "1.3.6.1.5.5.7.19.1"


def test_another_signer_than_the_client_trusts_is_not_believed(
    site: Site, served: Responding
) -> None:
    policy = ReplyPolicy(trust=ServerTrust(pinned=(site.lab.responder.certificate,)))
    client = SCVPClient(url=f"{served.url}scvp", policy=policy)

    assert client.check((site.lab.good.certificate,)).verdict is DelegatedVerdict.UNTRUSTED


def test_what_is_no_request_is_told_so_counted_and_logged(site: Site, served: Responding) -> None:
    assert site.config.exists()
    answer = post(f"{served.url}scvp", b"nothing of the kind")
    healthy = httpx2.get(f"{served.admin_url}healthz", trust_env=False, timeout=20)

    line = served.wait_for("request")
    while line.get("scvp") != "unknown":
        line = served.wait_for("request")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/scvp-cv-response"
    assert (line["lane"], line["cvStatus"]) == ("scvp", "unableToDecode")
    assert json.loads(healthy.text)["scvp"]["configurationID"] == 1


def test_the_command_asks_the_server_and_says_good(
    site: Site, served: Responding, run: Run, tmp_path: Path
) -> None:
    trust = tmp_path / "scvp.pem"
    trust.write_bytes(site.server.certificate_pem)
    leaf = site.folder / "revoked.pem"

    result = run("scvp", "check", leaf, "--url", f"{served.url}scvp", "--trust", trust)

    assert result.exit_code == 0, result.output
    assert "good" in result.stdout
