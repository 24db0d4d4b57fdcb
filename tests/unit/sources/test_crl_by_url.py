"""CRLs from URLs: fetched in the background, held to every rule, kept across restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.errors import ConfigError, SourceError
from certstatus.fetch import Provenance
from certstatus.limits import (
    BACKGROUND_CLOSE_TIME,
    BACKGROUND_WAKE_TIME,
    CRL_FETCH_TIME,
    CRL_REFRESH,
    FIRST_CRL_TIME,
    MAX_CRL_FETCHES,
    MAX_CRL_FILES,
    MAX_CRL_URLS,
)
from certstatus.sources import CRL, EventKind, Fetching, Known, Unlisted
from certstatus.sources.crl_fetcher import CRLFeed, CRLFetcher
from certstatus.sources.crl_place import named_place, places_of_certificate
from certstatus.testing import TinyCA
from tests.books import DAY, HOLD, NOW, REMOVED, ask, crl
from tests.crlfeeding import PATIENCE, CRLDesk
from tests.feeding import until
from tests.scripted import Asked, Reply, ScriptedServer

LOST, FINE = 0x9B, 0x9A
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def desk(ca: TinyCA, server: ScriptedServer, tmp_path: Path) -> CRLDesk:
    return CRLDesk(ca, server, tmp_path / "kept")


def saying(der: bytes, **headers: str) -> Callable[[Asked], Reply]:
    return lambda _: Reply(body=der, headers=headers)


def by_path(**bodies: bytes) -> Callable[[Asked], Reply]:
    def script(asked: Asked) -> Reply:
        body = bodies.get(asked.path.strip("/").partition(".")[0])
        return Reply(404) if body is None else Reply(body=body)

    return script


def test_the_limits_of_fetching_are_what_sources_go_by() -> None:
    wanted = Fetching()

    assert (wanted.refresh, wanted.time_limit) == (CRL_REFRESH, CRL_FETCH_TIME)
    assert (
        timedelta(0)
        < BACKGROUND_CLOSE_TIME
        < FIRST_CRL_TIME
        < BACKGROUND_WAKE_TIME
        <= CRL_FETCH_TIME
    )


# --- fetched, and fetched again -------------------------------------------------------------------


def test_a_crl_is_fetched_and_answers(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST))
    with desk.source() as source:
        assert isinstance(desk.ask(source, LOST), Known)
        assert isinstance(desk.ask(source, FINE), Unlisted)
        assert source.signature_algorithm is not None
    assert desk.kinds == [EventKind.FETCHED]
    assert desk.looks == ["newer"]


def test_a_pem_crl_is_taken_too(desk: CRLDesk, ca: TinyCA) -> None:
    parsed = x509.load_der_x509_crl(crl(ca, LOST))
    desk.server.script = saying(parsed.public_bytes(Encoding.PEM))
    with desk.source() as source:
        assert isinstance(desk.ask(source, LOST), Known)
        desk.later(source, 2 * HOUR)
    assert desk.looks == ["newer", "unchanged"]


def test_a_newer_one_is_taken_over_and_told(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, number=1))
    with desk.source() as source:
        assert isinstance(desk.ask(source, LOST), Unlisted)
        desk.server.script = saying(crl(desk.ca, LOST, number=2))
        desk.later(source, HOUR)

        assert isinstance(desk.ask(source, LOST), Known)
    assert desk.kinds == [EventKind.FETCHED, EventKind.FETCHED, EventKind.RELOADED]


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"ETag": '"7"'}, {"if-none-match": '"7"'}),
        (
            {"Last-Modified": "Sat, 21 Nov 2026 06:00:00 GMT"},
            {"if-modified-since": "Sat, 21 Nov 2026 06:00:00 GMT"},
        ),
    ],
    ids=["ETag", "Last-Modified"],
)
def test_requests_are_conditional_also_after_a_restart(
    desk: CRLDesk, headers: dict[str, str], asked: dict[str, str]
) -> None:
    der = crl(desk.ca, LOST)

    def script(request: Asked) -> Reply:
        is_known = asked.items() <= request.headers.items()
        return Reply(304) if is_known else Reply(body=der, headers=headers)

    desk.server.script = script
    with desk.source() as source:
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, LOST), Known)
    desk.clock.advance(HOUR)
    with desk.source() as source:
        until(lambda: len(desk.looks) == 3)
        assert isinstance(desk.ask(source, LOST), Known)

    assert desk.looks == ["newer", "unchanged", "unchanged"]
    assert [asked.items() <= one.headers.items() for one in desk.server.asked] == [
        False,
        True,
        True,
    ]


def test_a_damaged_copy_is_fetched_whole_again(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST), ETag='"1"')
    with desk.source():
        pass
    (kept,) = desk.folder.rglob("*.crl")
    kept.write_bytes(kept.read_bytes()[:-5])
    desk.clock.advance(HOUR)

    with desk.source() as source:
        until(lambda: len(desk.looks) == 2)
        assert isinstance(desk.ask(source, LOST), Known)
    assert "if-none-match" not in desk.server.asked[-1].headers


def test_what_was_looked_at_a_moment_ago_is_not_looked_at_again_by_another(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST))
    with desk.source() as first, desk.source() as second:
        assert isinstance(desk.ask(first, LOST), Known)
        assert isinstance(desk.ask(second, LOST), Known)
        desk.clock.advance(HOUR)
        first.wake()
        second.wake()
        until(lambda: len(desk.looks) == 2)
        desk.settle(first)
        desk.settle(second)

    assert len(desk.server.asked) == 2


def test_of_two_that_share_a_folder_one_fetches_and_both_answer(desk: CRLDesk) -> None:
    is_open = threading.Event()

    def script(_: Asked) -> Reply:
        assert is_open.wait(20)
        return Reply(body=crl(desk.ca, LOST))

    desk.server.script = script
    wishes = Fetching(folder=desk.folder, clock=desk.clock)
    with (
        CRL(desk.url, desk.ca.certificate, now=NOW, fetching=wishes) as first,
        CRL(desk.url, desk.ca.certificate, now=NOW, fetching=wishes) as second,
    ):
        assert not first.wait_settled(timedelta(seconds=0.05))
        with pytest.raises(SourceError):
            desk.ask(second, LOST)
        is_open.set()
        assert first.wait_settled(PATIENCE)
        assert isinstance(desk.ask(first, LOST), Known)
        assert isinstance(desk.ask(second, LOST), Known)
    assert len(desk.server.asked) == 1


def test_what_another_fetched_meanwhile_answers_as_soon_as_the_start_is_over(desk: CRLDesk) -> None:
    """Though the files were looked at less than a second ago, by the whole seconds of answers."""
    is_open = threading.Event()

    def script(_: Asked) -> Reply:
        assert is_open.wait(20)
        return Reply(body=crl(desk.ca, LOST))

    desk.server.script = script
    wishes = Fetching(folder=desk.folder, clock=desk.clock)
    with CRL(desk.url, desk.ca.certificate, now=NOW, fetching=wishes) as first:
        until(lambda: len(desk.server.asked) == 1)
        desk.clock.advance(timedelta(seconds=0.9))
        now = desk.clock.now()
        with CRL(desk.url, desk.ca.certificate, now=now, fetching=wishes) as second:
            desk.settle(second)
            is_open.set()
            assert first.wait_settled(PATIENCE)
            desk.clock.advance(timedelta(seconds=1))
            second.wake()
            assert second.wait_settled(PATIENCE)
            assert isinstance(ask(second, desk.ca, LOST, NOW + timedelta(seconds=1)), Known)
    assert len(desk.server.asked) == 1


def test_what_comes_between_reading_the_folder_and_fetching_answers_at_once(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST))

    class Late(CRLFetcher):
        def add(self, feed: CRLFeed) -> None:
            with desk.source():
                super().add(feed)

    with (
        closing(Late(clock=desk.clock)) as fetcher,
        desk.source(fetching={"fetcher": fetcher}) as source,
    ):
        assert isinstance(ask(source, desk.ca, LOST, NOW), Known)
    assert len(desk.server.asked) == 1


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.rule("C9", "O11")
def test_until_the_first_has_come_the_source_says_that_it_cannot_know(desk: CRLDesk) -> None:
    desk.server.script = lambda _: Reply(503)
    with desk.source(left_out="unknown") as source:
        with pytest.raises(SourceError):
            desk.ask(source, LOST)
        assert source.signature_algorithm is None
        desk.server.script = saying(crl(desk.ca, LOST))
        desk.later(source, MINUTE)
        assert isinstance(desk.ask(source, LOST), Known)

    assert desk.kinds == [EventKind.FETCH_FAILED, EventKind.RECOVERED, EventKind.FETCHED]
    assert "HTTP status 503" in desk.watcher.events[0].detail


@pytest.mark.rule("C9")
def test_the_last_good_one_counts_until_its_next_update_then_nothing_is_known(
    desk: CRLDesk,
) -> None:
    desk.server.script = saying(crl(desk.ca, LOST, next_update=NOW + DAY))
    with desk.source() as source:
        desk.server.script = lambda _: Reply(500)
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, LOST), Known)
        desk.later(source, DAY - HOUR - MINUTE)
        assert isinstance(desk.ask(source, LOST), Known)
        desk.clock.advance(MINUTE)
        with pytest.raises(SourceError, match="expired"):
            desk.ask(source, LOST)

    assert desk.kinds == [EventKind.FETCHED, EventKind.FETCH_FAILED, EventKind.EXPIRED]


def damaged(ca: TinyCA, other: TinyCA) -> dict[str, tuple[bytes, str]]:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    good = crl(ca, number=5)
    return {
        "expired": (
            crl(ca, number=9, this_update=NOW - 3 * DAY, next_update=NOW - DAY),
            "expired on 2026-11-20",
        ),
        "rolled back": (crl(ca, number=3), "CRLNumber 3, and one with 4"),
        "older": (crl(ca, number=9, this_update=NOW - 5 * DAY), "2026-11-16"),
        "of another CA": (crl(other, number=9), "of CN=Other CA"),
        "wrongly signed": (good[:-8] + bytes(8), "not to be believed"),
        "truncated": (good[:-20], ""),
        "empty": (b"", ""),
        "html": (b"<html>not found</html>", ""),
        "unknown critical": (crl(ca, number=9, extensions=[(unknown, True)]), "1.2.3.4"),
        "unknown critical entry": (crl(ca, (LOST, [(unknown, True)]), number=9), "1.2.3.4"),
        "not yet valid": (
            crl(ca, number=9, this_update=NOW + 2 * DAY, next_update=NOW + 9 * DAY),
            "not valid before",
        ),
    }


KINDS = list(damaged(TinyCA(), TinyCA("Other CA")))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rule("C1", "C8", "C9")
def test_what_is_not_to_be_believed_is_told_and_not_taken_over(
    desk: CRLDesk, other_ca: TinyCA, kind: str
) -> None:
    body, reason = damaged(desk.ca, other_ca)[kind]
    desk.server.script = saying(crl(desk.ca, LOST, number=4))
    with desk.source() as source:
        desk.server.script = saying(body)
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, LOST), Known)
        desk.later(source, HOUR)
        desk.server.script = saying(crl(desk.ca, LOST, FINE, number=10))
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, FINE), Known)

    assert desk.looks == ["newer", "failed", "failed", "newer"]
    fetched = [one for one in desk.kinds if one is not EventKind.RELOADED]
    assert fetched == [
        EventKind.FETCHED,
        EventKind.FETCH_UNTRUSTED,
        EventKind.RECOVERED,
        EventKind.FETCHED,
    ]
    told = next(one for one in desk.watcher.events if one.kind is EventKind.FETCH_UNTRUSTED)
    assert desk.url in told.detail
    assert reason in told.detail
    assert told.facts == {"url": desk.url}


@pytest.mark.rule("C9")
def test_a_server_that_keeps_the_expired_one_is_told_of(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST, next_update=NOW + HOUR))
    with desk.source() as source:
        desk.later(source, HOUR / 2)
        desk.later(source, HOUR)

        assert desk.looks == ["newer", "unchanged", "failed"]
        assert "no newer CRL than the one that has expired" in desk.watcher.events[-1].detail


# --- restarts -------------------------------------------------------------------------------------


@pytest.mark.rule("C1", "C9")
def test_a_restart_without_network_answers_at_once(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST))
    with desk.source():
        pass
    desk.server.script = lambda _: Reply(500)
    with desk.source() as source:
        assert isinstance(desk.ask(source, LOST), Known)


@pytest.mark.rule("C1")
def test_after_a_restart_an_older_one_is_refused_by_url(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, LOST, number=4))
    with desk.source():
        pass
    for kept in desk.folder.rglob("*.crl"):
        kept.unlink()
    desk.server.script = saying(crl(desk.ca, number=3))
    desk.clock.advance(HOUR)
    with desk.source() as source, pytest.raises(SourceError):
        desk.ask(source, LOST)

    assert desk.kinds[-1] is EventKind.FETCH_UNTRUSTED
    assert "to take it all the same, remove" in desk.watcher.events[-1].detail


@pytest.mark.rule("C1")
def test_after_a_restart_an_older_file_is_refused(desk: CRLDesk, tmp_path: Path) -> None:
    file = tmp_path / "ca.crl"
    file.write_bytes(crl(desk.ca, LOST, number=4))
    with desk.source(file):
        pass
    file.write_bytes(crl(desk.ca, number=3))
    with (
        pytest.raises(ConfigError, match=r"CRLNumber 3, and one with 4 .* remove .* and restart"),
        desk.source(file),
    ):
        pass
    file.write_bytes(crl(desk.ca, LOST, number=4))
    with desk.source(file) as source:
        assert isinstance(desk.ask(source, LOST), Known)


@pytest.mark.rule("C1")
def test_without_a_folder_files_are_not_remembered(desk: CRLDesk, tmp_path: Path) -> None:
    file = tmp_path / "ca.crl"
    for number in (4, 3):
        file.write_bytes(crl(desk.ca, LOST, number=number))
        with desk.source(file, fetching={"folder": None}) as source:
            assert isinstance(desk.ask(source, LOST), Known)
    assert not desk.folder.exists()


@pytest.mark.rule("C1")
def test_in_a_folder_that_went_back_the_older_one_is_passed_over_and_told(
    desk: CRLDesk, tmp_path: Path
) -> None:
    folder = tmp_path / "crls"
    folder.mkdir()
    (folder / "old.crl").write_bytes(crl(desk.ca, number=3))
    (folder / "new.crl").write_bytes(crl(desk.ca, LOST, number=4))
    with desk.source(folder) as source:
        assert isinstance(desk.ask(source, LOST), Known)
    with desk.source(folder) as source:
        assert isinstance(desk.ask(source, LOST), Known)
    assert desk.kinds == []

    (folder / "new.crl").unlink()
    with pytest.raises(ConfigError), desk.source(folder):
        pass
    assert desk.kinds == [EventKind.RELOAD_FAILED]
    assert desk.watcher.events[0].facts == {"file": str(folder / "old.crl")}


@pytest.mark.rule("C9")
def test_a_start_waits_for_what_is_newer_than_an_expired_copy(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca, next_update=NOW + HOUR))
    with desk.source():
        pass
    desk.clock.advance(2 * HOUR)
    desk.server.script = saying(crl(desk.ca, LOST, number=2))
    with desk.source() as source:
        assert isinstance(ask(source, desk.ca, LOST, desk.clock.now()), Known)


def test_copies_of_places_that_are_no_longer_named_go_when_they_have_expired(
    desk: CRLDesk,
) -> None:
    desk.server.script = saying(crl(desk.ca, LOST, next_update=NOW + DAY))
    old, new = (f"{desk.server.url}{name}.crl" for name in ("old", "new"))
    with desk.source(old):
        pass
    for by, kept in ((HOUR, 2), (DAY, 1)):
        desk.clock.advance(by)
        desk.server.script = saying(crl(desk.ca, LOST, number=2, next_update=NOW + 9 * DAY))
        with desk.source(new) as source:
            assert isinstance(desk.ask(source, LOST), Known)
            assert len(list(desk.folder.rglob("*.crl"))) == kept
            assert len(list(desk.folder.rglob("*.state"))) == kept


# --- alternatives and several places --------------------------------------------------------------


@pytest.mark.rule("C11")
def test_alternatives_are_tried_in_order_until_one_gives_a_crl(desk: CRLDesk) -> None:
    desk.server.script = by_path(b=crl(desk.ca, number=9), c=crl(desk.ca, LOST, number=4))
    urls = [f"{desk.server.url}{name}.crl" for name in "abc"]
    with desk.source([urls[0], urls[2], urls[1]]) as source:
        assert isinstance(desk.ask(source, LOST), Known)

    assert [one.path for one in desk.server.asked] == ["/a.crl", "/c.crl"]
    assert desk.kinds == [EventKind.FETCHED]


@pytest.mark.rule("C2", "C3")
def test_a_full_crl_and_its_delta_are_fetched_from_two_places(desk: CRLDesk) -> None:
    full = crl(desk.ca, (LOST, [HOLD]), number=1)
    delta = crl(desk.ca, (LOST, [REMOVED]), FINE, number=2, delta_of=1)
    desk.server.script = by_path(full=full, delta=delta)
    places = [f"{desk.server.url}{name}.crl" for name in ("full", "delta")]
    with desk.source(*places) as source:
        assert isinstance(desk.ask(source, LOST), Unlisted)
        assert isinstance(desk.ask(source, FINE), Known)


def test_places_are_fetched_a_few_at_once(desk: CRLDesk) -> None:
    gate, is_open, at_once = threading.Lock(), threading.Event(), [0, 0]

    def script(_: Asked) -> Reply:
        with gate:
            at_once[0] += 1
            at_once[1] = max(at_once)
            if at_once[0] == MAX_CRL_FETCHES:
                is_open.set()
        is_open.wait(5)
        with gate:
            at_once[0] -= 1
        return Reply(body=crl(desk.ca, LOST))

    desk.server.script = script
    with desk.source(*(f"{desk.server.url}{number}.crl" for number in range(9))) as source:
        assert isinstance(desk.ask(source, LOST), Known)
    assert at_once[1] == MAX_CRL_FETCHES


# --- found by certificates and CRLs ---------------------------------------------------------------


def points(*urls: str) -> list[x509.DistributionPoint]:
    names = [x509.UniformResourceIdentifier(url) for url in urls]
    return [x509.DistributionPoint(names, None, None, None)]


@pytest.mark.rule("C11", "C2")
def test_a_certificate_says_where_its_crls_and_their_deltas_are(desk: CRLDesk) -> None:
    base, freshest = (f"{desk.server.url}{name}.crl" for name in ("full", "delta"))
    leaf = desk.ca.issue(
        extensions=[
            (x509.CRLDistributionPoints(points(base)), False),
            (x509.FreshestCRL(points(freshest)), False),
        ]
    ).certificate
    delta = crl(desk.ca, LOST, number=2, delta_of=1)
    desk.server.script = by_path(full=crl(desk.ca, number=1), delta=delta)
    fetching = {"certificates": [leaf], "allow_private": True}
    with desk.source(*(), fetching=fetching) as source:
        assert isinstance(desk.ask(source, LOST), Known)


@pytest.mark.rule("C2")
def test_a_full_crl_says_where_its_deltas_are(desk: CRLDesk) -> None:
    freshest = (x509.FreshestCRL(points(f"{desk.server.url}delta.crl")), False)
    delta = crl(desk.ca, LOST, number=2, delta_of=1)
    desk.server.script = by_path(ca=crl(desk.ca, number=1, extensions=[freshest]), delta=delta)
    for _ in range(2):
        with desk.source(fetching={"allow_private": True}) as source:
            assert isinstance(desk.ask(source, LOST), Known)


def test_what_a_certificate_names_leads_into_no_private_network(desk: CRLDesk) -> None:
    leaf = desk.ca.issue(crl_uris=[desk.url]).certificate
    desk.server.script = saying(crl(desk.ca, LOST))
    with (
        desk.source(*(), fetching={"certificates": [leaf]}) as source,
        pytest.raises(SourceError),
    ):
        desk.ask(source, LOST)

    assert desk.server.asked == []
    assert "is not a public address" in desk.watcher.events[0].detail


@pytest.mark.rule("C11")
def test_a_certificate_that_says_nothing_or_is_of_another_ca_is_refused(
    desk: CRLDesk, other_ca: TinyCA
) -> None:
    for leaf, reason in (
        (desk.ca.issue().certificate, "names no place"),
        (other_ca.issue(crl_uris=[desk.url]).certificate, "is of CN=Other CA"),
    ):
        with (
            pytest.raises(ConfigError, match=reason),
            desk.source(fetching={"certificates": [leaf]}),
        ):
            pass


@pytest.mark.rule("C11")
def test_the_names_of_a_distribution_point_are_alternatives(ca: TinyCA) -> None:
    relative = x509.RelativeDistinguishedName(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "CRL, 1")]
    )
    two = points("http://a.example/1.crl", "ftp://a.example/1.crl", "ldap://b.example/cn=1?x")
    extension = x509.CRLDistributionPoints(
        [*two, x509.DistributionPoint(None, relative, None, None)]
    )
    leaf = ca.issue(extensions=[(extension, False)]).certificate

    places = places_of_certificate(leaf)

    assert [place.urls for place in places] == [
        ("http://a.example/1.crl", "ldap://b.example/cn=1?x"),
        ("ldap:///CN=CRL%5C,%201,CN=Tiny%20CA?certificateRevocationList",),
    ]
    assert {place.provenance for place in places} == {Provenance.CERTIFICATE}


@pytest.mark.rule("C11")
def test_a_certificate_leads_to_a_few_places_and_alternatives_at_most(ca: TinyCA) -> None:
    urls = [f"http://ca.example/{number}" for number in range(MAX_CRL_URLS + 2)]
    one_place = ca.issue(extensions=[(x509.CRLDistributionPoints(points(*urls)), False)])
    (place,) = places_of_certificate(one_place.certificate)

    assert place.urls == tuple(urls[:MAX_CRL_URLS])
    assert len(places_of_certificate(ca.issue(crl_uris=urls).certificate)) == MAX_CRL_URLS


# --- settings that can't be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (["ftp://ca.example/1.crl"], "is not HTTP"),
        (["http:///1.crl"], "names no host"),
        (["http://ca.example/a b"], "can't hold"),
        (["ldap:///cn=x?certificateRevocationList"], "no LDAP server is configured"),
        (["ldap://d.example/cn=x?mail"], "holds no certificate or CRL"),
        ([], "names 0 alternatives"),
        ([f"http://ca.example/{n}" for n in range(MAX_CRL_URLS + 1)], "names 6 alternatives"),
    ],
    ids=str,
)
def test_urls_that_cannot_be_fetched_are_refused(urls: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        named_place(urls)
    assert caught.value.key == "crl"


@pytest.mark.parametrize("named", ["ldap://", "http://dir.example", "dir.example"])
def test_an_ldap_server_that_is_none_is_refused(desk: CRLDesk, named: str) -> None:
    with (
        pytest.raises(ConfigError) as caught,
        desk.source(fetching={"ldap_server": named}),
    ):
        pass
    assert caught.value.key == "ldap_server"


def test_a_folder_that_others_can_write_to_is_refused(desk: CRLDesk) -> None:
    desk.server.script = saying(crl(desk.ca))
    with desk.source():
        pass
    (inner,) = desk.folder.iterdir()
    inner.chmod(0o777)
    with pytest.raises(ConfigError, match="can be written to by others") as caught, desk.source():
        pass
    assert caught.value.key == "crl_folder"


def test_a_file_in_place_of_the_folder_is_refused(desk: CRLDesk) -> None:
    desk.folder.write_bytes(b"")
    with pytest.raises(ConfigError, match="can't be") as caught, desk.source():
        pass
    assert caught.value.key == "crl_folder"


def test_more_places_than_the_limit_are_refused(desk: CRLDesk) -> None:
    urls = [f"{desk.server.url}{number}" for number in range(MAX_CRL_FILES + 1)]
    with pytest.raises(ConfigError, match="names 1001 CRLs") as caught, desk.source(*urls):
        pass
    assert caught.value.key == "crl"
