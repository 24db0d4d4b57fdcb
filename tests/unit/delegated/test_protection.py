from __future__ import annotations

from itertools import product

import pytest

from certstatus.asn1 import oids
from certstatus.delegated.demand import is_same_name
from certstatus.delegated.protection import chosen_signer, is_to_be_protected, own_names
from certstatus.delegated.refusal import Refusal
from certstatus.pkix import AlgorithmIdentifier, GeneralName
from certstatus.scvp import CVStatusCode
from tests.delegating import OTHER_SERVER, SERVER, settings, signer_of
from tests.paths import DAY, NOW

BOTH = settings(signers=(signer_of(SERVER), signer_of(OTHER_SERVER)))
DNS = GeneralName.dns_name("scvp.example")


@pytest.mark.rule("S4")
@pytest.mark.parametrize("flags", list(product([True, False], repeat=3)), ids=str)
def test_a_success_is_protected_and_an_error_only_for_who_proved_it(
    flags: tuple[bool, bool, bool],
) -> None:
    is_wanted, is_secure, is_authenticated = flags
    known = {"is_wanted": is_wanted, "is_secure": is_secure, "is_authenticated": is_authenticated}
    assert is_to_be_protected(is_success=True, **known) == is_wanted
    assert is_to_be_protected(is_success=False, **known) == (flags == (True, False, True))


@pytest.mark.rule("S18")
def test_a_name_goes_before_an_algorithm() -> None:
    subject = GeneralName.directory_name(SERVER.certificate.subject)
    ed25519 = AlgorithmIdentifier(oids.ID_ED25519)
    found = chosen_signer(BOTH, NOW, responder_name=subject, algorithm=ed25519)
    assert found.certificate == SERVER.certificate
    assert chosen_signer(BOTH, NOW, algorithm=ed25519).certificate == OTHER_SERVER.certificate
    assert chosen_signer(BOTH, NOW).certificate == SERVER.certificate


@pytest.mark.rule("S18")
def test_nobody_signs_in_anothers_name_or_past_its_time() -> None:
    with pytest.raises(Refusal) as caught:
        chosen_signer(BOTH, NOW, responder_name=DNS)
    assert caught.value.code is CVStatusCode.UNRECOGNIZED_RESPONDER_NAME
    with pytest.raises(Refusal) as caught:
        chosen_signer(BOTH, NOW + 9999 * DAY)
    assert caught.value.code is CVStatusCode.PROTECTED_RESPONSE_UNSUPPORTED


def test_a_server_is_called_as_it_is_set_and_as_its_certificates_say() -> None:
    named = own_names(settings(names=(DNS,)))
    assert named == (DNS, GeneralName.directory_name(SERVER.certificate.subject))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (DNS, GeneralName.dns_name("SCVP.Example"), True),
        (DNS, GeneralName.dns_name("scvp.test"), False),
        (DNS, GeneralName.rfc822_name("scvp.example"), False),
    ],
    ids=["case", "another", "kind"],
)
def test_names_are_compared_by_their_kind(
    one: GeneralName, other: GeneralName, is_same: bool
) -> None:
    assert is_same_name(one, other) is is_same
