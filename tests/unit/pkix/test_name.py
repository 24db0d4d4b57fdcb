"""Names: bytes kept, compared by RFC 5280 §7.1, and GeneralName in all its arms."""

from __future__ import annotations

import pytest
from asn1crypto import x509 as judge
from cryptography import x509
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import decode, encode, read_tlv
from certstatus.asn1.x509 import AccessDescription as DeclaredAccessDescription
from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_NAMES
from certstatus.pkix import AccessDescription, GeneralName, GeneralNameKind, Name
from certstatus.pkix import name as name_module
from certstatus.pkix.name import (
    decode_general_names,
    distribution_point_name,
    encode_general_names,
)
from tests import der as hand

COMMON_NAME, ORGANIZATION, COUNTRY = "2.5.4.3", "2.5.4.10", "2.5.4.6"
UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E


def attribute(dotted: str, tag: int, octets: bytes) -> bytes:
    return hand.sequence(hand.oid(dotted), hand.tlv(tag, octets))


def name(*rdns: tuple[bytes, ...]) -> Name:
    """Make a Name of RDNs, each of its attributes."""
    return Name(hand.sequence(*(hand.tlv(0x31, *rdn) for rdn in rdns)))


def common(tag: int, octets: bytes) -> Name:
    return name((attribute(COMMON_NAME, tag, octets),))


# --- comparison ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (common(PRINTABLE, b"Foo Bar"), common(PRINTABLE, b"Foo Bar")),
        (common(PRINTABLE, b"Foo Bar"), common(UTF8, b"foo BAR")),
        (common(PRINTABLE, b"  Foo \t Bar "), common(UTF8, b"foo bar")),
        (common(BMP, "Foo".encode("utf-16-be")), common(UTF8, b"foo")),
        (common(UNIVERSAL, "Foo".encode("utf-32-be")), common(PRINTABLE, b"foo")),
        (common(TELETEX, b"caf\xe9"), common(UTF8, "CAFÉ".encode())),
        (common(UTF8, "Å".encode()), common(UTF8, "A\u030a".encode())),  # composed or not
        (common(UTF8, "Straße".encode()), common(UTF8, b"STRASSE")),
        (common(PRINTABLE, b"*.example_@"), common(UTF8, b"*.EXAMPLE_@")),  # no PrintableString
        (
            name((attribute(COMMON_NAME, UTF8, b"a"), attribute(ORGANIZATION, UTF8, b"b"))),
            name((attribute(ORGANIZATION, PRINTABLE, b"B"), attribute(COMMON_NAME, IA5, b"A"))),
        ),
    ],
)
@pytest.mark.rule("O16", "O22")
def test_names_match_whatever_their_case_spaces_and_string_types(one: Name, other: Name) -> None:
    assert one.matches(other)
    assert other.matches(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (common(UTF8, b"foo"), common(UTF8, b"bar")),
        (common(UTF8, b"foobar"), common(UTF8, b"foo bar")),
        (common(UTF8, b"foo"), name((attribute(ORGANIZATION, UTF8, b"foo"),))),
        (common(UTF8, b"foo"), name()),
        (
            name((attribute(COMMON_NAME, UTF8, b"a"),), (attribute(ORGANIZATION, UTF8, b"b"),)),
            name((attribute(ORGANIZATION, UTF8, b"b"),), (attribute(COMMON_NAME, UTF8, b"a"),)),
        ),
        (
            name((attribute(COMMON_NAME, UTF8, b"a"),), (attribute(ORGANIZATION, UTF8, b"b"),)),
            name((attribute(COMMON_NAME, UTF8, b"a"), attribute(ORGANIZATION, UTF8, b"b"))),
        ),
        (
            name((attribute(COMMON_NAME, UTF8, b"a"), attribute(COMMON_NAME, UTF8, b"A"))),
            common(UTF8, b"a"),
        ),
        (common(0x03, b"\x00ab"), common(0x03, b"\x00AB")),  # a BIT STRING has no case
        (common(UTF8, b"\xff"), common(UTF8, b"\xfe")),  # nor has what is no UTF-8
        (Name(b"junk"), common(UTF8, b"foo")),
    ],
)
@pytest.mark.rule("O16", "O22")
def test_names_that_differ_in_more_do_not_match(one: Name, other: Name) -> None:
    assert not one.matches(other)
    assert not other.matches(one)


def test_the_same_bytes_match_whatever_they_are() -> None:
    assert Name(b"junk").matches(Name(b"junk"))


# --- reading and showing ------------------------------------------------------------------


@pytest.mark.parametrize(
    "der",
    [
        b"",
        hand.NULL,
        hand.sequence(hand.NULL),
        hand.sequence(hand.tlv(0x31)),
        hand.sequence(hand.sequence(attribute(COMMON_NAME, UTF8, b"a"))),
        hand.sequence(hand.tlv(0x31, hand.sequence(hand.oid(COMMON_NAME)))),
        hand.sequence(hand.tlv(0x31, hand.sequence(hand.NULL, hand.NULL))),
        name().der + b"\x00",
    ],
)
def test_what_is_no_name_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^ResponderID"):
        Name.from_der(der, "ResponderID")
    assert str(Name(der)) == f"(unreadable name {der.hex()})"


@pytest.mark.parametrize(
    "odd",
    [
        common(PRINTABLE, b"a@b"),
        common(UTF8, b"\xff"),
        name((attribute(COUNTRY, PRINTABLE, b"USA"),)),
        common(0x30, hand.NULL),
        name((attribute(ORGANIZATION, UTF8, b"b"), attribute(COMMON_NAME, UTF8, b"a"))),
    ],
)
def test_a_name_with_odd_strings_is_read_all_the_same(odd: Name) -> None:
    """Old CAs wrote "@" into PrintableStrings and countries of three letters."""
    assert Name.from_der(odd.der) == odd


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (name(), ""),
        (
            name((attribute(COUNTRY, PRINTABLE, b"JP"),), (attribute(COMMON_NAME, UTF8, b"a"),)),
            "CN=a,C=JP",
        ),
        (
            name((attribute(COMMON_NAME, UTF8, b"a"), attribute(ORGANIZATION, UTF8, b"b"))),
            "CN=a+O=b",
        ),
        (name((attribute("1.2.3", UTF8, b"x"),)), "1.2.3=x"),
        (common(UTF8, b'a,b+c"d;e<f>g\\h=i'), 'CN=a\\,b\\+c\\"d\\;e\\<f\\>g\\\\h=i'),
        (common(UTF8, b"#1 #2"), "CN=\\#1 #2"),
        (common(UTF8, b" a "), "CN=\\ a\\ "),
        (common(UTF8, b" "), "CN=\\ "),
        (common(0x03, b"\x00ab"), "CN=#0303006162"),
        (common(UTF8, b"\xff"), "CN=#0c01ff"),
    ],
)
def test_a_name_is_shown_as_rfc_4514_writes_it(shown: Name, text: str) -> None:
    assert str(shown) == text


def test_a_name_cannot_give_orders_to_a_terminal_or_forge_a_line_of_a_log() -> None:
    shown = str(common(UTF8, "a\x1b[2J\nb\u202ec".encode()))

    assert shown == "CN=a\\1b[2J\\0ab\\e2\\80\\aec"
    assert shown.isprintable()


@pytest.mark.parametrize("text", ["CN=ocsp.example,O=Example\\, Inc.,C=JP", "CN=a+O=b", "1.2.3=x"])
def test_a_name_that_people_write_is_read_and_shown_again(text: str) -> None:
    read = Name.from_rfc4514(text)

    assert str(read) == text
    assert read.parsed() == x509.Name.from_rfc4514_string(text)
    assert read == Name.from_x509(read.parsed())


@pytest.mark.parametrize("text", ["CN", "=", "foo=bar", "CN=\\", "C=USA"])
def test_text_that_is_no_distinguished_name_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="is not a distinguished name"):
        Name.from_rfc4514(text)


def test_what_the_library_would_warn_of_is_parsed_in_silence() -> None:
    assert name((attribute(COUNTRY, PRINTABLE, b"USA"),)).parsed().rfc4514_string() == "C=USA"
    with pytest.raises(MalformedError):
        common(PRINTABLE, b"a@b").parsed()


# --- GeneralName --------------------------------------------------------------------------

DIRECTORY = common(UTF8, b"a")
OTHER = hand.oid("1.3.6.1.4.1.311.20.2.3") + hand.explicit(0, hand.tlv(UTF8, b"user@example"))

ARMS = [
    (GeneralNameKind.OTHER_NAME, hand.tlv(0xA0, OTHER), "other_name", OTHER.hex()),
    (GeneralNameKind.RFC822_NAME, hand.tlv(0x81, b"a@b.example"), "rfc822_name", "a@b.example"),
    (GeneralNameKind.DNS_NAME, hand.tlv(0x82, b"b.example"), "dns_name", "b.example"),
    (
        GeneralNameKind.X400_ADDRESS,
        hand.tlv(0xA3, hand.sequence()),
        "x400_address",
        hand.sequence().hex(),
    ),
    (GeneralNameKind.DIRECTORY_NAME, hand.tlv(0xA4, DIRECTORY.der), "directory_name", "CN=a"),
    (
        GeneralNameKind.EDI_PARTY_NAME,
        hand.tlv(0xA5, hand.tlv(0xA1, hand.tlv(UTF8, b"x"))),
        "edi_party_name",
        hand.tlv(0xA1, hand.tlv(UTF8, b"x")).hex(),
    ),
    (
        GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER,
        hand.tlv(0x86, b"http://a.example/"),
        "uniform_resource_identifier",
        "http://a.example/",
    ),
    (GeneralNameKind.IP_ADDRESS, hand.tlv(0x87, b"\x7f\0\0\x01"), "ip_address", "127.0.0.1"),
    (GeneralNameKind.IP_ADDRESS, hand.tlv(0x87, bytes(15) + b"\x01"), "ip_address", "::1"),
    (
        GeneralNameKind.REGISTERED_ID,
        hand.tlv(0x88, hand.oid("1.2.3")[2:]),
        "registered_id",
        "1.2.3",
    ),
]


@pytest.mark.parametrize(("kind", "der", "arm", "text"), ARMS)
def test_every_arm_is_read_shown_and_written_again(
    kind: GeneralNameKind, der: bytes, arm: str, text: str
) -> None:
    read = GeneralName.from_der(der, "requestorName")

    assert (read.kind, read.text, read.encode()) == (kind, text, der)
    assert str(read).lower() == f"{arm.replace('_', '')}:{text}".lower()
    assert judge.GeneralName.load(der).name == arm


def test_an_address_of_another_length_is_shown_in_hex() -> None:
    assert GeneralName.from_der(hand.tlv(0x87, b"\x01\x02"), "name").text == "0102"


@pytest.mark.parametrize(
    "der",
    [
        b"",
        hand.NULL,
        hand.tlv(0x89, b""),  # no such arm
        b"\x9f\x01\x00",
        hand.tlv(0x41, b"a"),  # another class
        hand.tlv(0xA2, b"b.example"),  # constructed where primitive should stand
        hand.tlv(0x80, OTHER),
        hand.tlv(0x84, DIRECTORY.der),
        hand.tlv(0x86, b"http://\xff/"),
        hand.tlv(0x82, "é".encode()),
        hand.tlv(0xA4, b""),
        hand.tlv(0xA4, hand.NULL),
        hand.tlv(0xA4, DIRECTORY.der + hand.NULL),
        hand.tlv(0xA0, b""),
        hand.tlv(0xA0, hand.oid("1.2.3")),
        hand.tlv(0x88, b""),
        hand.tlv(0x88, b"\x80\x01"),
        hand.tlv(0x82, b"b.example") + b"\x00",
    ],
)
def test_what_is_no_general_name_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^requestorName: "):
        GeneralName.from_der(der, "requestorName")


def test_general_names_are_made_of_what_people_say() -> None:
    made = (
        GeneralName.uri("http://a.example/"),
        GeneralName.dns_name("b.example"),
        GeneralName.rfc822_name("a@b.example"),
        GeneralName.directory_name(DIRECTORY),
    )

    judged = judge.GeneralNames.load(encode_general_names(made)).native
    assert judged == ["http://a.example/", "b.example", "a@b.example", {"common_name": "a"}]
    assert decode_general_names(encode_general_names(made), "names") == made
    assert made[3].name == DIRECTORY
    assert made[0].name is None


@pytest.mark.parametrize("text", ["http://é.example/", "é.example"])
def test_an_internationalized_host_is_for_the_caller_to_encode(text: str) -> None:
    with pytest.raises(UnicodeEncodeError):
        GeneralName.uri(text)
    with pytest.raises(UnicodeEncodeError):
        GeneralName.dns_name(text)


@pytest.mark.parametrize("der", [hand.sequence(), hand.sequence(hand.NULL), b"", hand.NULL])
def test_general_names_are_at_least_one(der: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_general_names(der, "certificateIssuer")


def test_an_access_description_is_read_and_written() -> None:
    made = AccessDescription(oids.ID_AD_OCSP, GeneralName.uri("http://ocsp.example/"))

    declared = decode(DeclaredAccessDescription, made.encode(), "AIA")

    assert AccessDescription.from_declared(declared, "AIA") == made
    assert encode(made.declared()) == made.encode()
    judged = judge.AccessDescription.load(made.encode()).native
    assert judged == {"access_method": "ocsp", "access_location": "http://ocsp.example/"}


def test_an_access_description_with_a_broken_location_is_refused() -> None:
    declared = DeclaredAccessDescription(
        access_method=ObjectIdentifier("1.2.3"), access_location=read_tlv(hand.NULL, "location")
    )

    with pytest.raises(MalformedError, match=r"^AIA\.accessLocation: "):
        AccessDescription.from_declared(declared, "AIA")


# --- DistributionPointName ----------------------------------------------------------------


def test_a_distribution_point_is_named_in_full_or_relative_to_the_issuer() -> None:
    uri = hand.tlv(0x86, b"http://a.example/")
    full = read_tlv(hand.tlv(0xA0, uri), "point")
    relative = read_tlv(hand.tlv(0xA1, attribute(COMMON_NAME, UTF8, b"a")), "point")

    assert distribution_point_name(None, "point") == ((), None)
    assert distribution_point_name(full, "point") == ((GeneralName.uri("http://a.example/"),), None)
    assert distribution_point_name(relative, "point") == (
        (),
        attribute(COMMON_NAME, UTF8, b"a"),
    )


@pytest.mark.parametrize("der", [hand.NULL, hand.tlv(0xA2), hand.tlv(0xA0), hand.tlv(0x80, b"a")])
def test_a_distribution_point_with_another_name_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError):
        distribution_point_name(read_tlv(der, "point"), "point")


def test_a_name_is_put_into_words_once() -> None:
    cn = Name.from_rfc4514("CN=told once")
    assert str(cn) == str(Name(cn.der)) == "CN=told once"

    assert name_module._text.cache_info().maxsize == MAX_KNOWN_NAMES
