"""From a configuration to what is served: each setting is seen in an answer, each fault is named."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from certstatus.asn1 import oids
from certstatus.errors import CertStatusError, ConfigError, SignerError, SourceError
from certstatus.limits_signers import MAX_SIGNING_THREADS
from certstatus.ocsp import (
    ArchiveCutoff,
    BasicOCSPResponse,
    ByKey,
    ByName,
    CertID,
    CertStatus,
    CrlID,
    ExtendedRevoke,
    Extensions,
    Good,
    InvalidityDate,
    Nonce,
    ReasonCode,
    Revoked,
    Signature,
    Unknown,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_response,
)
from certstatus.pkix import CRLReason, GeneralName, HashAlgorithm
from certstatus.responder.exchange import HTTPReply, HTTPRequest
from certstatus.server.assembly import OCSPService
from certstatus.server.config import Config, parse_config
from certstatus.server.log import make_logger
from certstatus.server.worker import Tools
from certstatus.sources import StatusDatabase, parse_index
from certstatus.sources.database import Revocation
from certstatus.testing import (
    FixedClock,
    Issued,
    Lab,
    TinyCA,
    build_lab,
    plain_algorithm,
    sign_plain,
)
from certstatus.testing.ca import key_usage
from tests import der as hand
from tests.books import Entry, issued_by, scope, write_index
from tests.books import crl as any_crl
from tests.serving import Counts
from tests.trees import tree

NOW = FixedClock().moment
DAY = timedelta(days=1)
TYPE = ((b"content-type", b"application/ocsp-request"),)
PSS = "id-RSASSA-PSS with sha256"
CLIENTS = TinyCA("Clients CA")
CLIENT = CLIENTS.issue("client", usage=key_usage("digital_signature"))
PATIENCE = 20.0
"""Seconds until a test that waits for what never happens fails."""
Table = dict[str, Any]
KEPT = NOW - 400 * DAY
SINCE = InvalidityDate(NOW - 3 * DAY)
URL = "http://ca.example/ca.crl"


@dataclass
class Assembled:
    """A service over a table that a test may change, with its clock, counts and log."""

    table: Table
    base: Path
    clock: FixedClock = field(default_factory=FixedClock)
    counts: Counts = field(default_factory=Counts)
    written: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        log = make_logger(self.written, as_json=True)
        tools = Tools(clock=self.clock, meter=self.counts, log=log, index=0)
        self.service = OCSPService(
            lambda: parse_config(self.table, file="certstatus.toml", base=self.base), tools
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    def post(self, der: bytes) -> bytes:
        """Ask over the face, as HTTP would."""
        return self.exchange(HTTPRequest(b"POST", b"/", TYPE, der)).body

    def exchange(self, request: HTTPRequest) -> HTTPReply:
        return asyncio.run(self._answer(request))

    async def _answer(self, request: HTTPRequest) -> HTTPReply:
        reply = self.service.face.reply(request, self.clock.now())
        return reply if isinstance(reply, HTTPReply) else await reply

    def status(self, der: bytes) -> str:
        return parse_response(self.post(der)).response_status.label

    def basic(self, *asked: CertID, nonce: Nonce | None = None) -> BasicOCSPResponse:
        extensions = Extensions() if nonce is None else Extensions.of(nonce)
        response = parse_response(self.post(encode_request(asked, request_extensions=extensions)))
        assert response.basic is not None, response.response_status
        return response.basic

    def say(self, asked: CertID) -> CertStatus:
        (single,) = self.basic(asked).tbs_response_data.responses
        return single.cert_status

    def health(self) -> dict[str, str | None]:
        async def look() -> dict[str, str | None]:
            return {name: await check() for name, check in self.service.checks.items()}

        return asyncio.run(look())

    def reload(self) -> None:
        asyncio.run(self.service.reload())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("assembly") / "lab", now=NOW)


@pytest.fixture(scope="module")
def rsa_lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("assembly-rsa")
    return build_lab(folder / "lab", now=NOW, name="Other CA", responder_kind="rsa2048")


@pytest.fixture
def lab(shared: Lab, tmp_path: Path) -> Iterator[Lab]:
    """Lend the lab; what a test writes goes to ``tmp_path``."""
    before = {file.name: file.read_bytes() for file in shared.directory.iterdir()}
    yield shared
    assert {file.name: file.read_bytes() for file in shared.directory.iterdir()} == before


def of(lab: Lab, **more: Any) -> Table:
    """Write the table of a lab's CA: delegated signer, index; ``more`` replaces or adds."""
    return {
        "certificate": str(lab.ca_certificate),
        "signer": [{"certificate": str(lab.responder_certificate), "key": str(lab.responder_key)}],
        "source": [{"index": str(lab.index)}],
    } | more


Assemble = Callable[..., Assembled]


@pytest.fixture
def assemble(tmp_path: Path) -> Iterator[Assemble]:
    """Assemble authorities into a service; all are closed at the end."""
    made: list[Assembled] = []

    def make(*authorities: Table, **tables: Table) -> Assembled:
        made.append(Assembled({"authority": list(authorities), **tables}, tmp_path))
        return made[-1]

    yield make
    for one in made:
        asyncio.run(one.service.close())


def named(lab: Lab, issued: Issued, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> CertID:
    return CertID.of(lab.ca.certificate, issued.certificate.serial_number, algorithm)


# --- authorities and signers ------------------------------------------------------------------


@pytest.mark.rule("O1", "O12")
def test_each_authority_answers_for_its_own_ca(assemble: Assemble, lab: Lab, rsa_lab: Lab) -> None:
    both = assemble(of(lab), of(rsa_lab))

    assert both.say(named(lab, lab.good)) == Good()
    assert isinstance(both.say(named(rsa_lab, rsa_lab.revoked)), Revoked)
    assert both.say(named(lab, lab.never_issued)) == Unknown()
    assert set(both.health().values()) == {None}
    assert len(both.health()) == 2


@pytest.mark.rule("O15", "O22")
def test_a_request_across_authorities_needs_a_signer_of_both(
    assemble: Assemble, lab: Lab, rsa_lab: Lab
) -> None:
    both = assemble(of(lab), of(rsa_lab))
    across = encode_request([named(lab, lab.good), named(rsa_lab, rsa_lab.good)])

    assert both.status(across) == "unauthorized"


def test_two_authorities_for_one_ca_are_refused(assemble: Assemble, lab: Lab) -> None:
    with pytest.raises(ConfigError, match="are the same CA"):
        assemble(of(lab), of(lab, name="again"))


@pytest.mark.rule("O29")
def test_the_algorithm_of_a_signer_is_the_one_that_is_named(
    assemble: Assemble, rsa_lab: Lab
) -> None:
    pair = {
        "certificate": str(rsa_lab.responder_certificate),
        "key": str(rsa_lab.responder_key),
    }
    pss = assemble(of(rsa_lab, signer=[{**pair, "algorithm": PSS}]))
    usual = assemble(of(rsa_lab, signer=[pair]))
    wanted = named(rsa_lab, rsa_lab.good)

    assert str(pss.basic(wanted).signature_algorithm) == "id-RSASSA-PSS"
    assert str(usual.basic(wanted).signature_algorithm) == "sha256WithRSAEncryption"
    assert pss.counts.seen[("sign_seconds", PSS)] == 1


def test_a_slow_key_signs_in_threads_that_end_with_the_service(
    assemble: Assemble, lab: Lab, rsa_lab: Lab
) -> None:
    def at_work() -> int:
        return sum(one.name.startswith("certstatus-signing") for one in threading.enumerate())

    quick, slow = assemble(of(lab)), assemble(of(rsa_lab))
    assert quick.say(named(lab, lab.good)) == Good()
    assert at_work() == 0
    for number in range(1, 2 * MAX_SIGNING_THREADS):
        slow.basic(CertID.of(rsa_lab.ca.certificate, number))
    slow.reload()
    assert slow.say(named(rsa_lab, rsa_lab.good)) == Good()
    assert 1 <= at_work() <= MAX_SIGNING_THREADS

    asyncio.run(slow.service.close())

    assert at_work() == 0


def test_an_algorithm_that_the_key_has_not_is_named_with_those_it_has(
    assemble: Assemble, lab: Lab
) -> None:
    (pair,) = of(lab)["signer"]

    with pytest.raises(SignerError, match=r"can't sign with .*PSS.*; it can with ecdsa"):
        assemble(of(lab, signer=[{**pair, "algorithm": PSS}]))


@pytest.mark.rule("O18", "O22")
def test_a_ca_that_signs_itself_sends_no_certificate(assemble: Assemble, lab: Lab) -> None:
    own = {"certificate": str(lab.ca_certificate), "key": str(lab.ca_key)}
    direct = assemble(of(lab, signer=[own])).basic(named(lab, lab.good))
    delegated = assemble(of(lab)).basic(named(lab, lab.good))

    assert direct.certs == ()
    assert direct.tbs_response_data.responder_id == ByKey.of(lab.ca.certificate)
    assert delegated.certs == (lab.responder.certificate.der,)


def test_a_pkcs12_file_holds_key_and_certificate(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    data = pkcs12.serialize_key_and_certificates(
        b"responder",
        lab.responder.key,  # type: ignore[arg-type]  # its stub knows no ML-DSA
        lab.responder.certificate.parsed,
        None,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "signer.p12").write_bytes(data)
    (tmp_path / "password").write_text("secret\n")
    signer = {"pkcs12": "signer.p12", "password_file": "password"}

    assert assemble(of(lab, signer=[signer])).say(named(lab, lab.good)) == Good()


def test_an_encrypted_key_opens_with_its_password_and_no_other(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "locked.key").write_bytes(lab.responder.key_pem(b"secret"))
    (tmp_path / "right").write_text("secret\n")
    (tmp_path / "wrong").write_text("guess\n")
    signer = {"certificate": str(lab.responder_certificate), "key": "locked.key"}
    right = of(lab, signer=[{**signer, "password_file": "right"}])
    wrong = of(lab, signer=[{**signer, "password_file": "wrong"}])

    assert assemble(right).say(named(lab, lab.good)) == Good()
    with pytest.raises(SignerError, match=r"locked\.key: the password is wrong") as refused:
        assemble(wrong)
    assert "guess" not in str(refused.value)


@pytest.mark.rule("O31")
def test_what_the_ca_signs_its_crl_with_goes_before_the_default(
    assemble: Assemble, rsa_lab: Lab
) -> None:
    both = [
        {"certificate": str(rsa_lab.responder_certificate), "key": str(rsa_lab.responder_key)},
        {"certificate": str(rsa_lab.ca_certificate), "key": str(rsa_lab.ca_key)},
    ]
    by_index = assemble(of(rsa_lab, signer=both))
    by_crl = assemble(of(rsa_lab, signer=both, source=[{"crl": str(rsa_lab.crl)}]))
    wanted = named(rsa_lab, rsa_lab.revoked)

    assert str(by_index.basic(wanted).signature_algorithm) == "sha256WithRSAEncryption"
    assert str(by_crl.basic(wanted).signature_algorithm) == "ecdsa-with-SHA256"


UNFIT: dict[str, Callable[[TinyCA], Issued]] = {
    "O22": lambda ca: ca.issue_server(),
    "O23": lambda ca: TinyCA(ca.common_name).issue_responder(),
    "O25": lambda ca: ca.issue_responder(not_after=NOW - timedelta(seconds=1)),
}


@pytest.mark.rule("O22", "O23", "O25")
@pytest.mark.parametrize("rule", UNFIT)
def test_a_signer_that_clients_would_refuse_does_not_start(
    assemble: Assemble, lab: Lab, tmp_path: Path, rule: str
) -> None:
    issued = UNFIT[rule](lab.ca)
    (tmp_path / "unfit.pem").write_bytes(issued.certificate_pem)
    (tmp_path / "unfit.key").write_bytes(issued.key_pem())

    with pytest.raises(SignerError, match=rf"\[{rule}\]"):
        assemble(of(lab, signer=[{"certificate": "unfit.pem", "key": "unfit.key"}]))


def test_health_and_metrics_tell_how_long_each_signer_lasts(
    assemble: Assemble, lab: Lab, rsa_lab: Lab
) -> None:
    both = assemble(of(lab, name="One"), of(rsa_lab, name="Two"))
    found = both.service.details["signers"]
    assert isinstance(found, list)

    assert [(one["authority"], one["inForce"]) for one in found] == [("One", True), ("Two", True)]
    assert found[0]["serial"] == f"{lab.responder.certificate.serial_number:x}"
    levels = both.counts.levels["signer_days_left"]()
    assert levels == {(one["authority"], one["serial"]): one["daysLeft"] for one in found}
    assert set(levels.values()) == {29.95}


@pytest.mark.rule("O22", "O23")
def test_one_shared_key_signs_for_several_configured_cas(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    other = TinyCA("Third CA")
    shared = other.issue_responder("shared", key=lab.responder.key)
    leaf = other.issue_server()
    for name, issued in (("other", other.issued), ("shared", shared)):
        (tmp_path / f"{name}.pem").write_bytes(issued.certificate_pem)
    write_index(tmp_path / "other.txt")
    third = {
        "certificate": "other.pem",
        "signer": [{"certificate": "shared.pem", "key": str(lab.responder_key)}],
        "source": [{"index": "other.txt"}],
    }
    both = assemble(of(lab), third)
    wanted = CertID.of(other.certificate, leaf.certificate.serial_number)

    found = both.basic(named(lab, lab.good), wanted)

    assert found.certs == (lab.responder.certificate.der, shared.certificate.der)
    statuses = [one.cert_status for one in found.tbs_response_data.responses]
    assert statuses == [Good(), Unknown()]


# --- sources ----------------------------------------------------------------------------------


@pytest.fixture
def database(lab: Lab, tmp_path: Path) -> Path:
    """List good, and good alone."""
    path = tmp_path / "status.db"
    with StatusDatabase.create(path) as books:
        issuer = books.add_issuer(lab.ca.certificate, actor="test", now=NOW)
        books.add(issuer, lab.good.certificate.serial_number, actor="test", now=NOW)
    return path


def test_a_database_is_asked_each_time(assemble: Assemble, lab: Lab, database: Path) -> None:
    assembled = assemble(of(lab, source=[{"database": database.name}]))
    before = assembled.say(named(lab, lab.good))
    with StatusDatabase(database) as books:
        issuer = books.issuer(lab.ca.certificate)
        assert issuer is not None
        serial = lab.good.certificate.serial_number
        told = Revocation(revocation_time=NOW - DAY, reason=CRLReason.SUPERSEDED)
        books.revoke(issuer, serial, told, actor="test", now=NOW)

    assert before == Good()
    assert assembled.say(named(lab, lab.good)) == Revoked(NOW - DAY, CRLReason.SUPERSEDED)


@pytest.mark.rule("C9", "C10")
def test_a_crl_says_revoked_and_leaves_the_rest_to_unlisted(assemble: Assemble, lab: Lab) -> None:
    source = [{"crl": str(lab.crl)}]
    careful = assemble(of(lab, source=source))
    opened = assemble(of(lab, source=source, unlisted="good"))

    assert isinstance(careful.say(named(lab, lab.revoked)), Revoked)
    assert careful.say(named(lab, lab.good)) == Unknown()
    assert opened.say(named(lab, lab.good)) == Good()


@pytest.mark.rule("C9")
def test_a_crl_past_its_end_is_try_later_and_never_good(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, source=[{"crl": str(lab.crl)}], unlisted="good"))
    assembled.clock.advance(8 * DAY)

    assert assembled.status(encode_request([named(lab, lab.good)])) == "tryLater"


def shard(ca: TinyCA, limit: tuple[x509.ExtensionType, bool], *entries: Entry) -> bytes:
    return any_crl(
        ca,
        *entries,
        this_update=NOW - DAY,
        next_update=NOW + DAY,
        revocation_date=NOW - 2 * DAY,
        extensions=[limit],
    )


@pytest.mark.rule("C4", "C5", "C7")
def test_crls_of_others_and_of_partitions_are_joined_from_a_folder(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    shards = ["http://ca.example/1.crl", "http://ca.example/2.crl"]
    signer = TinyCA("CRL issuer", parent=lab.ca)
    folder = tmp_path / "crls"
    folder.mkdir()
    (tmp_path / "crl-issuer.pem").write_bytes(signer.issued.certificate_pem)
    (folder / "1.crl").write_bytes(shard(lab.ca, scope(full_name=shards[0])))
    table = {"crl": "crls", "crl_issuers": ["crl-issuer.pem"], "partitions": shards}
    assembled = assemble(of(lab, source=[table], unlisted="good"))
    assert assembled.status(encode_request([named(lab, lab.good)])) == "tryLater"

    lost = lab.revoked.certificate.serial_number, [issued_by(lab.ca)]
    limited = scope(full_name=shards[1], indirect_crl=True)
    (folder / "2.crl").write_bytes(shard(signer, limited, lost))
    assembled.clock.advance(timedelta(seconds=1))
    assert assembled.say(named(lab, lab.good)) == Good()
    assert isinstance(assembled.say(named(lab, lab.revoked)), Revoked)


@pytest.mark.rule("C4", "C5")
@pytest.mark.parametrize("unlisted", ["good", "extended-revoke", "unknown"])
def test_what_crls_leave_out_is_unknown_where_it_may_be_and_never_good(
    assemble: Assemble, lab: Lab, tmp_path: Path, unlisted: str
) -> None:
    (tmp_path / "cas.crl").write_bytes(shard(lab.ca, scope(only_contains_ca_certs=True)))
    partial = {"crl": "cas.crl", "left_out": "unknown"}
    index = {"index": str(lab.index)}
    alone, above, below = (
        assemble(of(lab, source=source, unlisted=unlisted))
        for source in ([partial], [partial, index], [index, partial])
    )

    assert alone.say(named(lab, lab.good)) == Unknown()
    assert above.say(named(lab, lab.good)) == Unknown()
    assert isinstance(above.say(named(lab, lab.revoked)), Revoked)
    assert below.say(named(lab, lab.good)) == Good()


@pytest.mark.rule("O26", "O27", "O28", "C14", "B5")
@pytest.mark.parametrize(
    ("policy", "archive", "extensions"),
    [
        ({}, None, []),
        ({"entry_extensions": "cabf"}, None, [SINCE]),
        ({"entry_extensions": "rfc"}, None, [ReasonCode(CRLReason.KEY_COMPROMISE), SINCE]),
        ({"crl_id": True}, None, [CrlID(None, 7, NOW - DAY)]),
        ({"crl_id": True, "crl_url": URL}, None, [CrlID(URL, 7, NOW - DAY)]),
        ({"archive_cutoff": True}, None, [ArchiveCutoff(KEPT)]),
        ({"archive_cutoff": True}, "365d", [ArchiveCutoff(KEPT)]),
        ({}, "365d", [ArchiveCutoff(NOW - 365 * DAY)]),
    ],
)
def test_a_crl_brings_the_extensions_that_are_asked_for(
    assemble: Assemble,
    lab: Lab,
    tmp_path: Path,
    *,
    policy: Table,
    archive: str | None,
    extensions: list[Any],
) -> None:
    lost = lab.revoked.certificate.serial_number
    why = (x509.CRLReason(x509.ReasonFlags.key_compromise), False)
    since = (x509.InvalidityDate(SINCE.invalidity_date.replace(tzinfo=None)), False)
    kept = x509.UnrecognizedExtension(
        oids.ID_CE_EXPIRED_CERTS_ON_CRL, hand.generalized_time(f"{KEPT:%Y%m%d%H%M%SZ}")
    )
    data = any_crl(
        lab.ca,
        (lost, [why, since]),
        number=7,
        this_update=NOW - DAY,
        next_update=NOW + DAY,
        revocation_date=NOW - 2 * DAY,
        extensions=[(kept, False)],
    )
    (tmp_path / "ca.crl").write_bytes(data)
    table = of(lab, source=[{"crl": "ca.crl", **policy}])
    assembled = assemble(table if archive is None else table | {"archive": archive})

    (single,) = assembled.basic(named(lab, lab.revoked)).tbs_response_data.responses

    assert single.cert_status == Revoked(NOW - 2 * DAY, CRLReason.KEY_COMPROMISE)
    assert list(single.single_extensions) == list(Extensions.of(*extensions))


@pytest.mark.rule("K3", "K8", "C10")
def test_a_tree_says_revoked_until_its_end_to_whoever_trusts_its_signer(
    assemble: Assemble, lab: Lab, rsa_lab: Lab, tmp_path: Path
) -> None:
    books = parse_index(lab.index.read_bytes())
    revoked = [one.serial_number for one in books if one.revocation is not None]
    (tmp_path / "ca.tree").write_bytes(tree(lab.ca, *revoked, next_update=NOW + DAY))
    (tmp_path / "trees.tree").write_bytes(tree(lab.ca, *revoked, signer=rsa_lab.ca.issued))
    trusting = {"crt": "trees.tree", "crt_signers": [str(rsa_lab.ca_certificate)]}

    for source in ({"crt": "ca.tree"}, trusting):
        assembled = assemble(of(lab, source=[source], unlisted="good"))
        assert isinstance(assembled.say(named(lab, lab.revoked)), Revoked)
        assert assembled.say(named(lab, lab.good)) == Good()
        assembled.clock.advance(2 * DAY)
        assert assembled.status(encode_request([named(lab, lab.good)])) == "tryLater"
    with pytest.raises(ConfigError, match="is not to be believed: signature"):
        assemble(of(lab, source=[{"crt": "trees.tree"}]))


def test_of_a_stack_the_first_decides_and_a_contradiction_is_counted(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    crl = lab.ca.crl(
        [(lab.good.certificate.serial_number, NOW - DAY, CRLReason.KEY_COMPROMISE)],
        this_update=NOW - DAY,
    )
    (tmp_path / "late.crl").write_bytes(crl)
    stack = [{"index": str(lab.index)}, {"crl": "late.crl"}]
    assembled = assemble(of(lab, name="Lab", source=stack))

    assert assembled.say(named(lab, lab.good)) == Good()
    assert assembled.counts.seen[("source_disagreements", "Lab")] == 1
    other_order = assemble(of(lab, source=stack[::-1]))
    assert isinstance(other_order.say(named(lab, lab.good)), Revoked)


@pytest.mark.rule("B5")
@pytest.mark.parametrize("kind", ["database", "index", "crl"])
def test_entry_extensions_are_repeated_where_asked_for(
    assemble: Assemble, lab: Lab, database: Path, kind: str
) -> None:
    with StatusDatabase(database) as books:
        issuer = books.add_issuer(lab.ca.certificate, actor="test", now=NOW)
        serial = lab.revoked.certificate.serial_number
        books.add(issuer, serial, actor="test", now=NOW)
        told = Revocation(reason=CRLReason.KEY_COMPROMISE)
        books.revoke(issuer, serial, told, actor="test", now=NOW)
    file = {"database": database, "index": lab.index, "crl": lab.crl}[kind]
    for profile, expected in (("rfc", ReasonCode(CRLReason.KEY_COMPROMISE)), ("none", None)):
        source = [{kind: str(file), "entry_extensions": profile}]
        basic = assemble(of(lab, source=source)).basic(named(lab, lab.revoked))
        (single,) = basic.tbs_response_data.responses
        assert single.single_extensions.get(ReasonCode) == expected


# --- policy reaches the answers ---------------------------------------------------------------


@pytest.mark.rule("O12", "O13")
@pytest.mark.parametrize("mode", ["unknown", "good", "extended-revoke", "unauthorized"])
def test_unlisted_serials_are_answered_as_configured(
    assemble: Assemble, lab: Lab, mode: str
) -> None:
    assembled = assemble(of(lab, unlisted=mode))
    wanted = named(lab, lab.never_issued)
    if mode == "unauthorized":
        assert assembled.status(encode_request([wanted])) == mode
        return
    data = assembled.basic(wanted).tbs_response_data
    expected = {"unknown": Unknown, "good": Good, "extended-revoke": Revoked}[mode]

    assert isinstance(data.responses[0].cert_status, expected)
    assert data.response_extensions.has(ExtendedRevoke) == (mode == "extended-revoke")


@pytest.mark.rule("N3")
@pytest.mark.parametrize("mode", ["echo", "ignore", "require"])
def test_a_nonce_is_treated_as_configured(assemble: Assemble, lab: Lab, mode: str) -> None:
    assembled = assemble(of(lab, nonce=mode))
    wanted = named(lab, lab.good)
    nonce = Nonce(bytes(range(32)))
    echoed = assembled.basic(wanted, nonce=nonce).tbs_response_data.nonce

    assert (None if echoed is None else echoed.octets) == (
        None if mode == "ignore" else nonce.octets
    )
    without = assembled.status(encode_request([wanted]))
    assert without == ("malformedRequest" if mode == "require" else "successful")


@pytest.mark.rule("O19")
def test_validity_and_backdate_set_both_ends_of_an_answer(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, validity="12h", backdate="1m"))
    (single,) = assembled.basic(named(lab, lab.good)).tbs_response_data.responses

    assert single.this_update == NOW - timedelta(minutes=1)
    assert single.next_update is not None
    assert timedelta(hours=12) - (single.next_update - single.this_update) <= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "again"), [(timedelta(hours=1), True), (timedelta(hours=2), False)]
)
def test_an_answer_is_given_again_until_it_is_to_be_refreshed(
    assemble: Assemble, lab: Lab, age: timedelta, again: bool
) -> None:
    assembled = assemble(of(lab, refresh="90m"))
    first = assembled.post(encode_request([named(lab, lab.good)]))
    assembled.clock.advance(age)

    assert (assembled.post(encode_request([named(lab, lab.good)])) == first) is again


@pytest.mark.rule("O27")
@pytest.mark.parametrize("archive", ["365d", "ca-start"])
def test_an_archive_is_told_by_its_cutoff(assemble: Assemble, lab: Lab, archive: str) -> None:
    (single,) = (
        assemble(of(lab, archive=archive)).basic(named(lab, lab.good)).tbs_response_data.responses
    )
    cutoff = single.single_extensions.get(ArchiveCutoff)

    start = lab.ca.certificate.not_before if archive == "ca-start" else NOW - 365 * DAY
    assert cutoff == ArchiveCutoff(start)


@pytest.mark.rule("O14")
def test_a_ca_marked_as_compromised_has_no_good_certificate(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, compromised_since=NOW - DAY))

    for issued in (lab.good, lab.never_issued):
        assert assembled.say(named(lab, issued)) == Revoked(NOW - DAY, CRLReason.CA_COMPROMISE)


@pytest.mark.rule("L3")
def test_dual_hash_answers_under_both_hashes(assemble: Assemble, lab: Lab) -> None:
    asked = named(lab, lab.good, HashAlgorithm.SHA1)
    singles = assemble(of(lab, dual_hash=True)).basic(asked).tbs_response_data.responses

    assert [one.cert_id.hash for one in singles] == [HashAlgorithm.SHA1, HashAlgorithm.SHA256]
    assert {one.cert_id.serial_number for one in singles} == {asked.serial_number}


@pytest.mark.rule("L5", "L6")
def test_the_lightweight_profile_refuses_unlisted_serials(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, profile="rfc9919"))

    assert assembled.status(encode_request([named(lab, lab.never_issued)])) == "unauthorized"
    with pytest.raises(ConfigError, match="L5"):
        assemble(of(lab, profile="rfc9919", responder_id="by-name"))


@pytest.mark.rule("O16")
def test_a_responder_names_itself_as_configured(assemble: Assemble, lab: Lab) -> None:
    by_name = assemble(of(lab, responder_id="by-name")).basic(named(lab, lab.good))

    assert by_name.tbs_response_data.responder_id == ByName(lab.responder.certificate.subject)


@pytest.mark.rule("L13")
def test_path_caching_and_size_are_those_of_the_server_table(assemble: Assemble, lab: Lab) -> None:
    server = {"path": "/ocsp", "max_age": "10m", "max_request_bytes": 200}
    assembled = assemble(of(lab), server=server)
    der = encode_request([named(lab, lab.good)])

    reply = assembled.exchange(HTTPRequest(b"POST", b"/ocsp", TYPE, der))
    assert b"max-age=600" in dict(reply.headers)[b"cache-control"]
    assert assembled.exchange(HTTPRequest(b"POST", b"/other", TYPE, der)).status == 404
    assert assembled.exchange(HTTPRequest(b"POST", b"/ocsp", TYPE, bytes(201))).status == 413


# --- who may ask ------------------------------------------------------------------------------


def signed(lab: Lab, by: Issued) -> bytes:
    name = GeneralName.directory_name(by.certificate.subject)
    tbs = encode_tbs_request([named(lab, lab.good)], requestor_name=name)
    signature = Signature(plain_algorithm(by.key), sign_plain(by.key, tbs), (by.certificate.der,))
    return encode_signed_request(tbs, signature)


@pytest.mark.rule("O5", "L2")
@pytest.mark.parametrize("trust", ["anchors", "requestors"])
def test_signed_requests_are_believed_by_anchor_or_by_list(
    assemble: Assemble, lab: Lab, tmp_path: Path, trust: str
) -> None:
    believed = CLIENTS.issued if trust == "anchors" else CLIENT
    (tmp_path / "believed.pem").write_bytes(believed.certificate_pem)
    stranger = TinyCA("Elsewhere").issue("stranger", usage=key_usage("digital_signature"))
    assembled = assemble(of(lab), requests={"signatures": "require", trust: ["believed.pem"]})

    assert assembled.status(signed(lab, CLIENT)) == "successful"
    assert assembled.status(signed(lab, stranger)) == "unauthorized"
    assert assembled.status(encode_request([named(lab, lab.good)])) == "sigRequired"


def test_more_certificates_than_allowed_are_refused(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab), requests={"max_certificates": 1})
    two = encode_request([named(lab, lab.good), named(lab, lab.revoked)])

    assert assembled.status(two) == "unauthorized"


# --- health -----------------------------------------------------------------------------------


def test_an_authority_whose_source_cannot_answer_is_not_ready(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, name="Lab", source=[{"crl": str(lab.crl)}]))
    before = assembled.health()
    assembled.clock.advance(8 * DAY)

    assert before == {"Lab": None}
    assert "crl" in str(assembled.health()["Lab"]).lower()


@pytest.mark.rule("O25")
def test_an_authority_without_a_signer_in_force_is_not_ready(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, name="Lab"))
    assembled.clock.advance(31 * DAY)

    assert assembled.health() == {"Lab": "no signer's certificate is valid now"}
    refused = assembled.status(encode_request([named(lab, lab.good)]))
    assert refused in {"internalError", "tryLater"}


def test_a_signer_about_to_end_is_warned_of(assemble: Assemble, lab: Lab) -> None:
    assembled = assemble(of(lab, validity="60d"))

    warnings = [event for event in assembled.events if event["event"] == "signer"]
    assert [event["level"] for event in warnings] == ["warning"]
    assert str(lab.responder.certificate) == warnings[0]["certificate"]


def test_what_the_sources_raise_is_logged_and_answered_try_later(
    assemble: Assemble, lab: Lab, database: Path
) -> None:
    assembled = assemble(of(lab, source=[{"database": database.name}]))
    database.write_bytes(b"no database " * 1000)

    assert assembled.status(encode_request([named(lab, lab.good)])) == "tryLater"
    (event,) = [event for event in assembled.events if event["event"] == "not_answered"]
    assert event["cause"] == "sourceUnavailable"
    assert "exception" not in event
    assert ("source_alarms", str(lab.ca.certificate.subject), "database-failed") in (
        assembled.counts.seen
    )


# --- reload -----------------------------------------------------------------------------------


def test_a_reload_takes_everything_anew(assemble: Assemble, lab: Lab, rsa_lab: Lab) -> None:
    assembled = assemble(of(lab))
    assembled.table["authority"] = [of(rsa_lab)]
    assembled.reload()

    assert assembled.say(named(rsa_lab, rsa_lab.good)) == Good()
    assert assembled.status(encode_request([named(lab, lab.good)])) == "unauthorized"


FAULTS: dict[str, Callable[[Table], None]] = {
    "CA": lambda table: table.update(certificate="no.pem"),
    "key": lambda table: table["signer"][0].update(key="no.key"),
    "index": lambda table: table.update(source=[{"index": "no.txt"}]),
    "database": lambda table: table.update(source=[{"database": "no.db"}]),
    "CRL": lambda table: table.update(source=[{"crl": "no.crl"}]),
    "tree": lambda table: table.update(source=[{"crt": "no.tree"}]),
    "setting": lambda table: table.update(validity="soon"),
}


@pytest.mark.parametrize("gives_up", [False, True])
def test_a_reload_reads_beside_the_answers(assemble: Assemble, lab: Lab, *, gives_up: bool) -> None:
    """However long it takes: a CRL of a million entries takes two seconds."""
    assembled = assemble(of(lab))
    service, reads, may_go_on = assembled.service, threading.Event(), threading.Event()
    before, load = service.face, service._load

    def slowly() -> Config:
        reads.set()
        assert may_go_on.wait(PATIENCE)
        return load()

    service._load = slowly

    async def reload() -> None:
        reloading = asyncio.ensure_future(service.reload())
        await asyncio.to_thread(reads.wait, PATIENCE)
        assert service.face is before
        if gives_up:
            reloading.cancel()
            await asyncio.sleep(0)
        assert not reloading.done()
        may_go_on.set()
        await asyncio.wait({reloading})
        assert reloading.cancelled() == gives_up
        assert (service.face is before) == gives_up

    asyncio.run(reload())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reload_that_fails_changes_nothing(
    assemble: Assemble, lab: Lab, rsa_lab: Lab, fault: str
) -> None:
    """Not even for the authority that is all right, and stands before the one that is not."""
    assembled = assemble(of(lab), of(rsa_lab))
    face = assembled.service.face
    assembled.table["authority"][0]["validity"] = "1d"
    FAULTS[fault](assembled.table["authority"][1])

    with pytest.raises((ConfigError, SignerError, SourceError)) as refused:
        assembled.reload()

    assert isinstance(refused.value, CertStatusError)
    assert "no." in str(refused.value) or "validity" in str(refused.value)
    assert assembled.service.face is face
    assert assembled.say(named(rsa_lab, rsa_lab.good)) == Good()
    (single,) = assembled.basic(named(lab, lab.good)).tbs_response_data.responses
    assert single.next_update is not None
    assert single.next_update - NOW > 3 * DAY


def open_files(of: Path) -> int:
    """Count what this process has open of a database: the file, its WAL, its shared memory."""
    names = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return sum(name.startswith(str(of)) for name in names)


def test_reloads_leave_no_file_open_behind_them(
    assemble: Assemble, lab: Lab, database: Path
) -> None:
    assembled = assemble(of(lab, source=[{"database": database.name}]))
    seen = []
    for _ in range(6):
        assembled.reload()
        assert assembled.say(named(lab, lab.good)) == Good()
        # The feed reads now and then, and has a file more open for that moment.
        seen.append(min(open_files(database) for _ in range(50)))

    assert seen[0] > 0
    # Two generations: the one that serves, and the one before with what its feed leaves to SQLite.
    assert seen[2:] == [seen[2]] * 4


@pytest.mark.parametrize("changed", [True, False])
def test_a_change_of_the_server_table_is_said_to_need_a_restart(
    assemble: Assemble, lab: Lab, changed: bool
) -> None:
    assembled = assemble(of(lab), server={"port": 8080})
    assembled.table["server"] = {"port": 8081 if changed else 8080}
    assembled.reload()

    assert ("restart_needed" in [event["event"] for event in assembled.events]) is changed


# --- what is wrong with files -----------------------------------------------------------------


def test_a_ca_file_with_several_certificates_is_refused(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    both = lab.ca_certificate.read_bytes() + lab.responder_certificate.read_bytes()
    (tmp_path / "both.pem").write_bytes(both)

    with pytest.raises(ConfigError, match=r"both\.pem: holds several certificates"):
        assemble(of(lab, certificate="both.pem"))


def test_an_anchor_that_is_no_certificate_is_named(
    assemble: Assemble, lab: Lab, tmp_path: Path
) -> None:
    write_index(tmp_path / "empty.pem")

    with pytest.raises(ConfigError, match=r"empty\.pem"):
        assemble(of(lab), requests={"signatures": "verify", "anchors": ["empty.pem"]})
