"""From ``[scvp]`` to what answers: each setting is seen in an answer, each fault is named."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import tomllib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from certstatus.asn1 import oids
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError, ConfigError, SignerError
from certstatus.ocsp import encode_request, parse_response
from certstatus.ocsp.certid import CertID
from certstatus.responder.exchange import HTTPReply, HTTPRequest
from certstatus.scvp import CVStatusCode, ReplyStatus
from certstatus.server.assembly import OCSPService
from certstatus.server.config import parse_config
from certstatus.server.examination import Examination
from certstatus.server.examining import examine
from certstatus.server.log import make_logger
from certstatus.server.worker import Tools
from certstatus.testing import FixedClock
from tests.scvp_site import (
    CV_TYPE,
    OCSP,
    SCVP,
    VP_TYPE,
    Site,
    build_site,
    content_of,
    cv_request,
    cv_response,
    vp_request,
    vp_response,
)
from tests.serving import Counts


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return build_site(tmp_path_factory.mktemp("site") / "lab")


@pytest.fixture
def site(shared: Site, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared.folder, tmp_path / "lab"))


@dataclass
class Served:
    """A service over a text that a test may change, in one event loop."""

    text: str
    folder: Path
    works: bool = True
    clock: FixedClock = field(default_factory=lambda: FixedClock(SystemClock().now()))
    counts: Counts = field(default_factory=Counts)
    written: io.StringIO = field(default_factory=io.StringIO)

    async def __aenter__(self) -> Self:
        log = make_logger(self.written, as_json=True)
        tools = Tools(clock=self.clock, meter=self.counts, log=log, index=0)
        self.service = OCSPService(self.load, tools, works=self.works)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.close()

    def load(self) -> Any:
        return parse_config(tomllib.loads(self.text), file="file", base=self.folder)

    async def post(self, body: bytes, media_type: str = CV_TYPE, path: str = "/scvp") -> HTTPReply:
        headers = ((b"content-type", media_type.encode()),)
        request = HTTPRequest(b"POST", path.encode(), headers, body)
        face, now = self.service.face, self.clock.now()
        refused = face.admit(b"POST", request.target, headers) or face.refuse(request, now)
        if refused is not None:
            return refused
        reply = face.reply(request, now)
        return reply if isinstance(reply, HTTPReply) else await reply

    async def reply_status(self, body: bytes) -> ReplyStatus | CVStatusCode | None:
        """Say how it went with the only certificate, or with the whole request."""
        response = cv_response((await self.post(body)).body)
        if not response.reply_objects:
            return response.response_status.known
        (reply,) = response.reply_objects
        return ReplyStatus.from_number(reply.reply_status)


def in_loop(waiting: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await waiting

    return asyncio.run(bounded())


# --- what is answered -------------------------------------------------------------------------


def test_the_sources_of_a_ca_that_is_served_tell_the_status_beside_its_ocsp(
    site: Path, shared: Site
) -> None:
    lab = shared.lab

    async def ask() -> list[Any]:
        async with Served(SCVP + OCSP, site) as served:
            said = [
                await served.reply_status(cv_request(one.certificate))
                for one in (lab.good, lab.revoked)
            ]
            cert_id = CertID.for_certificate(lab.good.certificate, lab.ca.certificate)
            ocsp = encode_request([cert_id])
            reply = await served.post(ocsp, "application/ocsp-request", "/")
            return [*said, parse_response(reply.body).response_status.label]

    assert in_loop(ask()) == [
        ReplyStatus.SUCCESS,
        ReplyStatus.CERT_PATH_NOT_VALID,
        "successful",
    ]


def test_without_its_own_sources_nothing_tells_the_status(site: Path, shared: Site) -> None:
    async def ask() -> object:
        text = SCVP.replace("fetch = false", "fetch = false\nown_sources = false") + OCSP
        async with Served(text, site) as served:
            return await served.reply_status(cv_request(shared.lab.good.certificate))

    assert in_loop(ask()) is ReplyStatus.CERT_PATH_NOT_VALID_NOW


def test_alone_it_answers_and_nothing_else_does(site: Path, shared: Site) -> None:
    text = SCVP + 'revocation = "none"\n'

    async def ask() -> list[Any]:
        async with Served(text, site) as served:
            elsewhere = await served.post(b"", "application/ocsp-request", "/")
            good = await served.reply_status(cv_request(shared.lab.good.certificate))
            return [good, elsewhere.status, dict(served.service.checks).keys()]

    assert in_loop(ask()) == [ReplyStatus.SUCCESS, 404, {"scvp"}]


def test_the_answer_is_signed_by_the_certificate_that_is_configured(
    site: Path, shared: Site
) -> None:
    async def ask() -> Any:
        async with Served(SCVP + OCSP, site) as served:
            return await served.post(cv_request(shared.lab.good.certificate))

    _, certificates = content_of(in_loop(ask()).body)
    assert certificates == (shared.server.certificate,)


@pytest.mark.rule("S21")
def test_the_policies_that_are_configured_are_told(site: Path) -> None:
    text = SCVP + (
        'user_policies = ["1.2.3"]\nrequire_explicit_policy = true\n'
        'extended_key_usages = "id-kp-serverAuth"\nkey_usages = ["digitalSignature"]\n'
        '[[scvp.policy]]\noid = "1.3.6.1.4.1.99999.5"\nanchors = ["ca.pem"]\n'
    )

    async def ask() -> Any:
        async with Served(text, site) as served:
            return await served.post(vp_request(), VP_TYPE)

    told = vp_response(in_loop(ask()).body)
    values = told.default_policy_values
    assert [one.dotted_string for one in told.validation_policies] == [
        "1.3.6.1.5.5.7.19.1",
        "1.3.6.1.4.1.99999.5",
    ]
    assert values.require_explicit_policy
    assert [one.dotted_string for one in values.user_policy_set] == ["1.2.3"]
    assert values.extended_key_usages == (oids.ID_KP_SERVER_AUTH,)
    assert values.key_usages == (0x8000,)


def test_the_limits_that_are_configured_hold(site: Path, shared: Site) -> None:
    lab = shared.lab
    text = SCVP.replace("fetch = false", "fetch = false\nmax_certificates = 1") + OCSP

    async def ask() -> object:
        async with Served(text, site) as served:
            return await served.reply_status(
                cv_request(lab.good.certificate, lab.revoked.certificate)
            )

    assert in_loop(ask()) is CVStatusCode.TOO_BUSY or in_loop(ask()) is CVStatusCode.INVALID_REQUEST


def test_who_must_sign_and_does_not_is_refused(site: Path, shared: Site) -> None:
    text = SCVP.replace(
        "fetch = false",
        'fetch = false\nrequestors = { anchors = ["ca.pem"], required = true, revocation = "none" }',
    )

    async def ask() -> object:
        async with Served(text + OCSP, site) as served:
            return await served.reply_status(cv_request(shared.lab.good.certificate))

    assert in_loop(ask()) is CVStatusCode.NOT_AUTHORIZED


# --- what is kept, and what a reload changes --------------------------------------------------


@pytest.mark.rule("S21")
def test_a_reload_swaps_all_and_another_configuration_has_another_number(
    site: Path, shared: Site
) -> None:
    async def ask() -> list[Any]:
        async with Served(SCVP + OCSP, site) as served:
            scvp = served.service.scvp
            assert scvp is not None
            seen = [scvp.service.configuration_id]
            for text in (SCVP + OCSP, SCVP + "inhibit_any_policy = true\n" + OCSP, SCVP + OCSP):
                served.text = text
                await served.service.reload()
                assert served.service.scvp is not None
                assert served.service.scvp is not scvp
                response = cv_response(
                    (await served.post(cv_request(shared.lab.good.certificate))).body
                )
                seen.append(response.server_configuration_id)
            return seen

    assert in_loop(ask()) == [1, 1, 2, 3]


def test_a_reload_may_bring_scvp_and_take_it_away(site: Path, shared: Site) -> None:
    async def ask() -> list[int]:
        request = cv_request(shared.lab.good.certificate)
        async with Served(OCSP, site) as served:
            statuses = [(await served.post(request)).status]
            for text in (SCVP + OCSP, OCSP):
                served.text = text
                await served.service.reload()
                statuses.append((await served.post(request)).status)
            return statuses

    assert in_loop(ask()) == [404, 200, 404]


def test_a_reload_that_can_not_be_leaves_all_as_it_was(site: Path, shared: Site) -> None:
    async def ask() -> object:
        async with Served(SCVP + OCSP, site) as served:
            served.text = SCVP.replace("ca.pem", "absent.pem") + OCSP
            with pytest.raises(ConfigError, match=r"absent\.pem"):
                await served.service.reload()
            return await served.reply_status(cv_request(shared.lab.good.certificate))

    assert in_loop(ask()) is ReplyStatus.SUCCESS


def test_what_was_fetched_is_kept_through_a_reload_unless_it_may_not_be(site: Path) -> None:
    text = SCVP.replace("fetch = false", "")

    async def ask() -> list[Any]:
        async with Served(text, site) as served:
            fetchers = []
            for one in (
                text,
                text,
                text.replace("[scvp]\n", "[scvp]\nallow_private_addresses = true\n"),
            ):
                served.text = one
                await served.service.reload()
                assert served.service.scvp is not None
                fetchers.append(served.service.scvp.fetcher)
            return fetchers

    first, again, other = in_loop(ask())
    assert first is again
    assert other is not first
    assert (first.allow_private, other.allow_private) == (False, True)


def test_who_only_looks_leaves_no_state(site: Path) -> None:
    async def look() -> None:
        async with Served(SCVP + OCSP, site, works=False):
            pass

    in_loop(look())
    assert not (site / "scvp.json").exists()


# --- health -----------------------------------------------------------------------------------


def test_health_tells_of_its_signers_and_that_they_have_ended(site: Path, shared: Site) -> None:
    async def look() -> list[Any]:
        async with Served(SCVP + OCSP, site) as served:
            reasons = [await served.service.checks["scvp"]()]
            details: Any = served.service.details["scvp"]
            levels = served.counts.levels["signer_days_left"]()
            served.clock.moment += timedelta(days=3_650)
            return [*reasons, await served.service.checks["scvp"](), details, levels]

    now, later, details, levels = in_loop(look())
    serial = f"{shared.server.certificate.serial_number:x}"
    assert (now, later) == (None, "no signer's certificate is valid now")
    assert details["configurationID"] == 1
    assert details["signers"][0]["serial"] == serial
    assert levels["scvp", serial] == details["signers"][0]["daysLeft"] > 100


# --- what can't serve -------------------------------------------------------------------------


def faults() -> dict[str, tuple[str, str, type[CertStatusError], str]]:
    return {
        "a signer for something else": (
            'scvp.pem"\nkey = "scvp.key',
            'responder.pem"\nkey = "responder.key',
            SignerError,
            "and not for id-kp-scvpServer",
        ),
        "a signer that is missing": ("scvp.pem", "absent.pem", SignerError, "absent.pem"),
        "the key of another": ("scvp.key", "good.key", SignerError, "good.key"),
        "an anchor that is no CA": (
            'anchors = ["ca.pem"]',
            'anchors = ["good.pem"]',
            ConfigError,
            "is no trust anchor",
        ),
        "an anchor that is none": (
            'anchors = ["ca.pem"]',
            'anchors = ["index.txt"]',
            ConfigError,
            "index.txt",
        ),
        "a pool that is none": (
            "fetch = false",
            'pool = "index.txt"',
            ConfigError,
            "index.txt",
        ),
        "a state that is none": ("scvp.json", "index.txt", ConfigError, "is not the state"),
        "a short secret": (
            "fetch = false",
            'cursor_key_file = "short"',
            ConfigError,
            "shorter than 32 bytes",
        ),
        "requestors that are none": (
            "fetch = false",
            'requestors = { certificates = "absent.pem" }',
            ConfigError,
            "absent.pem",
        ),
    }


@pytest.mark.rule("S3", "S10")
@pytest.mark.parametrize("name", faults())
def test_what_can_not_serve_does_not_start_and_is_told_by_config_check(
    site: Path, name: str
) -> None:
    (site / "short").write_text("short")
    before, after, kind, words = faults()[name]
    text = SCVP.replace(before, after, 1) + OCSP
    (site / "certstatus.toml").write_text(text)

    async def start() -> None:
        async with Served(text, site):
            pytest.fail("it starts")

    with pytest.raises(kind, match=words):
        in_loop(start())
    found = examined(site)
    (fault,) = found.faults
    assert words in fault.message
    assert fault.key is not None
    assert fault.key.startswith("scvp.")
    assert fault.line is not None
    assert found.exit_code == kind.exit_code


def test_every_part_that_is_wrong_is_told_at_once(site: Path) -> None:
    text = SCVP.replace("scvp.pem", "responder.pem").replace("ca.pem", "good.pem")
    (site / "certstatus.toml").write_text(text + OCSP.replace("index.txt", "absent.txt"))

    told = {one.key for one in examined(site).faults}

    assert told == {"scvp.signer.0", "scvp.policy.0", "authority.0.source.0"}


def examined(folder: Path) -> Examination:
    return asyncio.run(examine(folder / "certstatus.toml", SystemClock()))


def test_an_unwise_configuration_is_told_so(site: Path) -> None:
    text = SCVP.replace(
        "fetch = false", "fetch = true\nallow_private_addresses = true\nbehind_tls = true"
    )
    (site / "certstatus.toml").write_text(
        f'[server]\nhost = "0.0.0.0"\n{text}revocation = "none"\nuser_policies = ["1.2.3"]\n{OCSP}'
    )

    told = [(one.place, one.text) for one in examined(site).advice if one.place.startswith("scvp")]

    assert [place for place, _ in told] == [
        "scvp.behind_tls",
        "scvp.allow_private_addresses",
        "scvp.policy.0",
        "scvp.policy.0",
    ]
    assert "S23" in told[3][1]


def test_what_goes_wrong_here_is_logged_and_the_client_hears_that_it_did(
    site: Path, shared: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> list[Any]:
        async with Served(SCVP + OCSP, site) as served:
            monkeypatch.setattr("certstatus.signing.local.LocalSigner.sign", _no_token)
            status = await served.reply_status(cv_request(shared.lab.good.certificate))
            return [status, served.written.getvalue()]

    status, written = in_loop(ask())
    events = [json.loads(line) for line in written.splitlines()]
    assert status is CVStatusCode.INTERNAL_ERROR
    (told,) = (one for one in events if one["event"] == "not_answered")
    assert (told["cause"], told["detail"]) == ("scvp", "the token is away")
    assert any(one["event"] == "signer.failing" for one in events)


def _no_token(*_: object) -> bytes:
    raise SignerError("the token is away")


def test_a_signer_without_a_purpose_is_warned_of(site: Path, shared: Site) -> None:
    issued = shared.lab.ca.issue("SCVP server")
    (site / "scvp.pem").write_bytes(issued.certificate_pem)
    (site / "scvp.key").write_bytes(issued.key_pem())

    async def start() -> list[Any]:
        async with Served(SCVP + OCSP, site) as served:
            return [json.loads(line) for line in served.written.getvalue().splitlines()]

    warned = [one for one in in_loop(start()) if one["level"] == "warning"]
    assert any("names no purpose" in one["detail"] for one in warned)
