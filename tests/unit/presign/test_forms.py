from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from certstatus.errors import ConfigError, SignerError
from certstatus.pkix import HashAlgorithm
from certstatus.presign.forms import forms_of
from certstatus.server.config_presign import CertIDForm, PresignConfig
from certstatus.signing import Signer
from tests.desk import CA, DAY, NOW, authority, signers

P256 = signers(CA.issue_responder(kind="p256"), CA, "ecdsa-with-SHA256")
ED25519 = signers(CA.issue_responder(kind="ed25519"), CA)
ENDED = signers(CA.issue_responder(kind="ed448", not_after=NOW - DAY), CA)
BOTH = (*P256, *ED25519)


def names(by: tuple[Signer, ...] = BOTH, **wishes: Any) -> list[str]:
    """Name every form that is wanted of an authority."""
    forms = forms_of(authority(by=by), PresignConfig.model_validate(wishes), NOW)
    return [str(form) for form in forms]


def test_by_default_it_is_what_most_clients_get() -> None:
    assert names() == ["sha1, ecdsa-with-SHA256", "sha256, ecdsa-with-SHA256"]


def test_the_crls_algorithm_comes_before_the_first_signer_as_in_an_answer() -> None:
    by_crl = replace(authority(by=BOTH), crl_algorithm=ED25519[0].algorithm.identifier)

    forms = forms_of(by_crl, PresignConfig(), NOW)

    assert {form.signer.algorithm.name for form in forms} == {ED25519[0].algorithm.name}


def test_all_is_every_algorithm_once() -> None:
    again = signers(CA.issue_responder(kind="p256"), CA, "ecdsa-with-SHA256")

    found = names((*BOTH, *again), algorithms="all", cert_ids=["sha256-bare"])

    assert found == ["sha256-bare, ecdsa-with-SHA256", f"sha256-bare, {ED25519[0].algorithm.name}"]


def test_a_named_algorithm_is_signed_alone() -> None:
    name = ED25519[0].algorithm.name

    assert names(algorithms=[name]) == [f"sha1, {name}", f"sha256, {name}"]


def test_who_has_ended_signs_nothing() -> None:
    assert names((*ENDED, *ED25519), algorithms="all", cert_ids=["sha1"]) == [
        f"sha1, {ED25519[0].algorithm.name}"
    ]
    with pytest.raises(SignerError):
        names(ENDED)


def test_what_no_signer_can_is_told_with_what_they_can() -> None:
    with pytest.raises(ConfigError, match=r"has one of rot13 .*it can: ecdsa-with-SHA256, "):
        names(algorithms=["rot13"])


def test_a_hash_that_is_not_answered_is_not_signed() -> None:
    modern = authority(by=P256, hash_algorithms=frozenset({HashAlgorithm.SHA256}))

    (form,) = forms_of(modern, PresignConfig(), NOW)
    assert form.algorithm is HashAlgorithm.SHA256
    with pytest.raises(ConfigError, match="answers none of sha1"):
        forms_of(modern, PresignConfig(cert_ids=(CertIDForm.SHA1,)), NOW)


@pytest.mark.parametrize("form", CertIDForm)
def test_every_word_for_a_certid_says_what_it_is(form: CertIDForm) -> None:
    assert form.value == form.algorithm.label + ("" if form.null_parameters else "-bare")
