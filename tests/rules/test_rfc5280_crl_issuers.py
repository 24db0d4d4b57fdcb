"""CRLs of others: indirect ones, and who may sign a CRL (RFC 5280 §5.3.3, §6.3.3 f)."""

from __future__ import annotations

import pytest
from cryptography import x509

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate, CertificateList
from certstatus.sources.crl_listing import Listing, read_listing
from certstatus.sources.crl_scope import Issuance
from certstatus.sources.crl_set import CRLSet, Listed, NotListed
from certstatus.sources.crl_signers import crl_issuers_of
from certstatus.testing import TinyCA
from tests.books import DAY, HOLD, NOW, REMOVED, crl, issued_by, scope

LOST = 0x9B


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA()


@pytest.fixture(scope="module")
def other_ca() -> TinyCA:
    return TinyCA("Other CA")


def listing(ca: TinyCA, der: bytes, *signers: TinyCA) -> Listing:
    """Read a CRL as it speaks of the certificates of ``ca``."""
    everyone = [ca.certificate, *(one.certificate for one in signers)]
    return read_listing(CertificateList.from_der(der), everyone, now=NOW)


# --- C7: indirect CRLs --------------------------------------------------------------------------------

INDIRECT = scope(indirect_crl=True)


@pytest.mark.rule("C7")
def test_a_certificate_issuer_holds_until_the_next_one(ca: TinyCA, other_ca: TinyCA) -> None:
    """§5.3.3: entries A, A, B, B, A; the first default is the CRL's issuer."""
    of_a, of_b = issued_by(ca), issued_by(other_ca)
    der = crl(ca, 1, 2, (3, [of_b]), 4, (5, [of_a]), extensions=[INDIRECT])

    assert sorted(listing(ca, der).entries) == [1, 2, 5]
    assert sorted(listing(other_ca, der, ca).entries) == [3, 4]


@pytest.mark.rule("C7")
def test_before_the_first_certificate_issuer_the_crls_own_issuer_counts(
    ca: TinyCA, other_ca: TinyCA
) -> None:
    der = crl(other_ca, 1, (2, [issued_by(ca)]), 3, extensions=[INDIRECT])

    assert sorted(listing(ca, der, other_ca).entries) == [2, 3]
    assert sorted(listing(other_ca, der).entries) == [1]


@pytest.mark.rule("C7")
def test_another_issuers_crl_must_be_indirect(ca: TinyCA, other_ca: TinyCA) -> None:
    with pytest.raises(MalformedError, match="is no indirect CRL") as caught:
        listing(ca, crl(other_ca, LOST), other_ca)
    assert caught.value.rule == "C7"


@pytest.mark.rule("C7")
def test_a_certificate_issuer_without_a_directory_name_makes_the_crl_unusable(ca: TinyCA) -> None:
    """The entry might be about a certificate of ours."""
    by_dns = x509.CertificateIssuer([x509.DNSName("ca.example")]), True

    with pytest.raises(MalformedError, match="no directoryName"):
        listing(ca, crl(ca, (LOST, [by_dns]), extensions=[INDIRECT]))


@pytest.mark.rule("C3", "C7")
def test_a_delta_of_an_indirect_crl_releases(ca: TinyCA, other_ca: TinyCA) -> None:
    full = crl(other_ca, (LOST, [HOLD, issued_by(ca)]), extensions=[INDIRECT])
    delta = crl(
        other_ca, (LOST, [REMOVED, issued_by(ca)]), number=2, delta_of=1, extensions=[INDIRECT]
    )

    lists = [listing(ca, der, other_ca) for der in (full, delta)]

    assert isinstance(CRLSet(lists[:1], Issuance()).say(LOST, NOW), Listed)
    assert isinstance(CRLSet(lists, Issuance()).say(LOST, NOW), NotListed)


# --- C8: who may sign ---------------------------------------------------------------------------------


def issuers_of(ca: TinyCA, *others: TinyCA) -> tuple[Certificate, ...]:
    return crl_issuers_of(ca.certificate, [one.certificate for one in others])


@pytest.mark.rule("C8")
def test_a_crl_issuer_needs_a_path_to_the_same_trust_anchor() -> None:
    """§6.3.3 f: "the trust anchor used to validate the certificate"."""
    root = TinyCA("Root")
    ours, sibling = TinyCA("Ours", parent=root), TinyCA("Sibling", parent=root)
    below = TinyCA("Below", parent=ours)

    assert len(issuers_of(ours, sibling, root)) == 3
    assert len(issuers_of(ours, below)) == 2
    assert len(issuers_of(ours, root)) == 2
    for others in ([sibling], [TinyCA("Foreign"), root], [TinyCA("Root")]):
        with pytest.raises(MalformedError, match="no path to the trust anchor"):
            issuers_of(ours, *others)


@pytest.mark.rule("C8")
def test_a_crl_issuer_whose_certificate_has_expired_is_not_believed(ca: TinyCA) -> None:
    old = TinyCA("Old", not_after=NOW - DAY)

    with pytest.raises(MalformedError, match="not valid now"):
        listing(ca, crl(old, extensions=[INDIRECT]), old)


@pytest.mark.rule("C8")
@pytest.mark.parametrize("delta_of", [None, 0])
def test_unknown_critical_extensions_make_full_and_delta_unusable(
    ca: TinyCA, delta_of: int | None
) -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0"), True

    for der in (
        crl(ca, delta_of=delta_of, extensions=[odd]),
        crl(ca, (LOST, [odd]), delta_of=delta_of),
    ):
        with pytest.raises(MalformedError, match="unknown critical") as caught:
            listing(ca, der)
        assert caught.value.rule == "C8"


@pytest.mark.rule("C8")
def test_an_entry_of_another_issuer_may_make_the_crl_unusable_too(
    ca: TinyCA, other_ca: TinyCA
) -> None:
    """§5.3: not to be used "to determine the status of any certificates"."""
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0"), True

    with pytest.raises(MalformedError, match="unknown critical"):
        listing(ca, crl(ca, 1, (2, [issued_by(other_ca), odd]), extensions=[INDIRECT]))
