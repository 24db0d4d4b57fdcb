from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from certstatus.errors import SignerError
from certstatus.limits_tls import MAX_TLS_CHAIN
from certstatus.testing import TinyCA, generate_key
from certstatus.tls.wire import Credentials, WireConnection
from tests.wiring import NOW, SERVER, serving, shake_hands

CA: Final = TinyCA("Any CA", not_before=NOW)


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521", "ed25519", "ed448"])
@pytest.mark.parametrize("version", [0x0303, 0x0304], ids=["TLS 1.2", "TLS 1.3"])
def test_every_kind_of_key_that_the_engine_knows_shakes_hands(kind: str, version: int) -> None:
    issued = CA.issue_server(kind=kind)
    credentials = Credentials(chain=(issued.certificate,), key=issued.key)

    pair = shake_hands(serving(credentials=credentials), versions=(version,))

    assert isinstance(pair.server, WireConnection)
    assert pair.flight.chain == (issued.certificate.der,)


def refusal(credentials: Credentials) -> str:
    with pytest.raises(SignerError) as caught:
        credentials.for_engine  # noqa: B018
    return str(caught.value)


def test_a_key_that_the_engine_does_not_know_is_refused() -> None:
    issued = CA.issue_server(kind="mldsa44")
    credentials = Credentials(chain=(issued.certificate,), key=issued.key)

    assert "can't be used for TLS here" in refusal(credentials)


def test_a_chain_that_the_engine_does_not_know_is_refused() -> None:
    issued = TinyCA("Quantum CA", kind="mldsa44", not_before=NOW).issue_server()
    credentials = Credentials(chain=(issued.certificate,), key=issued.key)

    assert "the TLS engine can't use the chain or its key" in refusal(credentials)


def test_a_key_of_another_certificate_is_refused() -> None:
    other: PrivateKeyTypes = generate_key()
    credentials = Credentials(chain=(SERVER.certificate,), key=other)

    assert "does not belong to the first certificate" in refusal(credentials)


@pytest.mark.parametrize("length", [0, MAX_TLS_CHAIN + 1])
def test_a_chain_of_no_certificates_or_too_many_is_refused(length: int) -> None:
    credentials = Credentials(chain=(SERVER.certificate,) * length, key=SERVER.key)

    assert f"1 to {MAX_TLS_CHAIN} certificates" in refusal(credentials)


def test_the_key_is_told_to_nobody() -> None:
    assert "key" not in repr(Credentials(chain=(), key=SERVER.key))


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['tlslite'] = None\n"
        "from certstatus.errors import PlatformError\n"
        "try:\n    import certstatus.tls.wire\nexcept PlatformError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout == (
        "certstatus.tls.wire is built on tlslite-ng: pip install 'certstatus[tls]'\n"
    )
