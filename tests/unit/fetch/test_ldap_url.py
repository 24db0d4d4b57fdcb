"""LDAP URLs by RFC 4516: taken apart, then decoded; what is dangerous or not for CRLs is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.fetch import LDAPURL, Guard, Place, Provenance, is_ldap_url, parse_ldap_url
from certstatus.fetch.ldap_filter import encode_filter
from certstatus.fetch.ldap_url import ATTRIBUTES, attribute_name
from certstatus.limits import MAX_URL_BYTES

CRL = "certificateRevocationList"
STRANGER = Guard(Provenance.CERTIFICATE)


@pytest.mark.parametrize(
    ("url", "dn"),
    [
        ("ldap://h/cn=a%2Cb?certificateRevocationList", "cn=a,b"),
        ("ldap://h/cn=a%5C,b%20c,o=d?certificateRevocationList", r"cn=a\,b c,o=d"),
        ("ldap://h/cn=what%3f,o=d?certificateRevocationList", "cn=what?,o=d"),
        ("ldap://h/cn=100%25?certificateRevocationList", "cn=100%"),
        ("ldap://h/cn=%C3%BC?certificateRevocationList", "cn=ü"),
        ("ldap://h/cn=a%2Fb/c?certificateRevocationList", "cn=a/b/c"),
    ],
)
@pytest.mark.rule("C12")
def test_a_url_is_decoded_after_it_was_taken_apart(url: str, dn: str) -> None:
    assert parse_ldap_url(url).dn == dn


@pytest.mark.rule("C12")
def test_what_is_left_out_has_the_defaults_of_the_standard() -> None:
    assert parse_ldap_url("ldap:///cn=x?certificateRevocationList") == LDAPURL(
        scheme="ldap",
        host="",
        port=389,
        dn="cn=x",
        attribute=CRL,
        scope=0,
        filter="(objectClass=*)",
    )
    assert parse_ldap_url("LDAPS://h/cn=x?certificateRevocationList").port == 636


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [
        ("dir.example", "dir.example", 389),
        ("dir.example:3890", "dir.example", 3890),
        ("[2001:db8::7]", "2001:db8::7", 389),
        ("[::1]:10389", "::1", 10389),
        ("192.0.2.1:65535", "192.0.2.1", 65535),
    ],
)
@pytest.mark.rule("C12")
def test_host_and_port_are_read(authority: str, host: str, port: int) -> None:
    parsed = parse_ldap_url(f"ldap://{authority}/cn=x?{CRL}")

    assert (parsed.host, parsed.port) == (host, port)


@pytest.mark.parametrize(
    ("tail", "scope", "text"),
    [
        ("??base", 0, "(objectClass=*)"),
        ("?one", 1, "(objectClass=*)"),
        ("?SUB?(cn=a%20b)", 2, "(cn=a b)"),
        ("?base?objectClass=cRLDistributionPoint", 0, "objectClass=cRLDistributionPoint"),
        ("???bindname=cn%3dx,x-other", 0, "(objectClass=*)"),
        ("????", None, ""),
    ],
)
@pytest.mark.rule("C12")
def test_scope_filter_and_extensions_are_read(tail: str, scope: int | None, text: str) -> None:
    tail = tail.replace("??base", "?base", 1) if tail == "??base" else tail
    url = f"ldap://h/cn=x?{CRL}{tail}"
    if scope is None:
        with pytest.raises(MalformedError, match="four question marks"):
            parse_ldap_url(url)
        return
    parsed = parse_ldap_url(url)

    assert (parsed.scope, parsed.filter) == (scope, text)


@pytest.mark.parametrize(
    ("url", "rule", "message"),
    [
        ("http://h/cn=x?" + CRL, "C12", "does not begin"),
        ("ldap:h", "C12", "does not begin"),
        (f"ldap://h/cn=x?{CRL}???!bindname=cn=x", "C12", "critical extension"),
        (f"ldap://h/cn=x?{CRL}???x-a,%21x-b", "C12", "critical extension"),
        (f"ldap://h/cn=x?{CRL}?tree", "C12", "scope"),
        (f"ldap://h:0/cn=x?{CRL}", "C12", "host"),
        (f"ldap://h:99999/cn=x?{CRL}", "C12", "host"),
        (f"ldap://user@h/cn=x?{CRL}", "C12", "host"),
        (f"ldap://h\\a/cn=x?{CRL}", "C12", "host"),
        (f"ldap://h/cn=a b?{CRL}", "C12", "can't hold"),
        (f"ldap://h/cn=%zz?{CRL}", "C12", "two hex digits"),
        (f"ldap://h/cn=%?{CRL}", "C12", "two hex digits"),
        (f"ldap://h/cn=%FF?{CRL}", "C12", "UTF-8"),
        (f"ldap://h/{'x' * MAX_URL_BYTES}?{CRL}", "C12", "too long"),
        (f"ldap://h/?{CRL}", "C11", "names no entry"),
        ("ldap://h/cn=x", "C11", "names 0 attributes"),
        (f"ldap://h/cn=x?{CRL},cACertificate", "C11", "names 2 attributes"),
        ("ldap://h/cn=x?*", "C13", "holds no certificate or CRL"),
        ("ldap://h/cn=x?userPassword", "C13", "holds no certificate or CRL"),
        (f"ldap://h/cn=x?{CRL};lang-de", "C13", "holds no certificate or CRL"),
        (f"ldap://h/cn=x?{CRL}??(cn=a*)", None, "part of a value"),
        (f"ldap://h/cn=x?{CRL}??(cn>=a)", None, "no filter"),
    ],
)
@pytest.mark.rule("C11", "C12", "C13")
def test_what_breaks_the_rules_is_refused(url: str, rule: str | None, message: str) -> None:
    with pytest.raises(MalformedError, match=message) as caught:
        parse_ldap_url(url)
    assert caught.value.rule == rule


@pytest.mark.parametrize(("name", "oid"), ATTRIBUTES.values(), ids=str)
@pytest.mark.rule("C13")
def test_every_attribute_of_rfc_4523_is_known_by_name_and_oid(name: str, oid: str) -> None:
    for text in (name, name.lower(), f"{name};binary", oid, f"{oid};BINARY"):
        assert attribute_name(text) == name
        assert parse_ldap_url(f"ldap://h/cn=x?{text}").attribute == name


@pytest.mark.rule("C13")
def test_a_search_asks_for_one_attribute_with_binary() -> None:
    url = parse_ldap_url("ldap://h/cn=x?2.5.4.53")

    assert (
        url.search(1, time_limit=15)
        == bytes.fromhex(
            "30 46 02 01 01 63 41 04 04 63 6e 3d 78 0a 01 00 0a 01 00 02 01 00 02 02 00 0f"
            "01 01 00 87 0b 6f 62 6a 65 63 74 43 6c 61 73 73 30 1c 04 1a"
        )
        + b"deltaRevocationList;binary"
    )


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("(objectClass=*)", "870b" + b"objectClass".hex()),
        ("cn=a", "a307 0402 636e 0401 61"),
        (r"(cn=\2a\29)", "a308 0402 636e 0402 2a29"),
        ("(cn=)", "a306 0402 636e 0400"),
        ("(2.5.4.3=a)", "a30c 0407 322e352e342e33 0401 61"),
        ("(!(cn=a))", "a209 a307 0402 636e 0401 61"),
        ("(&(cn=a)(sn=*))", "a00d a307 0402 636e 0401 61 8702 736e"),
        ("(|)", "a100"),
    ],
)
def test_filters_are_encoded_as_rfc_4511_asks(text: str, encoded: str) -> None:
    assert encode_filter(text) == bytes.fromhex(encoded)


@pytest.mark.parametrize(
    "text",
    [
        "(",
        "()",
        "(cn=a",
        "(cn=a))",
        "(cn=a)(sn=b)",
        r"(cn=\zz)",
        "(!(a=b)(c=d))",
        "(&(a=b)",
        "(a:=b)",
        f"{'(!' * 20}(a=b){')' * 20}",
    ],
)
def test_filters_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        encode_filter(text)


@pytest.mark.rule("C11")
def test_a_url_without_host_goes_to_the_configured_server() -> None:
    server = parse_ldap_url(f"ldaps://dir.example:6360/cn=x?{CRL}")
    bare = parse_ldap_url(f"ldap:///cn=y?{CRL}")

    assert bare.at(server) == LDAPURL(
        scheme="ldaps", host="dir.example", port=6360, dn="cn=y", attribute=CRL
    )
    assert server.at(parse_ldap_url(f"ldap://other/cn=z?{CRL}")) == server
    assert "no LDAP server is configured" in str(Guard().ldap_place(bare))


def test_the_guard_is_the_same_as_for_http() -> None:
    def place(port: int, guard: Guard, scheme: str = "ldap") -> Place | str:
        return guard.ldap_place(LDAPURL(scheme=scheme, host="h", port=port, dn="d", attribute=CRL))

    assert place(389, STRANGER) == Place("ldap", "h", 389)
    assert place(636, STRANGER, "ldaps") == Place("ldaps", "h", 636)
    assert place(25, Guard()) == Place("ldap", "h", 25)
    assert "another protocol" in str(place(25, STRANGER))
    assert "switched off" in str(place(636, Guard(allow_https=False), "ldaps"))
    assert "is not HTTP" in str(Guard().place("ldap://h/cn=x"))


def test_a_scheme_is_told_apart_in_any_case() -> None:
    assert [is_ldap_url(one) for one in ("LDAP://h/", "ldaps:///x")] == [True, True]
    assert [is_ldap_url(one) for one in ("http://ldap://", "ldap")] == [False, False]


@given(
    st.builds(
        LDAPURL,
        host=st.sampled_from(["dir.example", "::1"]),
        port=st.sampled_from([389, 1389]),
        dn=st.text(min_size=1, max_size=40).filter(str.isprintable),
        attribute=st.sampled_from([name for name, _ in ATTRIBUTES.values()]),
        scope=st.integers(0, 2),
        filter=st.sampled_from(["(objectClass=*)", "(cn=a b)", "(|(cn=a)(cn=%))"]),
    )
)
@pytest.mark.rule("C12")
def test_what_is_written_is_read_back(url: LDAPURL) -> None:
    assert parse_ldap_url(str(url)) == url


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parsed = parse_ldap_url(f"ldap://{text}")
    except MalformedError:
        return
    assert parse_ldap_url(str(parsed)) == parsed
