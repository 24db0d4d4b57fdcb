"""Names of keys in tokens (RFC 7512): what they say, and that they never hold a PIN."""

from __future__ import annotations

import pytest

from certstatus.errors import ConfigError
from certstatus.signing import PKCS11URI


def test_a_uri_names_token_key_library_and_the_file_of_the_pin() -> None:
    uri = PKCS11URI.parse(
        "pkcs11:token=My%20Token;object=ocsp;id=%01%ff;slot-id=3;serial=af01;type=private"
        "?module-path=/usr/lib/x.so&pin-source=file:///etc/pin"
    )

    assert uri == PKCS11URI(
        token="My Token",
        label="ocsp",
        id=b"\x01\xff",
        slot_id=3,
        serial="af01",
        module_path="/usr/lib/x.so",
        pin_source="/etc/pin",
    )


@pytest.mark.parametrize("source", ["/etc/pin", "file:/etc/pin", "file://localhost/etc/pin"])
def test_the_file_of_the_pin_is_a_path_or_a_file_uri(source: str) -> None:
    assert PKCS11URI.parse(f"pkcs11:object=k?pin-source={source}").pin_source == "/etc/pin"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ocsp.key", "does not begin with pkcs11:"),
        ("pkcs11:", "names no key"),
        ("pkcs11:token=t", "names no key"),
        ("pkcs11:object=k;object=l", "has object twice"),
        ("pkcs11:object=k;colour=blue", "attribute that is not known"),
        ("pkcs11:object", "attribute that is not known"),
        ("pkcs11:object=100%", "% without two hex digits"),
        ("pkcs11:object=%ff", "no UTF-8"),
        ("pkcs11:object=k;slot-id=-1", "slot-id that is no number"),
        ("pkcs11:object=k;slot-id=1e3", "slot-id that is no number"),
        ("pkcs11:object=k;type=cert", "no private key"),
        ("pkcs11:object=k?pin-source=pin", "pin-source that is no absolute path"),
        ("pkcs11:object=k?pin-source=file://far/pin", "pin-source that is no absolute path"),
        ("pkcs11:object=k?pin-source=%7ccommand", "pin-source that is no absolute path"),
        ("pkcs11:object=k?module-path=x.so", "module-path that is no absolute path"),
    ],
)
def test_what_is_wrong_is_named_with_the_remedy(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"{problem}.*RFC 7512"):
        PKCS11URI.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11:object=k?pin-value=hunter2",
        "pkcs11:object=k;pin-value=hunter2",
        "pkcs11:object=k?pin=hunter2",
        "pkcs11:object=k?pin-source=hunter2",
        "hunter2",
    ],
)
def test_no_error_tells_what_stands_in_the_uri(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PKCS11URI.parse(text)

    assert "hunter2" not in str(caught.value)
