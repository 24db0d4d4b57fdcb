from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from certstatus.cli.params import HEX, MOMENT, OID, SERIAL, SPAN
from certstatus.cli.request_params import EXTENSION, GENERAL_NAME, PREFERENCE, RESPONSE_TYPE
from certstatus.cli.target import NUMBER_OF


def read(kind: click.ParamType[object], text: str) -> object:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "number"), [("3E8", 1000), ("0x3e8", 1000), ("03:E8", 1000), ("-1", -1), ("0", 0)]
)
def test_a_serial_number_is_hex(text: str, number: int) -> None:
    assert read(SERIAL, text) == number
    assert read(NUMBER_OF, f"{text}@ca.pem") == (number, "ca.pem")
    assert read(NUMBER_OF, text) == (number, "")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T12:00:00Z", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("2026-11-21T13:00:00+01:00", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("2026-11-21 12:00", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, moment: datetime) -> None:
    assert read(MOMENT, text) == moment


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("36h", timedelta(hours=36)),
        ("4d", timedelta(days=4)),
        ("1d12h", timedelta(hours=36)),
        ("0", timedelta()),
    ],
)
def test_a_length_of_time_has_units(text: str, span: timedelta) -> None:
    assert read(SPAN, text) == span


def test_octets_and_oids() -> None:
    assert read(HEX, "00:ff") == b"\x00\xff"
    assert read(HEX, "0xff") == b"\xff"
    assert str(getattr(read(OID, "1.2.3"), "dotted_string", "")) == "1.2.3"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dn:CN=me,O=Example", "directoryName:CN=me,O=Example"),
        ("uri:http://x.example/", "uniformResourceIdentifier:http://x.example/"),
        ("dns:me.example", "dNSName:me.example"),
        ("email:me@example.com", "rfc822Name:me@example.com"),
        ("ip:192.0.2.1", "iPAddress:192.0.2.1"),
        ("ip:2001:db8::1", "iPAddress:2001:db8::1"),
        ("oid:1.2.3", "registeredID:1.2.3"),
        ("der:82026d65", "dNSName:me"),
    ],
)
def test_a_name_of_every_kind(text: str, shown: str) -> None:
    assert str(read(GENERAL_NAME, text)) == shown


def test_an_extension_is_read_as_it_shall_stand() -> None:
    extension = EXTENSION.convert("1.2.3=0500", None, None)
    assert (extension.oid.dotted_string, extension.value, extension.critical) == (
        "1.2.3",
        b"\x05\x00",
        False,
    )
    assert EXTENSION.convert("1.2.3=,critical", None, None).critical


@pytest.mark.rule("O30")
def test_a_preference_names_an_algorithm_and_may_name_a_key() -> None:
    assert PREFERENCE.convert("Ed25519", None, None).cert_identifier is None
    wish = PREFERENCE.convert("ecdsa-with-sha384:P384", None, None)
    assert str(wish.sig_identifier) == "ecdsa-with-SHA384"
    assert str(wish.cert_identifier) == "id-ecPublicKey"
    assert PREFERENCE.convert("rsassa-pss-sha512", None, None).sig_identifier.parameters


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SERIAL, "xyz"),
        (SERIAL, ""),
        (MOMENT, "noon"),
        (SPAN, ""),
        (SPAN, "5 minutes"),
        (SPAN, "-5m"),
        (HEX, "f"),
        (HEX, "zz"),
        (OID, "one.two"),
        (GENERAL_NAME, "me"),
        (GENERAL_NAME, "dn:"),
        (GENERAL_NAME, "dn:nonsense"),
        (GENERAL_NAME, "dns:m\u00fcnchen.example"),
        (GENERAL_NAME, "ip:1.2.3"),
        (GENERAL_NAME, "oid:x"),
        (GENERAL_NAME, "der:ff"),
        (EXTENSION, "1.2.3"),
        (EXTENSION, "1.2.3=0500,important"),
        (EXTENSION, "x=0500"),
        (PREFERENCE, "sha1WithRSAEncryption"),
        (PREFERENCE, "ecdsa-with-SHA256:p1"),
        (RESPONSE_TYPE, "advanced"),
        (NUMBER_OF, "@ca.pem"),
    ],
)
def test_what_can_not_be_read_is_a_usage_error(kind: click.ParamType[object], text: str) -> None:
    with pytest.raises(click.BadParameter):
        read(kind, text)
