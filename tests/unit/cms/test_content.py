from __future__ import annotations

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import Protection, content, encode_content_info, parse_content_info
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_CMS_BYTES
from tests import der
from tests.envelopes import CONTENT, REQUEST, signed

KIND = der.oid(REQUEST.dotted_string)
END = b"\0\0"


def test_an_unprotected_message_stands_bare_in_its_content_info() -> None:
    whole = encode_content_info(REQUEST, CONTENT)

    assert whole == der.sequence(KIND, der.explicit(0, CONTENT))
    found = parse_content_info(whole)
    assert (found.content_type, found.content, found.der) == (REQUEST, CONTENT, whole)
    assert (found.protection, found.departures) == (Protection.NONE, ())
    assert found.content_der is found.content


@pytest.mark.parametrize(
    ("oid", "protection"),
    [
        (oids.ID_SIGNED_DATA, Protection.SIGNED),
        (oids.ID_CT_AUTH_DATA, Protection.AUTHENTICATED),
        (oids.ID_DATA, Protection.NONE),
    ],
)
def test_protections_are_told_apart(oid: ObjectIdentifier, protection: Protection) -> None:
    assert parse_content_info(encode_content_info(oid, der.sequence())).protection is protection


@pytest.mark.parametrize(
    "whole",
    [
        b"\x30\x80" + KIND + b"\xa0\x80" + CONTENT + END + END,
        b"\x30\x82\0\x26" + KIND + b"\xa0\x81\x17" + CONTENT,
    ],
    ids=["indefinite", "long"],
)
def test_ber_around_the_content_is_read_and_told_and_the_content_left_alone(whole: bytes) -> None:
    whole = whole.replace(b"\0\x26", len(whole[4:]).to_bytes(2))
    whole = whole.replace(b"\x81\x17", b"\x81" + len(CONTENT).to_bytes(1))

    found = parse_content_info(whole)

    assert found.content == CONTENT
    assert [one.text for one in found.departures] == ["is BER, not DER"]


def test_content_in_ber_is_kept_as_received_and_normalised_beside() -> None:
    """Its hash is over the octets that the peer wrote (RFC 5055 §4.5.2)."""
    ber = b"\x30\x80" + der.integer(1) + END

    found = parse_content_info(encode_content_info(REQUEST, ber))

    assert found.content == ber
    assert found.content_der == der.sequence(der.integer(1))


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (b"", "ContentInfo: is cut short"),
        (der.tlv(0x31, KIND, der.explicit(0, CONTENT)), "another type"),
        (der.sequence(der.integer(1), der.explicit(0, CONTENT)), "is no OBJECT IDENTIFIER"),
        (der.sequence(der.tlv(0x06, b"\x80"), der.explicit(0, CONTENT)), "contentType"),
        (der.sequence(KIND), "content: is cut short"),
        (der.sequence(KIND, der.explicit(1, CONTENT)), "another type"),
        (der.sequence(KIND, CONTENT), "another type"),
        (der.sequence(KIND, der.explicit(0)), "content: is cut short"),
        (der.sequence(KIND, der.explicit(0, CONTENT, der.NULL)), "more than one element"),
        (der.sequence(KIND, der.explicit(0, CONTENT), der.NULL), "bytes after its end"),
        (der.sequence(KIND, der.explicit(0, CONTENT)) + b"\0", "bytes after its end"),
    ],
)
def test_what_is_no_content_info_is_refused(whole: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_content_info(whole)


def test_a_larger_message_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CMS_BYTES > 2**26
    whole = signed()
    monkeypatch.setattr(content, "MAX_CMS_BYTES", len(whole) - 1)

    with pytest.raises(MalformedError, match="is larger than"):
        parse_content_info(whole)
