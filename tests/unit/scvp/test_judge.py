"""What another implementation writes by the standard's module is what we write, octet for octet.

It is pyasn1-alt-modules, whose author is one of the standard's. Its DER encoder is given the
values that it decoded, so that tags, order and defaults are its own. An OPTIONAL list that is
there and empty it forgets, so none is given to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1_alt_modules import rfc5055 as judge

from certstatus.asn1 import oids
from certstatus.scvp import (
    FullRequest,
    encode_cv_request,
    encode_cv_response,
    encode_val_pol_response,
)
from tests import der as hand
from tests import scvp_messages as of

POLICY = replace(of.POLICY, specified_key_usages=(oids.ID_KP_SERVER_AUTH,))
REQUEST = replace(of.CV_REQUEST, query=replace(of.QUERY, validation_policy=POLICY))
RESPONSE = replace(of.CV_RESPONSE, resp_validation_policy=POLICY)
POLICIES = replace(of.VAL_POL_RESPONSE, default_policy_values=POLICY)
MESSAGES: dict[str, tuple[Any, bytes]] = {
    "CVRequest": (judge.CVRequest, encode_cv_request(REQUEST)),
    "CVRequest, the least": (judge.CVRequest, of.MINIMAL_REQUEST_OCTETS),
    "CVResponse": (judge.CVResponse, encode_cv_response(RESPONSE)),
    "CVResponse, the whole request": (
        judge.CVResponse,
        encode_cv_response(replace(RESPONSE, request_ref=FullRequest(encode_cv_request(REQUEST)))),
    ),
    "CVResponse, an error": (judge.CVResponse, of.MINIMAL_RESPONSE_OCTETS),
    "ValPolRequest": (judge.ValPolRequest, of.VAL_POL_REQUEST_OCTETS),
    "ValPolResponse": (judge.ValPolResponse, encode_val_pol_response(POLICIES)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_judge_writes_the_same_octets(name: str) -> None:
    kind, octets = MESSAGES[name]
    value, rest = decode(octets, asn1Spec=kind())

    assert rest == b""
    assert encode(value) == octets


def test_the_judge_sees_when_a_tag_is_wrong() -> None:
    """Without this, a judge that agrees to everything would pass."""
    wrong = hand.changed(of.CV_REQUEST_OCTETS, (3,), lambda one: of.retagged(0xA9, one))

    with pytest.raises(Exception, match=r"not in asn1Spec|mismatch|Excessive"):
        decode(wrong, asn1Spec=judge.CVRequest())
