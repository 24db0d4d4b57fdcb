"""Lines of index.txt, as OpenSSL writes and reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certstatus.errors import MalformedError
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CertificateList, CRLReason
from certstatus.sources import IndexEntry, IndexRevocation, IndexStatus, encode_index, parse_index
from certstatus.testing import TinyCA

LINE = "V\t391231235959Z\t\t03E8\tunknown\t/CN=leaf.example\n"
EXPIRY = datetime(2039, 12, 31, 23, 59, 59, tzinfo=UTC)
REVOKED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def parse(text: str) -> list[IndexEntry]:
    return list(parse_index(text.encode()))


def parse_revocation(field: str, letter: str = "R") -> IndexRevocation:
    (entry,) = parse(f"{letter}\t391231235959Z\t{field}\t03E8\tunknown\t/CN=leaf\n")
    assert entry.revocation is not None
    return entry.revocation


def test_a_valid_line_is_read_whole() -> None:
    assert parse(LINE) == [
        IndexEntry(
            status=IndexStatus.VALID,
            expiry=EXPIRY,
            serial_number=1000,
            subject="/CN=leaf.example",
        )
    ]


@pytest.mark.rule("O12")
def test_status_letters_have_their_meaning() -> None:
    text = (
        "V\t391231235959Z\t\t01\tunknown\t/CN=a\n"
        "E\t251231235959Z\t\t02\tunknown\t/CN=b\n"
        "R\t391231235959Z\t260301120000Z,keyCompromise\t03\tunknown\t/CN=c\n"
        "S\t391231235959Z\t260301120000Z\t04\tunknown\t/CN=d\n"
    )

    assert [entry.cert_status for entry in parse(text)] == [
        Good(),
        Good(),
        Revoked(REVOKED_AT, CRLReason.KEY_COMPROMISE),
        Revoked(REVOKED_AT, CRLReason.CERTIFICATE_HOLD),
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", None),
        (",unspecified", None),
        (",keyCompromise", CRLReason.KEY_COMPROMISE),
        (",CACompromise", CRLReason.CA_COMPROMISE),
        (",affiliationChanged", CRLReason.AFFILIATION_CHANGED),
        (",superseded", CRLReason.SUPERSEDED),
        (",cessationOfOperation", CRLReason.CESSATION_OF_OPERATION),
        (",certificateHold", CRLReason.CERTIFICATE_HOLD),
        (",privilegeWithdrawn", CRLReason.PRIVILEGE_WITHDRAWN),
        (",aACompromise", CRLReason.AA_COMPROMISE),
    ],
)
def test_every_reason_is_read(name: str, reason: CRLReason | None) -> None:
    assert parse_revocation(f"260301120000Z{name}") == IndexRevocation(
        revocation_time=REVOKED_AT, reason=reason
    )


@pytest.mark.parametrize(
    ("field", "reason"),
    [("keyTime", CRLReason.KEY_COMPROMISE), ("CAkeyTime", CRLReason.CA_COMPROMISE)],
)
def test_key_times_are_reason_and_invalidity_date(field: str, reason: CRLReason) -> None:
    assert parse_revocation(f"260301120000Z,{field},20260201000000Z") == IndexRevocation(
        revocation_time=REVOKED_AT,
        reason=reason,
        invalidity_date=datetime(2026, 2, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("extra", ["holdInstructionReject", "1.2.840.10040.2.3"])
def test_a_hold_instruction_is_a_hold(extra: str) -> None:
    assert parse_revocation(f"260301120000Z,holdInstruction,{extra}") == IndexRevocation(
        revocation_time=REVOKED_AT, reason=CRLReason.CERTIFICATE_HOLD, hold_instruction=extra
    )


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("491231235959Z", 2049),
        ("501231235959Z", 1950),
        ("991231235959Z", 1999),
        ("001231235959Z", 2000),
        ("20501231235959Z", 2050),
        ("99991231235959Z", 9999),
    ],
)
def test_two_digit_years_are_1950_to_2049(text: str, year: int) -> None:
    (entry,) = parse(LINE.replace("391231235959Z", text))

    assert entry.expiry == datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_utctime_may_lack_its_seconds() -> None:
    (entry,) = parse(LINE.replace("391231235959Z", "3912312359Z"))

    assert entry.expiry == datetime(2039, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "number"),
    [("00", 0), ("0080", 128), ("9A", 0x9A), ("-05", -5), ("ff" * 20, 2**160 - 1)],
)
def test_serial_numbers_are_hex_whatever_their_first_bit(text: str, number: int) -> None:
    (entry,) = parse(LINE.replace("03E8", text))

    assert entry.serial_number == number


def test_comments_blank_lines_and_carriage_returns_are_passed_over() -> None:
    assert parse(f"# issued here\n\n{LINE.replace(chr(10), chr(13) + chr(10))}\n") == parse(LINE)


def test_a_tab_in_a_subject_is_escaped() -> None:
    (entry,) = parse(LINE.replace("leaf.example", "a\\\tb"))

    assert entry.subject == "/CN=a\tb"
    assert entry.encode() == LINE.replace("leaf.example", "a\\\tb")


def test_a_subject_that_is_no_utf8_is_shown_escaped() -> None:
    (entry,) = parse_index(LINE.encode().replace(b"leaf.example", b"M\xfcller"))

    assert entry.subject == "/CN=M\\xfcller"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("V\t391231235959Z\t\t03E8\tunknown\n", "5 fields"),
        ("V\t391231235959Z\t\t03E8\tunknown\t/CN=a\tb\n", "7 fields"),
        ("hello\n", "1 fields"),
        (LINE.replace("V\t", "X\t", 1), "status 'X'"),
        (LINE.replace("V\t", "v\t", 1), "status 'v'"),
        (LINE.replace("03E8", "03G8"), "serial '03G8'"),
        (LINE.replace("03E8", ""), "serial ''"),
        (LINE.replace("03E8", "F" * 256), "serial"),
        (LINE.replace("391231235959Z", "391331235959Z"), "month"),
        (LINE.replace("391231235959Z", "20391231235959"), "expiry: '20391231235959'"),
        (LINE.replace("391231235959Z", "391231235959+0100"), "expiry"),
        (LINE.replace("391231235959Z", "٣91231235959Z"), "expiry"),
        (LINE.replace("391231235959Z", ""), "expiry"),
        (LINE.replace("\t\t", "\t260301120000Z\t"), "stands in a line of status V"),
        (LINE.replace("V\t", "E\t", 1).replace("\t\t", "\t260301120000Z\t"), "status E"),
        (LINE.replace("V\t", "R\t", 1), "missing in a line of status R"),
        (LINE.replace("V\t", "S\t", 1), "missing in a line of status S"),
        ("R\t391231235959Z\t260301120000Z,lost\t03E8\tunknown\t/CN=a\n", "'lost' is none of"),
        ("R\t391231235959Z\t260301120000Z,removeFromCRL\t03\tunknown\t/CN=a\n", "delta CRLs"),
        ("R\t391231235959Z\t260301120000Z,keyTime\t03\tunknown\t/CN=a\n", "keyTime"),
        ("R\t391231235959Z\t260301120000Z,superseded,x\t03\tunknown\t/CN=a\n", "after the reason"),
        ("R\t391231235959Z\tnever\t03\tunknown\t/CN=a\n", "revocation: 'never'"),
    ],
)
def test_a_bad_line_is_named(line: str, problem: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse("# first\n" + LINE.replace("03E8", "99") + line)

    assert caught.value.where.startswith("index.txt line 3")
    assert problem in str(caught.value)


def test_one_serial_number_stands_once() -> None:
    """0A and 000A are one number."""
    with pytest.raises(MalformedError, match="line 2: serial A stands twice"):
        parse(LINE.replace("03E8", "0A") + LINE.replace("03E8", "000A"))


def test_a_last_line_without_end_is_half_written() -> None:
    with pytest.raises(MalformedError, match=r"line 2: .*cut short"):
        parse(LINE + LINE.replace("03E8", "03E9")[:-1])


def test_an_empty_index_lists_nothing() -> None:
    assert parse("") == []


# --- OpenSSL itself -------------------------------------------------------------------------

CONFIG = """\
[ca]
default_ca = tiny
[tiny]
database = {folder}/index.txt
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
policy = any
serial = {folder}/serial
[any]
commonName = supplied
"""
REVOKE = [
    (),
    ("-crl_reason", "superseded"),
    ("-crl_hold", "holdInstructionCallIssuer"),
    ("-crl_compromise", "20260201000000Z"),
    ("-crl_CA_compromise", "20260201000000Z"),
]


@pytest.fixture
def openssl_ca(
    tmp_path: Path, ca: TinyCA, interop_command: Callable[[str], Path]
) -> Callable[..., str]:
    """Run ``openssl ca`` on a CA of its own."""
    (tmp_path / "ca.pem").write_bytes(ca.issued.certificate_pem)
    (tmp_path / "ca.key").write_bytes(ca.issued.key_pem())
    (tmp_path / "ca.cnf").write_text(CONFIG.format(folder=tmp_path))
    command = [str(interop_command("openssl")), "ca", "-config", str(tmp_path / "ca.cnf")]

    def run(*options: str) -> str:
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.interop
def test_we_read_every_revocation_that_openssl_writes(
    tmp_path: Path, ca: TinyCA, openssl_ca: Callable[..., str]
) -> None:
    index = tmp_path / "index.txt"
    index.write_bytes(b"")
    for number, options in enumerate(REVOKE):
        leaf = tmp_path / f"{number}.pem"
        leaf.write_bytes(ca.issue(f"leaf-{number}", serial_number=0x9A00 + number).certificate_pem)
        openssl_ca("-revoke", str(leaf), *options)

    entries = list(parse_index(index.read_bytes()))
    revocations = [entry.revocation for entry in entries]
    key_time = datetime(2026, 2, 1, tzinfo=UTC)

    assert [entry.serial_number for entry in entries] == [0x9A00 + n for n in range(len(REVOKE))]
    assert [
        (one.reason, one.invalidity_date, one.hold_instruction) for one in revocations if one
    ] == [
        (None, None, None),
        (CRLReason.SUPERSEDED, None, None),
        (CRLReason.CERTIFICATE_HOLD, None, "holdInstructionCallIssuer"),
        (CRLReason.KEY_COMPROMISE, key_time, None),
        (CRLReason.CA_COMPROMISE, key_time, None),
    ]
    assert encode_index(entries) == index.read_bytes()


@pytest.mark.interop
def test_openssl_reads_what_we_write(tmp_path: Path, openssl_ca: Callable[..., str]) -> None:
    entries = [
        IndexEntry(
            status=IndexStatus.REVOKED,
            expiry=EXPIRY,
            serial_number=0x9A + number,
            subject="/CN=leaf",
            revocation=revocation,
        )
        for number, revocation in enumerate(
            [
                IndexRevocation(revocation_time=REVOKED_AT),
                IndexRevocation(revocation_time=REVOKED_AT, reason=CRLReason.CA_COMPROMISE),
                IndexRevocation(
                    revocation_time=REVOKED_AT,
                    reason=CRLReason.KEY_COMPROMISE,
                    invalidity_date=REVOKED_AT,
                ),
            ]
        )
    ]
    (tmp_path / "index.txt").write_bytes(encode_index(entries))

    openssl_ca("-gencrl", "-crldays", "7", "-out", str(tmp_path / "ca.crl"))
    listed = CertificateList.load((tmp_path / "ca.crl").read_bytes()).entries()

    assert [(one.serial_number, one.revocation_date, one.invalidity_date) for one in listed] == [
        (0x9A, REVOKED_AT, None),
        (0x9B, REVOKED_AT, None),
        (0x9C, REVOKED_AT, REVOKED_AT),
    ]
