"""Distribution points: alternatives by name, names relative to the CRL issuer, what is broken."""

from __future__ import annotations

import pytest
from cryptography import x509

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.pkix import (
    CertificateList,
    CRLReason,
    DistributionPoint,
    GeneralName,
    Name,
    crl_distribution_points,
    freshest_crl,
)
from certstatus.testing import TinyCA
from tests.books import crl

ISSUER = Name.from_rfc4514("CN=CA,O=Example")
RELATIVE = x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CRL1")])


def read(*points: x509.DistributionPoint) -> tuple[DistributionPoint, ...]:
    der = x509.CRLDistributionPoints(points).public_bytes()
    return crl_distribution_points({oids.ID_CE_CRL_DISTRIBUTION_POINTS: (False, der)})


def directory(text: str) -> x509.DirectoryName:
    return x509.DirectoryName(x509.Name.from_rfc4514_string(text))


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def entries(point: DistributionPoint) -> list[str]:
    return [str(name) for name in point.entries(ISSUER)]


@pytest.mark.rule("C11")
def test_every_name_of_a_point_is_kept_in_order() -> None:
    names = [uri("http://a/1"), directory("CN=CRL,O=Example"), uri("ldap://b/cn=x")]
    (point,) = read(
        x509.DistributionPoint(names, None, frozenset([x509.ReasonFlags.key_compromise]), None)
    )

    assert point.uris == ("http://a/1", "ldap://b/cn=x")
    assert entries(point) == ["CN=CRL,O=Example"]
    assert point.reasons == frozenset({CRLReason.KEY_COMPROMISE})


@pytest.mark.rule("C11")
def test_a_relative_name_is_appended_to_the_crl_issuer() -> None:
    (by_issuer,) = read(x509.DistributionPoint(None, RELATIVE, None, None))
    (by_crl_issuer,) = read(
        x509.DistributionPoint(None, RELATIVE, None, [directory("CN=Other,O=Else")])
    )

    assert entries(by_issuer) == ["CN=CRL1,CN=CA,O=Example"]
    assert entries(by_crl_issuer) == ["CN=CRL1,CN=Other,O=Else"]


@pytest.mark.parametrize(
    "issuers", [[directory("CN=A"), directory("CN=B")], [uri("http://a/")]], ids=["two", "none"]
)
@pytest.mark.rule("C11")
def test_a_relative_name_without_one_issuer_to_append_to_is_refused(
    issuers: list[x509.GeneralName],
) -> None:
    (point,) = read(x509.DistributionPoint(None, RELATIVE, None, issuers))

    with pytest.raises(MalformedError, match="names no one CRL issuer"):
        point.entries(ISSUER)


def test_a_point_with_a_crl_issuer_alone_leads_nowhere() -> None:
    (point,) = read(x509.DistributionPoint(None, None, None, [directory("CN=Other")]))

    assert (point.uris, entries(point)) == ((), [])
    assert point.crl_issuer == (GeneralName.directory_name(Name.from_rfc4514("CN=Other")),)


def test_what_has_no_extension_has_no_points() -> None:
    assert crl_distribution_points({}) == ()
    assert freshest_crl({}) == ()


@pytest.mark.rule("C2")
def test_a_crl_says_where_its_deltas_are() -> None:
    point = x509.DistributionPoint([uri("http://a/delta")], None, None, None)
    der = crl(TinyCA(), extensions=[(x509.FreshestCRL([point]), False)])

    (found,) = freshest_crl(CertificateList.from_der(der).extensions)
    assert found.uris == ("http://a/delta",)


@pytest.mark.parametrize(
    "der", [b"", b"\x30\x02\x30\x00\x00", b"\x30\x04\x30\x02\xa0\x00"], ids=repr
)
def test_a_broken_extension_is_refused_by_name(der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        freshest_crl({oids.ID_CE_FRESHEST_CRL: (False, der)})
    assert "freshestCRL" in caught.value.where
