"""``[scvp]``: what may stand there, and what an error says of the rest."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError
from certstatus.limits_scvp import (
    DEFAULT_SCVP_REQUEST_BYTES,
    MAX_SCVP_REQUEST_BYTES,
    SCVP_CLOCK_SKEW,
    SCVP_REPLY_LIFETIME,
)
from certstatus.path import RevocationRule
from certstatus.pkix.certificate import DIGITAL_SIGNATURE
from certstatus.server.config import Config, parse_config

SIGNER = '[[scvp.signer]]\ncertificate = "scvp.pem"\nkey = "scvp.key"\n'
POLICY = '[[scvp.policy]]\nanchors = ["root.pem"]\n'


def parse(text: str) -> Config:
    return parse_config(tomllib.loads(text), file="file", base=Path("/etc/scvp"), text=text)


def scvp(settings: str = "", policy: str = "") -> str:
    return f"[scvp]\n{settings}\n{SIGNER}{POLICY}{policy}\n"


def test_alone_a_signer_and_a_policy_are_enough() -> None:
    config = parse(scvp())

    assert config.scvp is not None
    assert not config.authority
    assert not config.proxy
    (policy,) = config.scvp.policy
    assert policy.anchors == (Path("/etc/scvp/root.pem"),)
    assert policy.oid == "1.3.6.1.5.5.7.19.1"
    assert policy.label == "id-svp-defaultValPolicy"
    assert policy.revocation is RevocationRule.ANY
    assert config.scvp.path == "/scvp"
    assert config.scvp.clock_skew == SCVP_CLOCK_SKEW == timedelta(minutes=10)
    assert config.scvp.reply_lifetime == SCVP_REPLY_LIFETIME == timedelta(minutes=1)
    assert config.scvp.max_request_bytes == DEFAULT_SCVP_REQUEST_BYTES < MAX_SCVP_REQUEST_BYTES
    assert not config.scvp.allow_private_addresses
    assert not config.scvp.requestors.required


def test_every_path_is_beside_the_file() -> None:
    config = parse(
        scvp(
            'pool = ["pool", "more.pem"]\nstate_file = "state.json"\ncursor_key_file = "key"\n'
            'requestors = { certificates = "client.pem", anchors = ["clients.pem"] }'
        )
    ).scvp

    assert config is not None
    assert config.pool == (Path("/etc/scvp/pool"), Path("/etc/scvp/more.pem"))
    assert (config.state_file, config.cursor_key_file) == (
        Path("/etc/scvp/state.json"),
        Path("/etc/scvp/key"),
    )
    assert config.requestors.certificates == (Path("/etc/scvp/client.pem"),)
    assert config.requestors.anchors == (Path("/etc/scvp/clients.pem"),)
    assert config.signer[0].place == Path("/etc/scvp/scvp.key")


def test_identifiers_are_numbers_or_names_and_usages_are_bits() -> None:
    config = parse(
        scvp(
            policy='oid = "1.3.6.1.4.1.99999.1"\nname = "ours"\n'
            'extended_key_usages = ["id-kp-serverAuth", "1.3.6.1.5.5.7.3.2"]\n'
            'key_usages = [["digitalSignature", "decipherOnly"], "keyEncipherment"]\n'
            'ca_revocation = "crl"\nfixed = ["trustAnchors"]\n'
        )
    ).scvp

    assert config is not None
    (policy,) = config.policy
    assert policy.label == "ours"
    assert policy.extended_key_usages == ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2")
    assert policy.key_usage_flags == (DIGITAL_SIGNATURE | DIGITAL_SIGNATURE >> 8, 0x2000)
    assert policy.ca_revocation is RevocationRule.CRL


WRONG = {
    "no signer": (f"[scvp]\n{POLICY}", "scvp.signer: is missing"),
    "no policy": (f"[scvp]\n{SIGNER}", "scvp.policy: is missing"),
    "no anchors": (f"[scvp]\n{SIGNER}[[scvp.policy]]\n", "scvp.policy.0.anchors: is missing"),
    "empty anchors": (
        f"[scvp]\n{SIGNER}[[scvp.policy]]\nanchors = []\n",
        "scvp.policy.0.anchors: Value should have at least 1 item",
    ),
    "a stray key": (scvp('anchors = "x"'), "scvp.anchors: is no setting"),
    "a renewal": (
        f'[scvp]\n{POLICY}{SIGNER}renew_before = "4d"\n',
        "scvp.signer.0.renew_before: is no setting",
    ),
    "a signer without a key": (
        f'[scvp]\n{POLICY}[[scvp.signer]]\ncertificate = "x"\n',
        "scvp.signer.0: name certificate and key, or pkcs12",
    ),
    "a path without a slash": (scvp('path = "scvp"'), "scvp.path"),
    "the path of OCSP": (scvp('path = "/"'), 'scvp: path: "/" is the path of [server] too'),
    "an odd identifier": (
        scvp(policy='oid = "ours"'),
        "scvp.policy.0.oid: is no object identifier",
    ),
    "an odd purpose": (
        scvp(policy='extended_key_usages = ["serverauth"]'),
        "scvp.policy.0.extended_key_usages.0: is no object identifier",
    ),
    "an odd usage": (
        scvp(policy='key_usages = [["signing"]]'),
        "scvp.policy.0.key_usages: signing is no key usage: there are digitalSignature",
    ),
    "an odd rule": (scvp(policy='revocation = "maybe"'), "scvp.policy.0.revocation"),
    "an odd input": (scvp(policy='fixed = ["anchors"]'), "scvp.policy.0.fixed.0"),
    "one identifier twice": (
        scvp(policy=POLICY),
        "scvp.policy: 1.3.6.1.5.5.7.19.1 is the oid of two policies",
    ),
    "skew in seconds": (scvp('clock_skew = "90s"'), "scvp.clock_skew: is not of whole minutes"),
    "skew of years": (scvp('clock_skew = "366d"'), "scvp.clock_skew"),
    "no history": (scvp('history = "0s"'), "scvp.history"),
    "a small body": (scvp("max_request_bytes = 100"), "scvp.max_request_bytes"),
    "a huge body": (
        scvp(f"max_request_bytes = {MAX_SCVP_REQUEST_BYTES + 1}"),
        "scvp.max_request_bytes",
    ),
    "many certificates": (scvp("max_certificates = 1001"), "scvp.max_certificates"),
    "a name that is none": (scvp('dns_names = ["scvp example"]'), "scvp.dns_names.0"),
    "nobody may": (
        scvp("requestors = { required = true }"),
        "scvp.requestors.required: needs certificates or anchors",
    ),
    "nothing at all": ("[server]\nport = 1\n", "write a table [[authority]], [[proxy]] or [scvp]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_by_its_key(name: str) -> None:
    text, words = WRONG[name]

    with pytest.raises(ConfigError) as caught:
        parse(text)

    assert words in str(caught.value)


def test_several_wrong_settings_are_told_at_once_with_their_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(scvp('path = "x"\nhistory = "long"', policy='oid = "x"'))

    told = {(one.key, one.line) for one in caught.value.settings}
    assert told == {("scvp.path", 2), ("scvp.history", 3), ("scvp.policy.0.oid", 9)}
