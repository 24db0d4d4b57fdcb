from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError, UnreachableError
from certstatus.limits_tls import MAX_STARTTLS_BYTES, MAX_STARTTLS_LINE_BYTES
from certstatus.tls.starttls import StartTLS, Upgrade

TLS_NAMESPACE = "urn:ietf:params:xml:ns:xmpp-tls"
STREAM = (
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns='jabber:client' from='mail.example' id='1' version='1.0'>"
)
FEATURES = (
    f"<stream:features><starttls xmlns='{TLS_NAMESPACE}'><required/></starttls></stream:features>"
)
PROCEED = f"<proceed xmlns='{TLS_NAMESPACE}'/>"
LDAP_SUCCESS = bytes.fromhex("300c02010178070a010004000400")
LDAP_LONG_LENGTHS = bytes.fromhex("30840000000c02010178070a010004000400")
LDAP_UNAVAILABLE = bytes.fromhex("301002010178 0b0a01340400040462757379".replace(" ", ""))

CONSENTING: dict[StartTLS, tuple[bytes, ...]] = {
    StartTLS.SMTP: (
        b"220-mail.example ESMTP\r\n220 ready\r\n",
        b"250-mail.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
        b"220 go ahead\r\n",
    ),
    StartTLS.IMAP: (b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", b"A1 OK begin TLS\r\n"),
    StartTLS.POP3: (b"+OK hello\r\n", b"+OK begin TLS\r\n"),
    StartTLS.XMPP: (b"", (STREAM + FEATURES).encode(), PROCEED.encode()),
    StartTLS.XMPP_SERVER: (
        b"",
        (STREAM + FEATURES).replace("jabber:client", "jabber:server").encode(),
        PROCEED.encode(),
    ),
    StartTLS.LDAP: (b"", LDAP_SUCCESS),
    StartTLS.POSTGRES: (b"", b"S"),
}
"""What a server says at each turn that lets TLS begin; it is silent first where b"" stands."""

SAID = {
    StartTLS.SMTP: [b"EHLO [127.0.0.1]\r\n", b"STARTTLS\r\n"],
    StartTLS.IMAP: [b"A1 STARTTLS\r\n"],
    StartTLS.POP3: [b"STLS\r\n"],
    StartTLS.LDAP: [bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"],
    StartTLS.POSTGRES: [bytes.fromhex("0000000804d2162f")],
}
EVERY = pytest.mark.parametrize("protocol", list(StartTLS))


def talk(protocol: StartTLS, *turns: bytes, host: str = "mail.example") -> tuple[Upgrade, bytes]:
    """Let a server say all its turns; return all that the client said."""
    upgrade = Upgrade(protocol, host)
    said = upgrade.advance()
    for turn in turns:
        said += upgrade.advance(turn)
    return upgrade, said


@EVERY
def test_tls_begins_where_the_server_consents(protocol: StartTLS) -> None:
    upgrade, _ = talk(protocol, *CONSENTING[protocol])

    assert upgrade.is_done


@pytest.mark.parametrize("protocol", SAID)
def test_what_is_said_is_what_the_protocol_asks(protocol: StartTLS) -> None:
    _, said = talk(protocol, *CONSENTING[protocol])

    assert said == b"".join(SAID[protocol])


@pytest.mark.parametrize("kind", ["client", "server"])
def test_an_xmpp_stream_is_opened_to_the_host_with_its_name_escaped(kind: str) -> None:
    protocol = StartTLS.XMPP if kind == "client" else StartTLS.XMPP_SERVER

    _, said = talk(protocol, *CONSENTING[protocol], host="a'b<c")

    opening, _, rest = said.decode().partition("<starttls")
    assert """to="a'b&lt;c\"""" in opening
    assert f"xmlns='jabber:{kind}'" in opening
    assert rest == f" xmlns='{TLS_NAMESPACE}'/>"


@EVERY
def test_nothing_is_done_before_the_last_word(protocol: StartTLS) -> None:
    upgrade, _ = talk(protocol, *CONSENTING[protocol][:-1])

    assert not upgrade.is_done


@EVERY
def test_plain_text_behind_the_last_word_is_refused(protocol: StartTLS) -> None:
    *turns, last = CONSENTING[protocol]

    with pytest.raises(MalformedError, match="11 octets of plain text stand behind") as caught:
        talk(protocol, *turns, last + b"injected!\r\n")

    assert caught.value.where == f"STARTTLS {protocol}"


@EVERY
@given(data=st.data())
def test_it_does_not_matter_how_what_comes_is_cut(protocol: StartTLS, data: st.DataObject) -> None:
    upgrade = Upgrade(protocol, "mail.example")
    said = upgrade.advance()
    for turn in CONSENTING[protocol]:
        cuts = data.draw(st.lists(st.integers(0, len(turn)), max_size=8))
        for start, end in pairwise([0, *sorted(cuts), len(turn)]):
            if start < end:
                said += upgrade.advance(turn[start:end])

    assert upgrade.is_done
    assert said == talk(protocol, *CONSENTING[protocol])[1]


REFUSALS = [
    (StartTLS.SMTP, [b"554 go away\r\n"], "554 go away"),
    (StartTLS.SMTP, [b"220 hi\r\n", b"250-mail.example\r\n250 SIZE 1\r\n"], "does not offer"),
    (StartTLS.SMTP, [b"220 hi\r\n", b"502 no EHLO here\r\n"], "502 no EHLO"),
    (StartTLS.SMTP, [*CONSENTING[StartTLS.SMTP][:-1], b"454 not now\r\n"], "454 not now"),
    (StartTLS.IMAP, [b"* BYE too busy\r\n"], "BYE too busy"),
    (StartTLS.IMAP, [b"* PREAUTH welcome\r\n"], "PREAUTH welcome"),
    (StartTLS.IMAP, [b"* OK hello\r\n", b"* 1 EXISTS\r\nA1 BAD unknown\r\n"], "A1 BAD unknown"),
    (StartTLS.IMAP, [b"* OK hello\r\n", b"* BYE bye\r\n"], "BYE bye"),
    (StartTLS.POP3, [b"-ERR busy\r\n"], "-ERR busy"),
    (StartTLS.POP3, [b"+OK hello\r\n", b"-ERR no TLS\r\n"], "-ERR no TLS"),
    (StartTLS.XMPP, [f"{STREAM}<stream:features/>".encode()], "does not offer starttls"),
    (
        StartTLS.XMPP,
        [f"{STREAM}<stream:error><host-unknown/></stream:error>".encode()],
        "begins with error: host-unknown",
    ),
    (
        StartTLS.XMPP,
        [f"{STREAM}{FEATURES}".encode(), f"<failure xmlns='{TLS_NAMESPACE}'/>".encode()],
        "answers starttls with failure",
    ),
    (StartTLS.LDAP, [LDAP_UNAVAILABLE], "resultCode 52, busy"),
    (StartTLS.POSTGRES, [b"N"], "not set up for TLS"),
    (StartTLS.POSTGRES, [b"EFATAL"], "answers with an error"),
]


@pytest.mark.parametrize(("protocol", "turns", "words"), REFUSALS)
def test_a_refusal_is_told_in_the_servers_words(
    protocol: StartTLS, turns: list[bytes], words: str
) -> None:
    with pytest.raises(UnreachableError) as caught:
        talk(protocol, *turns)

    assert words in str(caught.value)
    assert f"STARTTLS {protocol}: the server refuses" in str(caught.value)


STRANGE = [
    (StartTLS.SMTP, [b"SSH-2.0-OpenSSH_9.2\r\n"], "a reply of SMTP"),
    (StartTLS.SMTP, [b"220 hi\r\n", b"250-x\r\nnonsense\r\n"], "a reply of SMTP"),
    (StartTLS.IMAP, [b"+OK a POP3 server\r\n"], "a greeting of IMAP"),
    (StartTLS.IMAP, [b"* OK hello\r\n", b"B7 OK wrong tag\r\n"], "an answer to A1"),
    (StartTLS.POP3, [b"* OK an IMAP server\r\n"], "an answer of POP3"),
    (StartTLS.XMPP, [b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"], "no XML stream"),
    (StartTLS.XMPP, [b"<html><body></body></html>"], "expected a stream, got 'html'"),
    (StartTLS.XMPP, [b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"], "a document type"),
    (StartTLS.XMPP, [f"{STREAM}{FEATURES}".encode(), b"<message/>"], "expected proceed"),
    (StartTLS.LDAP, [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "an LDAPMessage"),
    (StartTLS.LDAP, [bytes.fromhex("3080020101")], "a definite length"),
    (StartTLS.LDAP, [bytes.fromhex("3084ffffffff")], "an LDAPMessage of 4294967295 octets"),
    (StartTLS.LDAP, [bytes.fromhex("30050201016100")], "an element with tag 0x78"),
    (StartTLS.LDAP, [bytes.fromhex("300502010178 7f".replace(" ", ""))], "reaches past the end"),
    (StartTLS.POSTGRES, [b"H"], "expected S or N, got 'H'"),
]


@pytest.mark.parametrize(("protocol", "turns", "words"), STRANGE)
def test_another_protocol_is_told_by_what_came(
    protocol: StartTLS, turns: list[bytes], words: str
) -> None:
    with pytest.raises(MalformedError, match=f"STARTTLS {protocol}: .*{words}"):
        talk(protocol, *turns)


def test_ldap_lengths_may_be_written_long() -> None:
    upgrade, _ = talk(StartTLS.LDAP, LDAP_LONG_LENGTHS)

    assert upgrade.is_done


@pytest.mark.parametrize("protocol", [StartTLS.SMTP, StartTLS.IMAP, StartTLS.POP3])
def test_a_line_without_end_is_cut_off(protocol: StartTLS) -> None:
    with pytest.raises(MalformedError, match="nothing ends within"):
        talk(protocol, b"x" * MAX_STARTTLS_LINE_BYTES)


def test_a_banner_without_end_is_cut_off() -> None:
    line = b"220-" + b"x" * 1000 + b"\r\n"
    banner = [line] * (MAX_STARTTLS_BYTES // len(line) + 1)

    with pytest.raises(MalformedError, match=f"more than {MAX_STARTTLS_BYTES} octets"):
        talk(StartTLS.SMTP, *banner)


@EVERY
def test_the_servers_words_are_shortened(protocol: StartTLS) -> None:
    with pytest.raises((MalformedError, UnreachableError)) as caught:
        talk(protocol, *CONSENTING[protocol][:-1], b"<" + b"?" * 5000 + b">\r\n")

    assert len(str(caught.value)) < 300


@EVERY
@given(turns=st.lists(st.binary(max_size=200), max_size=5))
def test_no_answer_harms(protocol: StartTLS, turns: list[bytes]) -> None:
    upgrade = Upgrade(protocol, "mail.example")
    upgrade.advance()
    with contextlib.suppress(MalformedError, UnreachableError):
        for turn in turns:
            if not upgrade.is_done:
                upgrade.advance(turn)


@EVERY
def test_each_protocol_has_the_port_that_it_is_known_by(protocol: StartTLS) -> None:
    known = {"smtp": 25, "imap": 143, "pop3": 110, "ldap": 389, "postgres": 5432}

    assert protocol.port == known.get(protocol, 5269 if "server" in protocol else 5222)
