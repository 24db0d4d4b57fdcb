from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha1

import pytest
from cryptography import x509

from certstatus.asn1 import oids
from certstatus.cms import (
    SignatureReport,
    encode_content_info,
    parse_content_info,
    parse_signed_data,
    sign_content,
    verify_signed_data,
)
from certstatus.errors import MalformedError, UntrustedError
from certstatus.limits_scvp import MAX_SIGNER_CANDIDATES
from certstatus.pkix import AlgorithmIdentifier, signature_algorithm
from certstatus.scvp import CVStatusCode
from certstatus.signing import Purpose
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import key_usage
from certstatus.verify import Outcome
from tests import der
from tests.envelopes import (
    CA,
    CONTENT,
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    NOW,
    REQUEST,
    RESPONSE,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    Draft,
    attribute,
    issued,
    judge,
    signed,
    signer,
    signer_of,
)

USUAL = Draft().usual_attributes
KIND, DIGEST = sorted(USUAL, key=lambda one: der.oid(MESSAGE_DIGEST) in one)
SKEW = timedelta(minutes=5)


def failed(report: SignatureReport, name: str, words: str, problem: CVStatusCode) -> bool:
    """Whether one check alone failed, for this reason, and no proof was given."""
    names = [check.name for check in report.failures]
    assert names == [name], report.failures
    assert words in report.check(name).reason
    assert report.verified is None
    return report.status_code is problem


def test_a_signed_message_passes_every_check() -> None:
    report = judge(signed())

    assert [(check.rule, check.name) for check in report.checks] == [
        ("S1", "protection"),
        ("S2", "version"),
        ("S2", "one signer"),
        ("S1", "content type"),
        ("S2", "no unsigned attributes"),
        ("S2", "content-type attribute"),
        ("O29", "digest algorithm"),
        ("O29", "signature algorithm"),
        ("S2", "message-digest attribute"),
        ("S2", "signer's certificate"),
        ("S1", "signature"),
        ("S2", "signing-certificate attribute"),
        ("S3", "signer's validity"),
        ("S3", "signer's key usage"),
        ("S3", "signer's purpose"),
        ("D1", "signer's trust"),
    ]
    assert {check.outcome for check in report.checks} == {Outcome.PASS}
    assert (report.findings, report.status_code, report.holds) == ((), None, True)
    assert report.certificates == (issued().certificate,)
    verified = report.require()
    assert (verified.content_type, verified.content) == (REQUEST, CONTENT)


@pytest.mark.parametrize(
    "prepare",
    [bytes, parse_content_info, parse_signed_data],
    ids=["octets", "content info", "signed data"],
)
def test_a_message_is_judged_from_octets_or_once_it_is_parsed(prepare: object) -> None:
    assert callable(prepare)
    assert judge(prepare(signed())).require().content == CONTENT


# --- protection (S1) ------------------------------------------------------------------------


def test_a_mac_is_told_apart_and_not_supported() -> None:
    whole = encode_content_info(oids.ID_CT_AUTH_DATA, der.sequence())

    problem = CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC
    assert failed(judge(whole), "protection", "MACs are not supported", problem)


def test_a_bare_message_is_not_taken_for_a_signed_one() -> None:
    problem = CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC
    report = judge(encode_content_info(REQUEST, CONTENT))
    assert failed(report, "protection", "stands there unprotected", problem)
    with pytest.raises(UntrustedError, match="unprotected"):
        report.require()


@pytest.mark.parametrize("data", [b"", b"\x30\x80", signed()[:-1], signed() + b"\0"])
def test_what_is_no_cms_is_reported_and_not_raised(data: bytes) -> None:
    report = judge(data)

    assert failed(report, "CMS", "", CVStatusCode.UNABLE_TO_DECODE)
    assert (report.signed_data, report.signer, report.certificates) == (None, None, ())
    with pytest.raises(MalformedError):
        report.require()


# --- the structure (S2) ---------------------------------------------------------------------

BAD = CVStatusCode.BAD_STRUCTURE


@pytest.mark.rule("S2")
@pytest.mark.parametrize("signers", [0, 2, 3])
def test_exactly_one_signer_signs(signers: int) -> None:
    assert failed(judge(Draft(signers=signers).der), "one signer", f"{signers} SignerInfos", BAD)


@pytest.mark.rule("S2")
@pytest.mark.parametrize("unsigned", [der.tlv(0xA1), der.tlv(0xA1, attribute("1.2.3", der.NULL))])
def test_unsigned_attributes_are_refused(unsigned: bytes) -> None:
    report = judge(Draft(unsigned=unsigned).der)

    assert failed(report, "no unsigned attributes", "which nobody signed", BAD)


@pytest.mark.parametrize("version", [0, 6])
def test_an_unknown_version_is_refused(version: int) -> None:
    report = judge(Draft(version=version).der)

    assert failed(report, "version", f"{version} is not known", BAD)


@pytest.mark.rule("S2")
def test_the_content_is_of_the_type_that_is_asked_for() -> None:
    whole = signed(content_type=RESPONSE)

    assert failed(judge(whole), "content type", "certValResponse is signed, not", BAD)
    assert judge(whole, content_types=(REQUEST, RESPONSE)).verified is not None
    assert judge(whole, content_types=()).verified is not None


def test_content_that_is_elsewhere_is_refused() -> None:
    """A detached signature says nothing of what stands beside it here."""
    assert failed(judge(Draft(e_content=b"").der), "content type", "itself is absent", BAD)


# --- the attributes (S2) --------------------------------------------------------------------


@pytest.mark.rule("S2")
@pytest.mark.parametrize(
    ("attributes", "name", "words", "problem"),
    [
        ((DIGEST,), "content-type attribute", "is absent", BAD),
        ((KIND, KIND, DIGEST), "content-type attribute", "there 2 times", BAD),
        (
            (attribute(CONTENT_TYPE, der.oid(RESPONSE.dotted_string)), DIGEST),
            "content-type attribute",
            "another type than the content's",
            BAD,
        ),
        (
            (attribute(CONTENT_TYPE, der.oid("1.2"), der.oid("1.3")), DIGEST),
            "content-type attribute",
            "2 values, not one",
            BAD,
        ),
        ((KIND,), "message-digest attribute", "is absent", CVStatusCode.BAD_SIGNATURE_OR_MAC),
        (
            (KIND, attribute(MESSAGE_DIGEST, der.octet_string(bytes(32)))),
            "message-digest attribute",
            "is not the digest",
            CVStatusCode.BAD_SIGNATURE_OR_MAC,
        ),
        (
            (KIND, DIGEST, DIGEST),
            "message-digest attribute",
            "there 2 times",
            CVStatusCode.BAD_SIGNATURE_OR_MAC,
        ),
    ],
    ids=[
        "no content-type",
        "two content-types",
        "another content-type",
        "two values",
        "no digest",
        "another digest",
        "two digests",
    ],
)
def test_each_attribute_stands_once_and_says_what_the_content_is(
    attributes: tuple[bytes, ...], name: str, words: str, problem: CVStatusCode
) -> None:
    assert failed(judge(Draft(attributes=tuple(sorted(attributes))).der), name, words, problem)


@pytest.mark.rule("S2")
def test_a_signature_over_the_content_alone_is_refused() -> None:
    report = judge(Draft(attributes=()).der)

    assert {check.name for check in report.failures} == {
        "content-type attribute",
        "message-digest attribute",
    }
    assert report.check("signature").outcome is Outcome.SKIP
    assert (report.signer, report.status_code) == (None, BAD)


def test_attributes_are_verified_in_ders_order_or_else_as_they_were_sent() -> None:
    """Some sign what they send; what is signed is the same (RFC 5652 §5.4)."""
    as_sent = judge(Draft(attributes=tuple(sorted(USUAL, reverse=True))).der)

    assert as_sent.verified is not None
    assert "is signed out of DER's order" in [finding.text for finding in as_sent.findings]
    whole = signed()
    shuffled = der.changed(whole, INFO_ATTRIBUTES, reverse_members)
    report = judge(shuffled)
    assert shuffled != whole
    assert report.verified is not None
    assert not any("order" in finding.text for finding in report.findings)


INFO_ATTRIBUTES = (1, 0, 4, 0, 3)


def reverse_members(element: bytes) -> bytes:
    (outer,) = der.elements(element)
    members = [member.der for member in der.elements(outer.contents)]
    return der.tlv(outer.tag, *reversed(members))


@pytest.mark.rule("S2")
@pytest.mark.parametrize(
    ("kind", "value", "outcome"),
    [
        (None, b"", Outcome.SKIP),
        (SIGNING_CERTIFICATE_V2, issued().certificate.fingerprint, Outcome.PASS),
        (SIGNING_CERTIFICATE_V2, CA.certificate.fingerprint, Outcome.FAIL),
        (SIGNING_CERTIFICATE, sha1(issued().certificate.der).digest(), Outcome.PASS),
        (SIGNING_CERTIFICATE, bytes(20), Outcome.FAIL),
    ],
    ids=["none", "v2", "another's v2", "v1", "another's v1"],
)
def test_signing_certificate_refers_to_the_certificate_that_verifies(
    kind: str | None, value: bytes, outcome: Outcome
) -> None:
    more: tuple[bytes, ...] = ()
    if kind is not None:
        entry = der.sequence(der.octet_string(value))
        more = (attribute(kind, der.sequence(der.sequence(entry))),)

    report = judge(Draft(attributes=tuple(sorted((*USUAL, *more)))).der)

    assert report.check("signing-certificate attribute").outcome is outcome
    assert (report.verified is not None) == (outcome is not Outcome.FAIL)
    told = [finding.text for finding in report.findings]
    assert ("has no signing-certificate attribute (S2)" in told) == (kind is None)


def test_signing_time_is_told_and_not_judged() -> None:
    late = NOW + timedelta(minutes=6)
    whole = sign_content(REQUEST, CONTENT, signer(), signing_time=late)
    broken = tuple(sorted((*USUAL, attribute("1.2.840.113549.1.9.5", der.NULL))))

    report, unreadable = judge(whole), judge(Draft(attributes=broken).der)

    assert report.require().signing_time == late
    assert [finding.text for finding in report.findings] == ["lies in the future"]
    assert unreadable.require().signing_time is None
    assert "id-signingTime" in [finding.where for finding in unreadable.findings]


# --- the algorithms -------------------------------------------------------------------------

UNSUPPORTED = CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC
SHA1_WITH_RSA = signature_algorithm(AlgorithmIdentifier(oids.SHA1_WITH_RSA, der.NULL))


@pytest.mark.rule("O29")
def test_sha1_is_refused_unless_it_is_allowed() -> None:
    rsa = replace(signer("rsa2048"), algorithm=SHA1_WITH_RSA)
    kind = attribute(CONTENT_TYPE, der.oid(REQUEST.dotted_string))
    digest = attribute(MESSAGE_DIGEST, der.octet_string(sha1(CONTENT).digest()))
    whole = Draft(
        signer=rsa, digest=der.sequence(der.oid("1.3.14.3.2.26")), attributes=(kind, digest)
    ).der
    trusted = (rsa.certificate,)

    refused, allowed = judge(whole, trusted=trusted), judge(whole, trusted=trusted, allow_sha1=True)

    assert [check.name for check in refused.failures] == ["digest algorithm", "signature algorithm"]
    assert (refused.status_code, refused.signer) == (UNSUPPORTED, None)
    assert allowed.verified is not None


@pytest.mark.rule("A1", "A4")
@pytest.mark.parametrize(
    ("kind", "rule"),
    [("ed25519", "A1"), ("ed448", "A1"), ("mldsa65", "A4"), ("mldsa87", "A4"), ("p384", "O29")],
)
def test_a_digest_that_does_not_go_with_the_key_is_refused(kind: str, rule: str) -> None:
    """SHA-256, where the draft has it."""
    one = signer(kind)

    report = judge(Draft(signer=one).der, trusted=(one.certificate,))

    assert failed(report, "digest algorithm", "id-sha256", UNSUPPORTED)
    assert report.check("digest algorithm").rule == rule


@pytest.mark.parametrize(
    ("draft", "name"),
    [
        (Draft(digest=der.sequence(der.oid("1.2.840.113549.2.5"))), "digest algorithm"),
        (
            Draft(
                algorithm=replace(
                    signer().algorithm, identifier=AlgorithmIdentifier(oids.ID_HASH_ML_DSA_44)
                )
            ),
            "signature algorithm",
        ),
    ],
    ids=["MD5", "HashML-DSA"],
)
def test_an_unknown_algorithm_is_not_supported(draft: Draft, name: str) -> None:
    assert failed(judge(draft.der), name, "", UNSUPPORTED)


# --- the signer (S1, S2, S3) ----------------------------------------------------------------


def test_a_signer_that_nobody_knows_is_reported() -> None:
    whole = Draft(certificates=()).der

    report = judge(whole, trusted=())

    problem = CVStatusCode.UNRECOGNIZED_SIG_KEY
    assert failed(report, "signer's certificate", "neither enclosed nor known", problem)


@pytest.mark.rule("S2")
def test_a_certificate_that_is_known_beforehand_need_not_come_along() -> None:
    report = judge(Draft(certificates=()).der)

    assert report.require().signer == issued().certificate
    assert "the signer's certificate is not among them (S2)" in [
        finding.text for finding in report.findings
    ]


def test_another_key_under_the_same_name_and_number_makes_no_difference() -> None:
    """Each certificate that is named is tried, until the signature holds by one."""
    own = issued().certificate
    others = [CA.issue(serial_number=own.serial_number).certificate for _ in range(3)]
    enclosed = (*(one.der for one in others), own.der)

    report = judge(Draft(certificates=enclosed).der)

    assert report.require().signer == own


def test_only_so_many_certificates_are_tried() -> None:
    own = issued().certificate
    others = [CA.issue(serial_number=own.serial_number) for _ in range(MAX_SIGNER_CANDIDATES)]
    enclosed = tuple(one.certificate.der for one in others)

    report = judge(Draft(certificates=(*enclosed, own.der)).der)

    problem = CVStatusCode.BAD_SIGNATURE_OR_MAC
    assert failed(report, "signature", "does not match", problem)


def test_a_signature_by_another_key_does_not_hold() -> None:
    other = CA.issue(serial_number=issued().certificate.serial_number)
    forged = replace(signer(), key=other.key)

    report = judge(Draft(signer=forged).der)

    problem = CVStatusCode.BAD_SIGNATURE_OR_MAC
    assert failed(report, "signature", "does not match", problem)
    assert not report.holds
    with pytest.raises(ValueError, match="no signer"):
        report.with_trust(None)


INVALID = CVStatusCode.INVALID_SIGNATURE_OR_MAC


def messenger(**wishes: object) -> Issued:
    return CA.issue(**wishes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "name", "words"),
    [
        (
            messenger(usage=key_usage("key_encipherment")),
            "signer's key usage",
            "neither digitalSignature nor nonRepudiation",
        ),
        (
            messenger(extended_key_usages=(oids.ID_KP_SCVP_SERVER, oids.ID_KP_SERVER_AUTH)),
            "signer's purpose",
            "not for id-kp-scvpClient",
        ),
        (messenger(not_after=NOW - SKEW - timedelta(seconds=1)), "signer's validity", "2026-11-21"),
        (
            messenger(not_before=NOW + SKEW + timedelta(seconds=1)),
            "signer's validity",
            "2026-11-21",
        ),
    ],
    ids=["key usage", "purpose", "expired", "not yet valid"],
)
def test_the_signers_certificate_is_for_this(one: Issued, name: str, words: str) -> None:
    whole = sign_content(REQUEST, CONTENT, signer_of(one))

    assert failed(judge(whole, trusted=(one.certificate,)), name, words, INVALID)


@pytest.mark.parametrize(
    "one",
    [
        messenger(),
        messenger(usage=key_usage("content_commitment")),
        messenger(extended_key_usages=(oids.ANY_EXTENDED_KEY_USAGE,)),
        messenger(not_after=NOW - SKEW),
        messenger(not_before=NOW + SKEW),
    ],
    ids=["unlimited", "nonRepudiation", "any purpose", "just expired", "just about valid"],
)
def test_what_the_standard_lets_sign_signs(one: Issued) -> None:
    whole = sign_content(REQUEST, CONTENT, signer_of(one))

    assert judge(whole, trusted=(one.certificate,)).verified is not None


def test_a_purpose_serves_where_it_is_accepted_locally() -> None:
    one = messenger(extended_key_usages=(oids.ID_KP_EMAIL_PROTECTION,))
    whole = sign_content(REQUEST, CONTENT, signer_of(one))

    report = verify_signed_data(
        whole,
        now=NOW,
        purpose=Purpose.SCVP_CLIENT,
        trusted=(one.certificate,),
        accepted_purposes=(oids.ID_KP_EMAIL_PROTECTION,),
    )

    assert report.verified is not None


def test_a_certificate_that_cant_be_read_is_reported() -> None:
    usage = x509.UnrecognizedExtension(oids.ID_CE_KEY_USAGE, b"\x05\0")
    purpose = x509.UnrecognizedExtension(oids.ID_CE_EXT_KEY_USAGE, b"\x05\0")
    one = messenger(extensions=((usage, False), (purpose, False)))
    whole = sign_content(REQUEST, CONTENT, signer_of(one))

    report = judge(whole, trusted=(one.certificate,))

    assert [check.name for check in report.failures] == ["signer's key usage", "signer's purpose"]
    assert report.status_code is INVALID


# --- trust ----------------------------------------------------------------------------------


def test_trust_is_left_to_whoever_knows_the_anchors() -> None:
    report = judge(signed(), trusted=())

    assert report.check("signer's trust").outcome is Outcome.SKIP
    assert (report.holds, report.verified, report.status_code) == (True, None, None)
    assert report.signer == issued().certificate
    with pytest.raises(UntrustedError, match="nobody has judged it"):
        report.require()
    assert report.with_trust(None).require().content == CONTENT
    refused = report.with_trust("no path leads to an anchor")
    assert refused.status_code is CVStatusCode.UNRECOGNIZED_SIG_KEY
    assert (refused.holds, refused.verified) == (True, None)
    assert refused.with_trust(None).verified is not None
    assert judge(signed()).with_trust("it was withdrawn").verified is None


def test_trust_heals_no_other_failure() -> None:
    other_ca = TinyCA("Another CA")
    one = other_ca.issue(extended_key_usages=(oids.ID_KP_OCSP_SIGNING,))

    report = judge(sign_content(REQUEST, CONTENT, signer_of(one)), trusted=()).with_trust(None)

    assert (report.verified, report.status_code) == (None, INVALID)
