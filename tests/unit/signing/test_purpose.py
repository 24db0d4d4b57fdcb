from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import SignerError
from certstatus.pkix import AlgorithmIdentifier, signature_algorithm
from certstatus.signing import (
    KEY_KINDS,
    Purpose,
    Severity,
    check_message_signer,
    load_any_signers,
    load_signers,
    make_signers,
    refuse_unfit,
)
from certstatus.testing import TinyCA
from certstatus.testing.ca import key_usage
from tests.envelopes import CA, NOW, every_signer, issued, signer, signer_of


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_certificate_for_its_purpose_passes_with_every_algorithm(
    kind: str, purpose: Purpose
) -> None:
    for one in every_signer(issued(kind, purpose)):
        assert check_message_signer(one, purpose, now=NOW) == ()


def found(wishes: dict[str, object], **question: object) -> list[tuple[str | None, str]]:
    one = signer_of(CA.issue(**wishes))  # type: ignore[arg-type]
    asked = {"now": NOW} | question
    findings = check_message_signer(one, Purpose.SCVP_SERVER, **asked)  # type: ignore[arg-type]
    return [(one.rule, one.text) for one in findings if one.severity is Severity.REFUSE]


@pytest.mark.parametrize(
    ("wishes", "rule", "words"),
    [
        ({"usage": key_usage("key_cert_sign")}, "S3", "neither digitalSignature"),
        ({"extended_key_usages": (oids.ID_KP_SCVP_CLIENT,)}, "S3", "not for id-kp-scvpServer"),
        ({"not_after": NOW - timedelta(seconds=1)}, "S3", "expired on 2026-11-21"),
        ({"not_before": NOW + timedelta(seconds=1)}, "S3", "not valid before 2026-11-21"),
        (
            {
                "extensions": (
                    (x509.UnrecognizedExtension(oids.ID_CE_EXT_KEY_USAGE, b"\x05\0"), False),
                )
            },
            "S3",
            "can't be read",
        ),
    ],
    ids=["key usage", "purpose", "expired", "not yet valid", "unreadable"],
)
def test_what_peers_will_refuse_is_refused_at_load(
    wishes: dict[str, object], rule: str, words: str
) -> None:
    ((found_rule, text),) = found(wishes)

    assert found_rule == rule
    assert words in text


def test_an_algorithm_that_rests_on_sha1_is_refused() -> None:
    weak = signature_algorithm(AlgorithmIdentifier(oids.SHA1_WITH_RSA, b"\x05\0"))
    one = replace(signer("rsa2048"), algorithm=weak)

    (finding,) = check_message_signer(one, Purpose.SCVP_CLIENT, now=NOW)

    assert finding.rule == "O29"
    with pytest.raises(SignerError, match="not fit to sign"):
        refuse_unfit(one, [finding])


@pytest.mark.parametrize(
    "purposes",
    [(oids.ANY_EXTENDED_KEY_USAGE,), (oids.ID_KP_SCVP_SERVER, oids.ID_KP_SERVER_AUTH)],
    ids=["any", "among others"],
)
def test_any_purpose_and_several_serve(purposes: tuple[ObjectIdentifier, ...]) -> None:
    assert found({"extended_key_usages": purposes}) == []


def test_a_purpose_serves_where_it_is_accepted_locally() -> None:
    wishes: dict[str, object] = {"extended_key_usages": (oids.ID_KP_SERVER_AUTH,)}

    assert found(wishes, accepted=(oids.ID_KP_SERVER_AUTH,)) == []
    assert found(wishes, accepted=(oids.ID_KP_CLIENT_AUTH,)) != []


def test_a_certificate_without_a_purpose_is_warned_of() -> None:
    (finding,) = check_message_signer(signer_of(CA.issue()), Purpose.SCVP_SERVER, now=NOW)

    assert finding.severity is Severity.WARN
    assert "id-kp-scvpServer" in finding.text


def test_a_signer_of_messages_always_sends_its_certificate_along() -> None:
    """Even a CA's own, which a responder would leave out."""
    ca = TinyCA("Self-signed")

    (own, *_) = make_signers(ca.key, ca.certificate, issuer=None)
    (direct, *_) = make_signers(ca.key, ca.certificate, issuer=ca.certificate)

    assert own.certs == (ca.certificate,)
    assert direct.certs == ()


def test_a_signer_of_messages_is_loaded_from_files_without_any_ca(tmp_path: Path) -> None:
    one = issued()
    key, certificate = tmp_path / "client.key", tmp_path / "client.pem"
    key.write_bytes(one.key_pem())
    key.chmod(0o600)
    certificate.write_bytes(one.certificate_pem)

    for load in (load_signers, load_any_signers):
        signers, findings = load(key, certificate, issuer=None)
        assert findings == ()
        assert [signer.algorithm for signer in signers] == [
            signer.algorithm for signer in every_signer(one)
        ]
        assert signers[0].certs == (one.certificate,)
