"""What a CRL may say, and what may be concluded from it (RFC 5280 §5, §6.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import BitString, UTCTime, encode_tlv
from certstatus.errors import ConfigError, MalformedError, SourceError
from certstatus.limits import DEFAULT_SKEW, MAX_SERIAL_OCTETS
from certstatus.ocsp import Revoked
from certstatus.pkix import ALL_REASONS, CertificateList, CRLReason, RevokedEntry
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import check_follows, load_full_crl
from certstatus.pkix.reason import reason_flags
from certstatus.sources import CRL, Issues, Known, Unlisted
from certstatus.testing import TinyCA
from tests.books import DAY, NOW, Entry, altered_crl, ask, crl, scope, status_of

LOST, FINE = 0x9B, 0x9A
UNKNOWN_OID = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA()


def load(ca: TinyCA, der: bytes, *, allow_sha1: bool = False) -> CertificateList:
    return load_full_crl(der, ca.certificate, now=NOW, allow_sha1=allow_sha1)


def entries_of(ca: TinyCA, *entries: int | Entry) -> dict[int, RevokedEntry]:
    return dict(CRLIndex(load(ca, crl(ca, *entries)), ca.certificate.subject))


def reason(flag: x509.ReasonFlags) -> tuple[x509.ExtensionType, bool]:
    return x509.CRLReason(flag), False


def unknown(*, critical: bool) -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(UNKNOWN_OID, b"\x05\x00"), critical


# --- C1: numbers and times grow ---------------------------------------------------------------


@pytest.mark.rule("C1")
@pytest.mark.parametrize(
    ("number", "before", "is_newer"),
    [
        (5, 4, True),
        (5, 5, True),
        (5, 6, False),
        (None, 4, False),
        (None, None, True),
        (5, None, True),
    ],
)
def test_a_lower_number_does_not_follow(
    ca: TinyCA, number: int | None, before: int | None, is_newer: bool
) -> None:
    """§5.2.3: "a monotonically increasing sequence number for a given CRL scope"."""
    newer = load(ca, crl(ca, number=number))

    if is_newer:
        check_follows(newer, before, NOW - DAY)
    else:
        with pytest.raises(MalformedError, match="CRLNumber"):
            check_follows(newer, before, NOW - DAY)


@pytest.mark.rule("C1")
def test_an_older_this_update_does_not_follow(ca: TinyCA) -> None:
    newer = load(ca, crl(ca, number=9, this_update=NOW - DAY))

    check_follows(newer, 1, NOW - DAY)
    with pytest.raises(MalformedError, match="was read before"):
        check_follows(newer, 1, NOW - DAY + timedelta(seconds=1))


@pytest.mark.rule("C1")
def test_a_number_of_more_than_twenty_octets_is_refused(ca: TinyCA) -> None:
    """§5.2.3: "CRL issuers MUST NOT use CRLNumber values longer than 20 octets"."""
    longest = (1 << 8 * MAX_SERIAL_OCTETS) - 1
    extension = asn1.Extension(
        extn_id=oids.ID_CE_CRL_NUMBER, extn_value=encode_tlv(0x02, b"\1" + bytes(20))
    )

    assert load(ca, crl(ca, number=longest)).crl_number == longest
    with pytest.raises(MalformedError, match="longer than 20 octets"):
        load(ca, altered_crl(ca, crl(ca), crl_extensions=[extension]))


# --- C4: scope ----------------------------------------------------------------------------------


def source(
    folder: Path,
    ca: TinyCA,
    *extensions: tuple[x509.ExtensionType, bool],
    issues: Issues = Issues.ANY,
    points: Iterable[str] = (),
) -> CRL:
    path = folder / "ca.crl"
    path.write_bytes(crl(ca, LOST, extensions=extensions))
    return CRL(path, ca.certificate, now=NOW, issues=issues, distribution_points=tuple(points))


POINT = "http://ca.example/shard1.crl"


@pytest.mark.rule("C4")
@pytest.mark.parametrize(
    ("point", "issues", "points", "gap"),
    [
        (scope(only_contains_user_certs=True), Issues.ANY, (), "user certificates"),
        (scope(only_contains_user_certs=True), Issues.CA_CERTIFICATES, (), "user certificates"),
        (scope(only_contains_ca_certs=True), Issues.ANY, (), "CA certificates"),
        (scope(only_contains_ca_certs=True), Issues.USER_CERTIFICATES, (), "CA certificates"),
        (scope(full_name=POINT), Issues.ANY, (), "distribution point"),
        (scope(full_name=POINT), Issues.ANY, ("http://ca.example/2.crl",), "distribution point"),
        (scope(some=[x509.ReasonFlags.key_compromise]), Issues.ANY, (), "some reasons"),
    ],
)
def test_outside_its_scope_a_crl_says_nothing(
    tmp_path: Path,
    ca: TinyCA,
    *,
    point: tuple[x509.ExtensionType, bool],
    issues: Issues,
    points: tuple[str, ...],
    gap: str,
) -> None:
    """§5.2.5: a CRL of CA certificates is silent on a user's; a CertID does not tell which it is."""
    limited = source(tmp_path, ca, point, issues=issues, points=points)

    with pytest.raises(SourceError, match=gap):
        ask(limited, ca, FINE)
    assert isinstance(status_of(limited, ca, LOST), Revoked)


@pytest.mark.rule("C4")
@pytest.mark.parametrize(
    ("point", "issues", "points"),
    [
        (scope(only_contains_user_certs=True), Issues.USER_CERTIFICATES, ()),
        (scope(only_contains_ca_certs=True), Issues.CA_CERTIFICATES, ()),
        (scope(full_name=POINT), Issues.ANY, (POINT, "ldap://ca.example/")),
        (scope(full_name=POINT, only_contains_ca_certs=True), Issues.CA_CERTIFICATES, (POINT,)),
    ],
)
def test_a_scope_that_holds_all_that_is_issued_is_no_limit(
    tmp_path: Path,
    ca: TinyCA,
    *,
    point: tuple[x509.ExtensionType, bool],
    issues: Issues,
    points: tuple[str, ...],
) -> None:
    assert isinstance(
        ask(source(tmp_path, ca, point, issues=issues, points=points), ca, FINE), Unlisted
    )


@pytest.mark.rule("C4")
def test_a_partial_crl_makes_no_good_of_an_issued_serial(tmp_path: Path, ca: TinyCA) -> None:
    path, issued = tmp_path / "ca.crl", tmp_path / "issued"
    path.write_bytes(crl(ca, extensions=[scope(only_contains_ca_certs=True)]))
    issued.write_text("9A\n")
    partial = CRL(path, ca.certificate, now=NOW, issued=issued)

    with pytest.raises(SourceError, match="CA certificates only"):
        ask(partial, ca, FINE)


@pytest.mark.rule("C4")
@pytest.mark.parametrize(
    ("extension", "problem"),
    [
        (scope(only_contains_attribute_certs=True), "attribute certificates"),
        (scope(indirect_crl=True), "indirect CRL"),
        ((x509.DeltaCRLIndicator(0), True), "delta CRL"),
    ],
)
def test_what_is_no_full_crl_is_refused_by_name(
    ca: TinyCA, extension: tuple[x509.ExtensionType, bool], problem: str
) -> None:
    with pytest.raises(MalformedError, match=problem):
        load(ca, crl(ca, extensions=[extension]))


@pytest.mark.rule("C2", "C4")
@pytest.mark.parametrize(
    ("extension", "problem"),
    [
        (scope(only_contains_attribute_certs=True), "attribute certificates"),
        ((x509.DeltaCRLIndicator(0), True), "says nothing without its full CRL"),
        ((x509.DeltaCRLIndicator(1), True), "CRLNumber 1 over BaseCRLNumber 1"),
    ],
)
def test_what_says_nothing_alone_is_no_source(
    tmp_path: Path, ca: TinyCA, extension: tuple[x509.ExtensionType, bool], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        source(tmp_path, ca, extension)


def test_an_entry_of_another_issuer_is_refused_outside_indirect_crls(ca: TinyCA) -> None:
    """§5.3.3: certificateIssuer stands in indirect CRLs alone; the entry may be another CA's."""
    names = x509.CertificateIssuer([x509.DirectoryName(ca.certificate.subject.parsed())])

    with pytest.raises(MalformedError, match="names another issuer"):
        entries_of(ca, (LOST, [(names, True)]))


def test_remove_from_crl_is_refused_outside_delta_crls(ca: TinyCA) -> None:
    """§5.3.1: "The removeFromCRL (8) reasonCode value may only appear in delta CRLs"."""
    with pytest.raises(MalformedError, match="removeFromCRL"):
        entries_of(ca, (LOST, [reason(x509.ReasonFlags.remove_from_crl)]))


# --- C6: two ways of counting ---------------------------------------------------------------

CODES = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    8: "removeFromCRL",
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
BITS = {
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    7: "privilegeWithdrawn",
    8: "aACompromise",
}


@pytest.mark.rule("C6")
def test_reason_codes_are_numbered_by_the_enumeration() -> None:
    """§5.3.1: 7 is not used, and 9 and 10 are privilegeWithdrawn and aACompromise."""
    assert {int(one): one.label for one in CRLReason} == CODES
    with pytest.raises(MalformedError, match="CRLReason 7 is not assigned"):
        CRLReason.from_number(7, "entry")


@pytest.mark.rule("C6")
@pytest.mark.parametrize("bit", range(9))
def test_reason_flags_are_numbered_by_the_bit_string(bit: int) -> None:
    """§4.2.1.13: bit 0 is not used, and bits 7 and 8 are privilegeWithdrawn and aACompromise."""
    octets = bytearray(2)
    octets[bit // 8] = 0x80 >> bit % 8
    labels = {one.label for one in reason_flags(BitString(bytes(octets), 0))}

    assert labels == ({BITS[bit]} if bit in BITS else set())


@pytest.mark.rule("C6")
def test_all_reasons_are_all_the_flags(ca: TinyCA) -> None:
    assert {one.label for one in ALL_REASONS} == set(BITS.values())
    some = scope(some=[x509.ReasonFlags.privilege_withdrawn, x509.ReasonFlags.aa_compromise])
    covered = load(ca, crl(ca, extensions=[some])).reasons

    assert covered == {CRLReason.PRIVILEGE_WITHDRAWN, CRLReason.AA_COMPROMISE}


@pytest.mark.rule("C6")
@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (x509.ReasonFlags.privilege_withdrawn, CRLReason.PRIVILEGE_WITHDRAWN),
        (x509.ReasonFlags.aa_compromise, CRLReason.AA_COMPROMISE),
        (x509.ReasonFlags.certificate_hold, CRLReason.CERTIFICATE_HOLD),
    ],
)
def test_an_entrys_reason_is_read_by_the_enumeration(
    ca: TinyCA, flag: x509.ReasonFlags, expected: CRLReason
) -> None:
    assert entries_of(ca, (LOST, [reason(flag)]))[LOST].reason is expected


# --- C8: what makes a CRL unusable --------------------------------------------------------------


@pytest.mark.rule("C8")
def test_an_unknown_critical_extension_makes_the_crl_unusable(ca: TinyCA) -> None:
    """§5.2: "If a CRL contains a critical extension that the application cannot process, then
    the application MUST NOT use that CRL to determine the status of certificates."
    """
    load(ca, crl(ca, LOST, extensions=[unknown(critical=False)]))

    with pytest.raises(MalformedError, match=r"1\.3\.6\.1\.4\.1\.99999\.1") as caught:
        load(ca, crl(ca, LOST, extensions=[unknown(critical=True)]))
    assert caught.value.rule == "C8"


@pytest.mark.rule("C8")
def test_an_unknown_critical_entry_extension_makes_the_whole_crl_unusable(ca: TinyCA) -> None:
    """§5.3: it "MUST NOT use that CRL to determine the status of any certificates"."""
    assert LOST in entries_of(ca, (LOST, [unknown(critical=False)]))

    with pytest.raises(MalformedError, match="unknown critical") as caught:
        entries_of(ca, FINE, (LOST, [unknown(critical=True)]))
    assert caught.value.rule == "C8"


@pytest.mark.rule("C8")
def test_another_ca_is_not_believed(ca: TinyCA) -> None:
    for der in (crl(TinyCA("Other CA")), crl(TinyCA())):  # another name; another key
        with pytest.raises(MalformedError, match="is not to be believed"):
            load(ca, der)


@pytest.mark.rule("C8")
def test_a_signer_without_crl_sign_is_not_believed(ca: TinyCA) -> None:
    """§6.3.3 f: "verify that the cRLSign bit is set"."""
    mute = TinyCA()
    builder = x509.CertificateBuilder()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        builder.subject_name(mute.certificate.subject.parsed())
        .issuer_name(mute.certificate.subject.parsed())
        .public_key(mute.key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(usage, critical=True)
    )
    without = builder.sign(mute.key, hashes.SHA256())
    issuer = type(mute.certificate).from_x509(without)

    with pytest.raises(MalformedError, match="lacks the key usage cRLSign"):
        load_full_crl(crl(mute), issuer, now=NOW)


@pytest.mark.rule("C8")
def test_one_flipped_bit_is_not_believed(ca: TinyCA) -> None:
    der = bytearray(crl(ca, LOST))
    der[len(der) // 2] ^= 1

    with pytest.raises(MalformedError):
        load(ca, bytes(der))


@pytest.mark.rule("O29")
def test_a_sha1_signature_is_believed_only_where_it_is_allowed(ca: TinyCA) -> None:
    old = TinyCA(kind="rsa2048")
    der = altered_crl(old, crl(old), sha1=True)

    assert load(old, der, allow_sha1=True).der == der
    with pytest.raises(MalformedError, match="SHA-1"):
        load(old, der)


# --- C9: what an answer takes from the CRL ------------------------------------------------------


@pytest.mark.rule("C9")
def test_an_answer_takes_times_and_revocation_from_the_crl(tmp_path: Path, ca: TinyCA) -> None:
    answer = ask(source(tmp_path, ca), ca, LOST)

    assert isinstance(answer, Known)
    assert (answer.this_update, answer.next_update) == (NOW - DAY, NOW + DAY)
    assert answer.cert_status == Revoked(NOW - 2 * DAY)


@pytest.mark.rule("C9")
def test_reason_unspecified_is_left_out(tmp_path: Path, ca: TinyCA) -> None:
    """§5.3.1: "the reason code CRL entry extension SHOULD be absent instead of using the
    unspecified (0) reasonCode value"."""
    path = tmp_path / "ca.crl"
    path.write_bytes(crl(ca, (LOST, [reason(x509.ReasonFlags.unspecified)])))

    assert status_of(CRL(path, ca.certificate, now=NOW), ca, LOST) == Revoked(NOW - 2 * DAY)


@pytest.mark.rule("C9")
@pytest.mark.parametrize("serial_number", [LOST, FINE])
def test_a_crl_that_expires_while_it_serves_means_try_later(
    tmp_path: Path, ca: TinyCA, serial_number: int
) -> None:
    serving = source(tmp_path, ca)
    ask(serving, ca, serial_number, NOW + DAY - timedelta(seconds=1))

    with pytest.raises(SourceError) as caught:
        ask(serving, ca, serial_number, NOW + DAY)
    assert caught.value.response_status == 3


def test_a_crl_without_next_update_is_refused(ca: TinyCA) -> None:
    """§5.1.2.5: conforming CRL issuers MUST include nextUpdate; without it no age is too old."""
    with pytest.raises(MalformedError, match="has no nextUpdate"):
        load(ca, altered_crl(ca, crl(ca), next_update=None))


def test_times_in_the_wrong_order_are_refused(ca: TinyCA) -> None:
    backwards = altered_crl(ca, crl(ca), next_update=UTCTime(NOW - DAY))

    with pytest.raises(MalformedError, match="not after thisUpdate"):
        load(ca, backwards)


def test_a_crl_from_the_future_is_refused_beyond_the_skew(ca: TinyCA) -> None:
    load(ca, crl(ca, this_update=NOW + DEFAULT_SKEW))

    with pytest.raises(MalformedError, match="not valid before"):
        load(ca, crl(ca, this_update=NOW + DEFAULT_SKEW + timedelta(seconds=1)))


def test_of_two_entries_for_one_serial_the_strictest_stands(ca: TinyCA) -> None:
    hold, lost = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.key_compromise

    for order in ((hold, lost), (lost, hold)):
        entries = entries_of(ca, *((LOST, [reason(flag)]) for flag in order))
        assert entries[LOST].reason is CRLReason.KEY_COMPROMISE


def test_pem_and_der_are_read_alike(ca: TinyCA) -> None:
    der = crl(ca, LOST)
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)

    assert load(ca, pem).der == load(ca, der).der == der


# --- C10: issued or not -------------------------------------------------------------------------


@pytest.mark.rule("C10")
def test_a_crl_alone_does_not_tell_issued_from_never_issued(tmp_path: Path, ca: TinyCA) -> None:
    answers = {ask(source(tmp_path, ca), ca, serial) for serial in (FINE, 2**150)}

    assert answers == {
        Unlisted(this_update=NOW - DAY, next_update=NOW + DAY, origin="crl", lists_issued=False)
    }
