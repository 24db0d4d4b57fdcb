"""CRLs out of a real directory: OpenLDAP's slapd, which asks for ;binary as RFC 4523 does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certstatus.errors import SourceError
from certstatus.sources import EventKind, Known, Unlisted
from certstatus.testing import TinyCA
from tests.books import DAY, crl
from tests.crlfeeding import CRLDesk
from tests.scripted import ScriptedServer
from tests.slapd import Slapd, running_slapd

pytestmark = pytest.mark.interop

LOST, FINE = 0x9B, 0x9A
HOUR = timedelta(hours=1)


@pytest.fixture
def slapd(interop_command: Callable[[str], Path]) -> Iterator[Slapd]:
    with running_slapd(interop_command) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CRLDesk]:
    with ScriptedServer() as server:
        yield CRLDesk(TinyCA(), server, tmp_path / "kept")


@pytest.mark.rule("C11", "C12", "C13")
def test_a_crl_is_fetched_from_an_entry_with_a_comma_in_its_name(
    slapd: Slapd, desk: CRLDesk
) -> None:
    slapd.add(r"cn=CRL\, one?,o=Example", certificateRevocationList=crl(desk.ca, LOST))
    with desk.source(slapd.url("cn=CRL%5C,%20one%3f,o=Example")) as source:
        assert isinstance(desk.ask(source, LOST), Known)
        assert isinstance(desk.ask(source, FINE), Unlisted)
        desk.later(source, HOUR)
        slapd.replace(
            r"cn=CRL\, one?,o=Example",
            "certificateRevocationList",
            crl(desk.ca, LOST, FINE, number=2),
        )
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, FINE), Known)

    assert desk.looks == ["newer", "unchanged", "newer"]


@pytest.mark.rule("C13", "C1")
def test_of_several_values_the_newest_counts(slapd: Slapd, desk: CRLDesk) -> None:
    slapd.add("cn=CRL,o=Example", certificateRevocationList=crl(desk.ca, number=1))
    values = [crl(desk.ca, number=2), crl(desk.ca, LOST, number=9), crl(desk.ca, number=3)]
    slapd.replace("cn=CRL,o=Example", "certificateRevocationList", *values)
    with desk.source(slapd.url("cn=CRL,o=Example")) as source:
        assert isinstance(desk.ask(source, LOST), Known)


@pytest.mark.rule("C11")
def test_where_http_is_dead_the_directory_gives_the_crl(slapd: Slapd, desk: CRLDesk) -> None:
    slapd.add("cn=CRL,o=Example", certificateRevocationList=crl(desk.ca, LOST))
    http = "http://127.0.0.1:9/ca.crl"
    with desk.source([http, slapd.url("cn=CRL,o=Example")]) as source:
        assert isinstance(desk.ask(source, LOST), Known)

    assert desk.kinds == [EventKind.FETCHED]


@pytest.mark.rule("C11", "C2")
def test_a_relative_name_and_a_bare_host_lead_to_the_configured_directory(
    slapd: Slapd, desk: CRLDesk
) -> None:
    """The CRL issuer's own name, one RDN longer; and the delta's attribute beside it."""
    ca = TinyCA("Directory CA")
    desk.ca = ca
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example"),
        ]
    )
    relative = x509.RelativeDistinguishedName(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "CRL, 1")]
    )
    issuer = [x509.DirectoryName(name)]
    point = x509.DistributionPoint(None, relative, None, issuer)
    delta = x509.DistributionPoint(
        [x509.UniformResourceIdentifier("ldap:///cn=CRL%5C,%201,o=Example?deltaRevocationList")],
        None,
        None,
        None,
    )
    leaf = ca.issue(
        extensions=[
            (x509.CRLDistributionPoints([point]), False),
            (x509.FreshestCRL([delta]), False),
        ]
    ).certificate
    slapd.add(
        r"cn=CRL\, 1,o=Example",
        certificateRevocationList=crl(ca, LOST, number=1),
        deltaRevocationList=crl(ca, FINE, number=2, delta_of=1),
    )
    fetching = {
        "certificates": [leaf],
        "ldap_server": slapd.server,
        "allow_private": True,
    }
    with desk.source(fetching=fetching) as source:
        assert isinstance(desk.ask(source, LOST), Known)
        assert isinstance(desk.ask(source, FINE), Known)


@pytest.mark.rule("C9")
def test_a_directory_that_is_gone_takes_nothing_back_until_the_crl_ends(
    interop_command: Callable[[str], Path], desk: CRLDesk
) -> None:
    with running_slapd(interop_command) as slapd:
        slapd.add("cn=CRL,o=Example", certificateRevocationList=crl(desk.ca, LOST))
        url = slapd.url("cn=CRL,o=Example")
        with desk.source(url):
            pass
    with desk.source(url) as source:
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, LOST), Known)
        desk.clock.advance(DAY)
        with pytest.raises(SourceError, match="expired"):
            desk.ask(source, LOST)

    assert desk.kinds == [EventKind.FETCHED, EventKind.FETCH_FAILED, EventKind.EXPIRED]
    assert "nothing listens there" in desk.watcher.events[1].detail


def test_an_entry_that_is_not_there_is_told(slapd: Slapd, desk: CRLDesk) -> None:
    with desk.source(slapd.url("cn=none,o=Example")) as source, pytest.raises(SourceError):
        desk.ask(source, LOST)

    assert "noSuchObject" in desk.watcher.events[0].detail
