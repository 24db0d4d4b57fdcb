from __future__ import annotations

from dataclasses import replace

import pytest

from certstatus.errors import ConfigError
from certstatus.ocsp import CertID
from certstatus.pkix import HashAlgorithm
from certstatus.responder import Authorities, AuthorityPolicy, Responder, UnlistedMode
from certstatus.signing import Profile
from certstatus.testing import TinyCA
from tests.desk import CA, authority, cert_id, signers

OTHER = TinyCA("Other CA")


@pytest.mark.rule("O1")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_each_authority_is_found_under_each_hash(algorithm: HashAlgorithm) -> None:
    first, second = authority(), authority(ca=OTHER, by=signers(OTHER.issued, OTHER))
    both = Authorities([first, second])

    assert both.find(cert_id(1, algorithm)) is first
    assert both.find(cert_id(1, algorithm, OTHER)) is second


@pytest.mark.rule("O1")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_the_name_of_one_and_the_key_of_another_are_nobodys(algorithm: HashAlgorithm) -> None:
    ours, theirs = cert_id(1, algorithm), cert_id(1, algorithm, OTHER)
    both = Authorities([authority(), authority(ca=OTHER, by=signers(OTHER.issued, OTHER))])

    for mixed in (
        CertID(ours.hash_algorithm, ours.issuer_name_hash, theirs.issuer_key_hash, 1),
        CertID(ours.hash_algorithm, theirs.issuer_name_hash, ours.issuer_key_hash, 1),
    ):
        assert both.find(mixed) is None


def test_the_hashes_of_one_algorithm_under_the_name_of_another_are_nobodys() -> None:
    crossed = replace(cert_id(), hash_algorithm=cert_id(1, HashAlgorithm.SHA512).hash_algorithm)

    assert Authorities([authority()]).find(crossed) is None


def test_the_same_ca_twice_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="Desk CA and Desk CA are the same CA"):
        Responder([authority(), authority()])


def test_an_authority_has_a_signer() -> None:
    with pytest.raises(ConfigError, match="authority Desk CA has no signer"):
        authority(by=())


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    ("profile", "mode"),
    [
        (Profile.RFC_6960, UnlistedMode.UNKNOWN),
        (Profile.RFC_9919, UnlistedMode.UNAUTHORIZED),
        (Profile.CABF, UnlistedMode.UNKNOWN),
    ],
)
def test_the_profile_says_what_unlisted_means_unless_the_policy_does(
    profile: Profile, mode: UnlistedMode
) -> None:
    assert AuthorityPolicy(profile=profile).unlisted_mode is mode
    good = AuthorityPolicy(profile=profile, unlisted=UnlistedMode.GOOD)
    assert good.unlisted_mode is UnlistedMode.GOOD


def test_a_responder_names_its_authorities() -> None:
    one = authority()

    assert Responder([one]).authorities == (one,)
    assert one.cert_id(7, HashAlgorithm.SHA1).names_issuer(CA.certificate)
