"""What SCVP asks of a path beyond RFC 5280: keys, names, anchors, proof (RFC 5055 §3.2.4, §4.9)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from certstatus.asn1 import oids
from certstatus.ocsp import CertID, Good, Revoked, parse_response
from certstatus.path import (
    NameRequirement,
    NameRule,
    PathInputs,
    RevocationRule,
    RevocationStatus,
    ValidationError,
    anchor_problem,
)
from certstatus.pkix import Certificate, CertificateList, CRLReason, GeneralName, Name
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.testing.ca import key_usage
from tests.paths import DAY, NOW, checked, crl, cross, paths

ROOT: Final = TinyCA("Root")
CA: Final = TinyCA("CA", parent=ROOT)
CHAIN: Final = (CA.certificate,)
UNASKED: Final = {
    "end_entity_revocation": RevocationRule.NONE,
    "ca_revocation": RevocationRule.NONE,
}
DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_ENCIPHERMENT = 0x8000, 0x4000, 0x2000
SERVER, CLIENT, ANY = (
    oids.ID_KP_SERVER_AUTH,
    oids.ID_KP_CLIENT_AUTH,
    oids.ANY_EXTENDED_KEY_USAGE,
)


def leaf(
    usage: x509.KeyUsage | None = None, purposes: Iterable[x509.ObjectIdentifier] = ()
) -> Issued:
    return CA.issue("leaf", usage=usage, extended_key_usages=purposes)


def errors_of(issued: Issued, **wishes: object) -> tuple[ValidationError, ...]:
    inputs = PathInputs(anchors=(ROOT.certificate,), **UNASKED, **wishes)  # type: ignore[arg-type]
    found = checked(issued, inputs, pool=CHAIN)
    assert found.is_valid == (not found.errors)
    return found.errors


SIGNS, BOTH = key_usage("digital_signature"), key_usage("digital_signature", "content_commitment")


@pytest.mark.rule("S9")
@pytest.mark.parametrize(
    ("usage", "wanted", "holds"),
    [
        pytest.param(SIGNS, (), True, id="nothing is asked"),
        pytest.param(SIGNS, (DIGITAL_SIGNATURE,), True, id="the bit is there"),
        pytest.param(SIGNS, (KEY_ENCIPHERMENT,), False, id="another bit is there"),
        pytest.param(
            SIGNS, (DIGITAL_SIGNATURE | NON_REPUDIATION,), False, id="one of an element is not"
        ),
        pytest.param(BOTH, (DIGITAL_SIGNATURE | NON_REPUDIATION,), True, id="all of an element"),
        pytest.param(SIGNS, (KEY_ENCIPHERMENT, DIGITAL_SIGNATURE), True, id="any element"),
        pytest.param(None, (KEY_ENCIPHERMENT,), True, id="no extension"),
    ],
)
def test_key_usages_match_when_any_element_fits_whole(
    usage: x509.KeyUsage | None, wanted: tuple[int, ...], holds: bool
) -> None:
    expected = () if holds else (ValidationError.INVALID_KEY_USAGE,)
    assert errors_of(leaf(usage), key_usages=wanted) == expected


@pytest.mark.rule("S9")
@pytest.mark.parametrize(
    ("purposes", "wanted", "extended", "specified"),
    [
        pytest.param((), {SERVER}, True, False, id="no extension"),
        pytest.param((SERVER,), {SERVER}, True, True, id="named"),
        pytest.param((SERVER,), {SERVER, CLIENT}, False, False, id="one of two"),
        pytest.param((SERVER, CLIENT), {SERVER, CLIENT}, True, True, id="both"),
        pytest.param((ANY,), {SERVER}, True, False, id="any purpose"),
        pytest.param((ANY, SERVER), {SERVER}, True, True, id="any and named"),
        pytest.param((CLIENT,), set(), True, True, id="nothing is asked"),
    ],
)
def test_purposes_are_allowed_or_named_expressly(
    purposes: tuple[x509.ObjectIdentifier, ...],
    wanted: set[x509.ObjectIdentifier],
    extended: bool,
    specified: bool,
) -> None:
    issued, asked = leaf(purposes=purposes), frozenset(wanted)
    bad = (ValidationError.INVALID_KEY_PURPOSE,)
    assert errors_of(issued, extended_key_usages=asked) == (() if extended else bad)
    assert errors_of(issued, specified_key_usages=asked) == (() if specified else bad)


# --- anchors ---------------------------------------------------------------------------------


@pytest.mark.rule("S10")
def test_no_anchor_but_those_given_counts() -> None:
    other = TinyCA("Other root")
    inputs = PathInputs(anchors=(other.certificate,), **UNASKED)  # type: ignore[arg-type]
    found = checked(leaf(), inputs, pool=(CA.certificate, ROOT.certificate))
    assert found.report is None
    assert found.errors == (ValidationError.WRONG_TRUST_ANCHOR,)
    assert found.reason == "paths lead to CN=Root, and to no anchor"


@pytest.mark.rule("S10")
def test_a_path_runs_from_the_end_entity_to_what_the_anchor_issued() -> None:
    lower = TinyCA("Lower", parent=CA)
    issued = lower.issue("leaf").certificate
    # The anchor among the certificates, and its cross-certificate, lead no path through it.
    bridge = cross(TinyCA("Elsewhere"), ROOT)
    pool = (ROOT.certificate, bridge, lower.certificate, CA.certificate)
    (path,) = paths(issued, [ROOT.certificate], pool)
    assert path.certificates == (issued, lower.certificate, CA.certificate)
    assert path.anchor == ROOT.certificate


@pytest.mark.rule("S10")
@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        pytest.param(ROOT.certificate, None, id="a CA"),
        pytest.param(leaf().certificate, "is no CA", id="no CA"),
        pytest.param(leaf(SIGNS).certificate, "keyCertSign", id="no keyCertSign"),
    ],
)
def test_an_anchor_must_be_fit_for_one(certificate: Certificate, problem: str | None) -> None:
    found = anchor_problem(certificate)
    assert (found is None) == (problem is None)
    assert found is None or str(problem) in found


# --- names -----------------------------------------------------------------------------------


def bearer(common_name: str = "leaf", *names: x509.GeneralName) -> Issued:
    extensions = ((x509.SubjectAlternativeName(names), False),) if names else ()
    return CA.issue(common_name, extensions=extensions)


def name_errors(
    issued: Issued,
    rule: NameRule | None,
    *names: GeneralName,
    use_common_name: bool = True,
) -> tuple[ValidationError, ...]:
    wanted = NameRequirement(rule=rule, names=names, use_common_name=use_common_name)
    return errors_of(issued, name=wanted)


HOST, MAIL, DN = NameRule.SERVER_AUTH, NameRule.EMAIL_PROTECTION, NameRule.DN_COMP_ALG
host, mail = GeneralName.dns_name, GeneralName.rfc822_name


def dn(text: str) -> GeneralName:
    return GeneralName.directory_name(Name.from_rfc4514(text))


@pytest.mark.rule("S11")
@pytest.mark.parametrize(
    ("rule", "names", "error"),
    [
        pytest.param(HOST, [host("other.example")], ValidationError.NAME_MISMATCH, id="mismatch"),
        pytest.param(MAIL, [mail("a@b.example")], ValidationError.NO_NAME, id="no such name"),
        pytest.param(None, [host("www.example")], ValidationError.UNKNOWN_ALG, id="no such rule"),
        pytest.param(HOST, [], ValidationError.BAD_NAME, id="none given"),
        pytest.param(HOST, [host("bad name")], ValidationError.BAD_NAME, id="malformed"),
        pytest.param(HOST, [mail("a@b.example")], ValidationError.BAD_NAME_TYPE, id="bad type"),
        pytest.param(
            HOST,
            [host("www.example"), mail("a@b.example")],
            ValidationError.MIXED_NAMES,
            id="several types",
        ),
    ],
)
def test_each_name_error_is_told(
    rule: NameRule | None, names: list[GeneralName], error: ValidationError
) -> None:
    issued = bearer("www.example", x509.DNSName("www.example"))
    assert name_errors(issued, rule, *names) == (error,)
    assert error.label.startswith("id-nvae-")


@pytest.mark.rule("S11")
@pytest.mark.parametrize(
    ("borne", "wanted", "holds"),
    [
        ("www.example", "www.example", True),
        ("WWW.example", "www.EXAMPLE", True),
        ("*.example", "www.example", True),
        ("*.example", "a.www.example", False),
        ("*.example", "example", False),
        ("w*.example", "www.example", False),
        ("*", "example", False),
        ("www.*.example", "www.a.example", False),
    ],
    ids=str,
)
def test_a_wildcard_is_one_whole_label(borne: str, wanted: str, holds: bool) -> None:
    issued = bearer("leaf", x509.DNSName(borne))
    expected = () if holds else (ValidationError.NAME_MISMATCH,)
    assert name_errors(issued, HOST, host(wanted)) == expected


@pytest.mark.rule("S11")
def test_the_common_name_counts_where_there_is_no_dns_name_unless_told_otherwise() -> None:
    plain, named = bearer("www.example"), bearer("www.example", x509.DNSName("other.example"))
    assert name_errors(plain, HOST, host("www.example")) == ()
    assert name_errors(named, HOST, host("www.example")) == (ValidationError.NAME_MISMATCH,)
    without = name_errors(plain, HOST, host("www.example"), use_common_name=False)
    assert without == (ValidationError.NO_NAME,)


@pytest.mark.rule("S11")
def test_every_name_must_match() -> None:
    issued = bearer("leaf", x509.DNSName("a.example"), x509.DNSName("b.example"))
    assert name_errors(issued, HOST, host("a.example"), host("b.example")) == ()
    both = name_errors(issued, HOST, host("a.example"), host("c.example"))
    assert both == (ValidationError.NAME_MISMATCH,)


@pytest.mark.rule("S11")
def test_directory_names_are_compared_with_subject_and_alternatives() -> None:
    second = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org")]))
    issued = bearer("Leaf One", second)
    assert name_errors(issued, DN, dn("CN=leaf  one"), dn("O=ORG")) == ()
    assert name_errors(issued, DN, dn("CN=leaf two")) == (ValidationError.NAME_MISMATCH,)


@pytest.mark.rule("S11")
@pytest.mark.parametrize(
    ("wanted", "holds"), [("a@B.example", True), ("A@b.example", False), ("b.example", None)]
)
def test_mail_addresses_fold_the_host_alone(wanted: str, holds: bool | None) -> None:
    issued = bearer("leaf", x509.RFC822Name("a@b.example"))
    bad = ValidationError.BAD_NAME if holds is None else ValidationError.NAME_MISMATCH
    assert name_errors(issued, MAIL, mail(wanted)) == (() if holds else (bad,))


# --- status ----------------------------------------------------------------------------------

LEAF: Final = CA.issue("leaf", crl_uris=("http://crl.example/ca.crl",))


def answer(certificate: Certificate, status: Good | Revoked, *, signer: Issued) -> bytes:
    return Forge(
        ca=CA,
        signer=signer,
        cert_ids=(CertID.for_certificate(certificate, CA.certificate),),
        now=NOW,
        cert_status=status,
    ).der


@pytest.mark.parametrize(
    ("end_entity", "ca", "holds"),
    [
        (RevocationRule.OCSP, RevocationRule.CRL, True),
        (RevocationRule.CRL, RevocationRule.CRL, False),
        (RevocationRule.OCSP, RevocationRule.OCSP, False),
        (RevocationRule.ANY, RevocationRule.ANY, True),
        (RevocationRule.NONE, RevocationRule.CRL, True),
    ],
    ids=str,
)
def test_end_entity_and_cas_have_rules_of_their_own(
    end_entity: RevocationRule, ca: RevocationRule, holds: bool
) -> None:
    response = parse_response(
        answer(LEAF.certificate, Good(), signer=CA.issue_responder("responder"))
    )
    inputs = PathInputs(
        anchors=(ROOT.certificate,), end_entity_revocation=end_entity, ca_revocation=ca
    )
    found = checked(LEAF, inputs, pool=CHAIN, crls=[crl(ROOT)], ocsp_responses=[response])
    assert found.is_valid == holds, found.reason


@pytest.mark.rule("S16")
def test_the_proof_alone_comes_to_the_same() -> None:
    responder = CA.issue_responder("responder", nocheck=False, crl_uris=("http://crl.example/",))
    response = parse_response(answer(LEAF.certificate, Good(), signer=responder))
    inputs = PathInputs(anchors=(ROOT.certificate,), end_entity_revocation=RevocationRule.ANY)
    other = TinyCA("Other")
    found = checked(
        LEAF,
        inputs,
        pool=(*CHAIN, other.certificate),
        crls=[crl(ROOT), crl(CA), crl(other)],
        ocsp_responses=[response],
    )
    assert found.is_valid, found.reason
    assert found.report is not None
    proof = found.report.proof
    assert responder.certificate in proof.extra_certificates
    assert not set(proof.extra_certificates) & set(found.report.path.certificates)
    again = checked(
        LEAF,
        inputs,
        pool=(*found.report.path.certificates, *proof.extra_certificates),
        crls=proof.crls,
        ocsp_responses=proof.ocsp_responses,
    )
    assert again.is_valid, again.reason


def test_of_answers_at_hand_the_strictest_stands() -> None:
    response = parse_response(
        answer(LEAF.certificate, Good(), signer=CA.issue_responder("responder"))
    )
    inputs = PathInputs(anchors=(ROOT.certificate,))
    lists = [crl(ROOT), crl(CA, LEAF.certificate, reason=CRLReason.KEY_COMPROMISE)]
    found = checked(LEAF, inputs, pool=CHAIN, crls=lists, ocsp_responses=[response])
    assert found.errors == (ValidationError.REVOKED,)
    assert found.report is not None
    assert found.report.reply_check == 1
    assert not found.report.is_not_valid_now


def test_a_hold_may_end() -> None:
    lists = [crl(ROOT), crl(CA, LEAF.certificate, reason=CRLReason.CERTIFICATE_HOLD)]
    found = checked(LEAF, PathInputs(anchors=(ROOT.certificate,)), pool=CHAIN, crls=lists)
    assert found.report is not None
    assert found.report.certificates[0].status is RevocationStatus.ON_HOLD
    assert found.report.is_not_valid_now
    assert found.report.reply_check == 1


def test_a_time_in_the_past_is_judged_by_evidence_of_that_time_alone() -> None:
    then = NOW - 20 * DAY
    inputs = PathInputs(anchors=(ROOT.certificate,), validation_time=then)

    def lists(since: timedelta) -> list[CertificateList]:
        return [crl(one, this_update=NOW - since) for one in (ROOT, CA)]

    assert checked(LEAF, inputs, pool=CHAIN, crls=lists(21 * DAY)).is_valid
    late = checked(LEAF, inputs, pool=CHAIN, crls=lists(DAY))
    assert not late.is_valid
    assert late.report is not None
    assert late.report.validation_time == then
    assert late.report.certificates[0].status is RevocationStatus.OFF_LINE


def test_a_later_revocation_does_not_reach_back() -> None:
    then = NOW - 20 * DAY
    inputs = PathInputs(anchors=(ROOT.certificate,), validation_time=then)
    before = [crl(one, this_update=then - DAY) for one in (ROOT, CA)]
    later = crl(CA, LEAF.certificate, number=2)
    assert checked(LEAF, inputs, pool=CHAIN, crls=[*before, later]).is_valid
    now = PathInputs(anchors=(ROOT.certificate,))
    assert not checked(LEAF, now, pool=CHAIN, crls=[*before, crl(ROOT), later]).is_valid


@pytest.mark.parametrize(
    ("certificate", "crls", "status", "check"),
    [
        pytest.param(CA.issue("bare"), [], RevocationStatus.NO_SOURCE, 4, id="names nothing"),
        pytest.param(LEAF, [], RevocationStatus.UNAVAILABLE, 3, id="nobody fetches"),
        pytest.param(
            LEAF,
            [crl(CA, this_update=NOW - 30 * DAY)],
            RevocationStatus.OFF_LINE,
            2,
            id="only an old one",
        ),
    ],
)
def test_three_ways_of_not_knowing_are_told_apart(
    certificate: Issued, crls: list[CertificateList], status: RevocationStatus, check: int
) -> None:
    found = checked(
        certificate, PathInputs(anchors=(ROOT.certificate,)), pool=CHAIN, crls=[*crls, crl(ROOT)]
    )
    assert found.report is not None
    assert found.report.certificates[0].status is status
    assert found.report.reply_check == check
    assert found.report.is_built_valid
    assert found.report.is_not_valid_now
