"""Where a ServiceLocator may lead: to what is listed, however a client spells it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.errors import ConfigError
from certstatus.fetch import Guard, Provenance
from certstatus.limits import MAX_URL_BYTES
from certstatus.ocsp import Extensions, Good, Request, ServiceLocator
from certstatus.ocsp.extensions import Extension
from certstatus.pkix import AccessDescription, GeneralName
from certstatus.responder import AllowedLocation, Cause
from certstatus.responder.locator import Location
from certstatus.testing import TinyCA
from tests.proxying import SERIAL, Branch, status_of
from tests.scripted import Reply as HTTPAnswer
from tests.scripted import ScriptedServer

UNAUTHORIZED = bytes.fromhex("30030a0106")


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA("Located CA")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def branch(ca: TinyCA, server: ScriptedServer) -> Branch:
    """A branch whose upstreams may be anywhere, as in a network of one's own."""
    return Branch(ca, server).with_policy(allow_private=True)


# --- the list -----------------------------------------------------------------------------------

ADMITTED = [
    ("http://ocsp.example/", "http://ocsp.example/"),
    ("http://ocsp.example/", "http://ocsp.example"),
    ("http://ocsp.example", "http://ocsp.example/deep/er"),
    ("http://ocsp.example/", "HTTP://OCSP.Example:80/ca1"),
    ("http://ocsp.example/ca1", "http://ocsp.example/ca1"),
    ("http://ocsp.example/ca1/", "http://ocsp.example/ca1/x"),
    ("http://ocsp.example/ca1/", "http://ocsp.example/ca1/"),
    ("http://ocsp.example:8080/", "http://ocsp.example:8080/x"),
    ("https://ocsp.example/", "https://ocsp.example:443/"),
    ("http://[2001:db8::1]/", "http://[2001:DB8::1]:80/x"),
]
REFUSED = [
    ("http://ocsp.example/", "https://ocsp.example/"),
    ("http://ocsp.example/", "http://ocsp.example:81/"),
    ("http://ocsp.example/", "http://ocsp.example.attacker.test/"),
    ("http://ocsp.example/", "http://attacker.test/http://ocsp.example/"),
    ("http://ocsp.example/", "http://ocsp.example@attacker.test/"),
    ("http://ocsp.example/", "http://attacker.test#@ocsp.example/"),
    ("http://ocsp.example/", "http://ocsp.example\\@attacker.test/"),
    ("http://ocsp.example/", "http://ocsp.example./"),
    ("http://ocsp.example/", "http://ocsp.example/?to=elsewhere"),
    ("http://ocsp.example/", "http://ocsp.example/#x"),
    ("http://ocsp.example/", "http://ocsp.example/%2e%2e/"),
    ("http://ocsp.example/", "http://ocsp.example//x"),
    ("http://ocsp.example/", "//ocsp.example/"),
    ("http://ocsp.example/", " http://ocsp.example/"),
    ("http://ocsp.example/", "http://ocsp.example/\r\nHost: attacker.test"),
    ("http://ocsp.example/", "http://ocsp.example:0/"),
    ("http://ocsp.example/", "http://ocsp.example:70000/"),
    ("http://ocsp.example/", "ldap://ocsp.example/"),
    ("http://ocsp.example/ca1", "http://ocsp.example/ca10"),
    ("http://ocsp.example/ca1", "http://ocsp.example/ca1/x"),
    ("http://ocsp.example/ca1/", "http://ocsp.example/ca1"),
    ("http://ocsp.example/ca1/", "http://ocsp.example/ca1/../admin"),
    ("http://ocsp.example/ca1/", "http://ocsp.example/ca1/./x"),
    ("http://ocsp.example/ca1/", "http://ocsp.example/CA1/x"),
    ("http://ocsp.example/", "http://ocsp.example/" + "x" * MAX_URL_BYTES),
]


def is_admitted(entry: str, url: str) -> bool:
    location = Location.of(url)
    return location is not None and AllowedLocation.of(entry).admits(location)


@pytest.mark.parametrize(("entry", "url"), ADMITTED)
@pytest.mark.rule("O7")
def test_what_is_listed_is_admitted_in_one_spelling(entry: str, url: str) -> None:
    assert is_admitted(entry, url)
    location = Location.of(url)
    assert location is not None
    assert is_admitted(entry, location.url)
    assert Guard(Provenance.CERTIFICATE).place(location.url)


@pytest.mark.parametrize(("entry", "url"), REFUSED)
@pytest.mark.rule("O7")
def test_what_is_not_listed_is_not_admitted(entry: str, url: str) -> None:
    assert not is_admitted(entry, url)


@given(st.text(alphabet="htp:/.@#?\\%ocsp.exampl[]0189 \r\nA-_~", max_size=60))
@pytest.mark.rule("O7")
def test_whatever_is_admitted_leads_where_the_guard_sees_the_listed_host(text: str) -> None:
    for url in (text, f"http://ocsp.example{text}", f"http://{text}ocsp.example/"):
        location = Location.of(url)
        if location is None or not AllowedLocation.of("http://ocsp.example/").admits(location):
            continue
        place = Guard(Provenance.CERTIFICATE).place(location.url)
        assert not isinstance(place, str)
        assert (place.scheme, place.host, place.port) == ("http", "ocsp.example", 80)


@pytest.mark.parametrize(
    "entry", ["", "ocsp.example", "http://*.example/", "http://a.example/?x", "file:///etc", "//a"]
)
def test_an_entry_that_is_no_plain_url_is_named(entry: str) -> None:
    with pytest.raises(ConfigError, match="is no plain URL") as error:
        AllowedLocation.of(entry)

    assert error.value.key == "service_locator"


# --- requests -----------------------------------------------------------------------------------


def naming(branch: Branch, *urls: str, ca: TinyCA | None = None, serial: int = SERIAL) -> Request:
    """Ask for a certificate whose locator names these URLs."""
    found = tuple(AccessDescription(oids.ID_AD_OCSP, GeneralName.uri(url)) for url in urls)
    locator = ServiceLocator((ca or branch.ca).certificate.subject, found)
    return Request(branch.cert_id(serial), Extensions.of(locator))


@pytest.mark.rule("O7")
def test_a_request_is_routed_to_the_listed_responder_that_its_locator_names(
    branch: Branch,
) -> None:
    router = branch.led(branch.server.url)

    reply = branch.ask(naming(branch, "http://elsewhere.test/", branch.server.url), router=router)

    assert status_of(reply) == Good()
    assert reply.told[0].origin == branch.server.url
    assert len(branch.server.asked) == 1


@pytest.mark.rule("O7")
def test_without_a_locator_or_with_one_that_leads_elsewhere_nobody_is_asked(
    branch: Branch, other_ca: TinyCA
) -> None:
    router, url = branch.led(branch.server.url), branch.server.url
    ca_issuers = AccessDescription(oids.ID_AD_CA_ISSUERS, GeneralName.uri(url))
    not_ocsp = ServiceLocator(branch.ca.certificate.subject, (ca_issuers,))
    asked = [
        Request(branch.cert_id()),
        naming(branch),
        naming(branch, "http://127.0.0.1:1/"),
        naming(branch, url.replace("127.0.0.1", "localhost")),
        naming(branch, url, ca=other_ca),
        Request(branch.cert_id(), Extensions.of(not_ocsp)),
    ]

    replies = [branch.ask(one, router=router) for one in asked]

    assert {(one.cause, one.der) for one in replies} == {(Cause.SERVICE_LOCATOR, UNAUTHORIZED)}
    assert branch.server.asked == []


@pytest.fixture(scope="module")
def other_ca() -> TinyCA:
    return TinyCA("Other CA")


def test_a_broken_locator_makes_the_request_malformed(branch: Branch) -> None:
    broken = Extensions((Extension(ServiceLocator.oid, b"\x30\x03\x02\x01\x01"),))

    reply = branch.ask(Request(branch.cert_id(), broken), router=branch.led(branch.server.url))

    assert reply.cause is Cause.MALFORMED


@pytest.mark.rule("O7")
def test_another_issuer_is_nobody_s_whatever_its_locator_names(
    branch: Branch, other_ca: TinyCA
) -> None:
    stranger = Branch(other_ca, branch.server)

    reply = branch.ask(naming(stranger, branch.server.url), router=branch.led(branch.server.url))

    assert reply.cause is Cause.ISSUER
    assert branch.server.asked == []


@pytest.mark.rule("O7", "O11")
def test_what_the_listed_responder_says_is_verified_against_the_configured_issuer(
    branch: Branch,
) -> None:
    stranger = TinyCA(branch.ca.common_name)
    branch.signs(branch.forge.but(signer=stranger.issue_responder()))

    reply = branch.ask(naming(branch, branch.server.url), router=branch.led(branch.server.url))

    assert reply.response_status.label == "tryLater"


def test_of_several_certificates_all_locators_must_lead_there(branch: Branch) -> None:
    router, url = branch.led(branch.server.url), branch.server.url
    there = naming(branch, url)
    also_there = naming(branch, f"{url}below", url, serial=7)
    elsewhere = naming(branch, "http://elsewhere.test/", serial=8)

    assert branch.ask(there, also_there, router=router).cause is Cause.ANSWERED
    assert branch.ask(there, elsewhere, router=router).cause is Cause.SERVICE_LOCATOR
    assert len(branch.server.asked) == 1


@pytest.mark.rule("O7")
def test_a_redirect_leads_off_the_list_and_is_not_followed(branch: Branch) -> None:
    with ScriptedServer() as elsewhere:
        branch.sends(HTTPAnswer(status=307, headers={"Location": elsewhere.url}))

        reply = branch.ask(naming(branch, branch.server.url), router=branch.led(branch.server.url))

        assert elsewhere.asked == []
    assert "redirects are switched off" in reply.detail


@pytest.mark.rule("O7")
def test_the_way_to_a_listed_name_does_not_lead_inside_unless_allowed(
    ca: TinyCA, server: ScriptedServer
) -> None:
    careful = Branch(ca, server)

    reply = careful.ask(naming(careful, server.url), router=careful.led(server.url))

    assert "leads inside" in reply.detail
    assert server.asked == []


def test_a_path_that_a_client_made_up_keeps_nobody_from_the_right_one(branch: Branch) -> None:
    router, url = branch.led(branch.server.url), branch.server.url
    sign = branch.server.script
    branch.server.script = lambda asked: (
        HTTPAnswer(status=503) if "made-up" in asked.path else sign(asked)
    )

    for number in range(3):
        branch.ask(naming(branch, f"{url}made-up/{number}"), router=router)

    assert status_of(branch.ask(naming(branch, url), router=router)) == Good()
    assert len(branch.watcher.kinds) == 2, "one alarm for all of them, and its end"
