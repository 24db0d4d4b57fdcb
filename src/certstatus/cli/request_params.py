"""Option values that shape a request: names, extensions, algorithms."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final

import click
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.cli.params import HEX, OID
from certstatus.errors import MalformedError
from certstatus.ocsp import Extension, PreferredSignatureAlgorithm
from certstatus.pkix import (
    AlgorithmIdentifier,
    GeneralName,
    GeneralNameKind,
    Name,
    SignatureAlgorithm,
    pss_algorithm,
    signature_algorithm,
)

__all__ = ["EXTENSION", "GENERAL_NAME", "PREFERENCE", "RESPONSE_TYPE"]


class _GeneralName(click.ParamType[GeneralName]):
    """A GeneralName of any kind: dn:CN=me, uri:, dns:, email:, ip:, oid:, or der: in hex."""

    name = "KIND:VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> GeneralName:
        if isinstance(value, GeneralName):
            return value
        kind, _, text = value.partition(":")
        make = _NAMES.get(kind.lower())
        if make is None or not text:
            self.fail(f"{value!r} is not {', '.join(f'{one}:…' for one in _NAMES)}", param, ctx)
        try:
            return make(text)
        except UnicodeEncodeError:
            self.fail(f"{value!r} is not ASCII; write international names encoded", param, ctx)
        except (MalformedError, ValueError) as error:
            self.fail(f"{value!r}: {error}", param, ctx)


def _registered_id(text: str) -> GeneralName:
    contents = encode(ObjectIdentifier(text))[2:]
    return GeneralName(GeneralNameKind.REGISTERED_ID, contents)


def _ip_address(text: str) -> GeneralName:
    return GeneralName(GeneralNameKind.IP_ADDRESS, ipaddress.ip_address(text).packed)


_NAMES: Final[dict[str, Callable[[str], GeneralName]]] = {
    "dn": lambda text: GeneralName.directory_name(Name.from_rfc4514(text)),
    "uri": GeneralName.uri,
    "dns": GeneralName.dns_name,
    "email": GeneralName.rfc822_name,
    "ip": _ip_address,
    "oid": _registered_id,
    "der": lambda text: GeneralName.from_der(bytes.fromhex(text), "GeneralName"),
}


class _Extension(click.ParamType[Extension]):
    """An extension as it shall stand: OID, contents of extnValue in hex, critical or not."""

    name = "OID=HEX[,critical]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Extension:
        if isinstance(value, Extension):
            return value
        oid, equals, rest = value.partition("=")
        contents, comma, flag = rest.partition(",")
        if not equals or (comma and flag != "critical"):
            self.fail(f"{value!r} is not OID=HEX or OID=HEX,critical", param, ctx)
        return Extension(
            OID.convert(oid, param, ctx), HEX.convert(contents, param, ctx), critical=bool(comma)
        )


class _ResponseType(click.ParamType[ObjectIdentifier]):
    """A response type: basic, or an object identifier."""

    name = "basic|OID"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ObjectIdentifier:
        is_basic = str(value).lower() == "basic"
        return oids.ID_PKIX_OCSP_BASIC if is_basic else OID.convert(value, param, ctx)


_NULL: Final = b"\x05\x00"


def _strong_algorithms() -> dict[str, SignatureAlgorithm]:
    rsa = (oids.SHA256_WITH_RSA, oids.SHA384_WITH_RSA, oids.SHA512_WITH_RSA)
    plain = (
        *(oids.ECDSA_WITH_SHA256, oids.ECDSA_WITH_SHA384, oids.ECDSA_WITH_SHA512),
        *(oids.ID_ED25519, oids.ID_ED448),
        *(oids.ID_ML_DSA_44, oids.ID_ML_DSA_65, oids.ID_ML_DSA_87),
    )
    named = [signature_algorithm(AlgorithmIdentifier(oid, _NULL)) for oid in rsa]
    named += [signature_algorithm(AlgorithmIdentifier(oid)) for oid in plain]
    found = {one.name.removeprefix("id-"): one for one in named}
    for label, oid in (("256", oids.ID_SHA256), ("384", oids.ID_SHA384), ("512", oids.ID_SHA512)):
        found[f"rsassa-pss-sha{label}"] = pss_algorithm(oid)
    return found


# What may be named to a responder: a client lists no weak algorithm (O30).
_ALGORITHMS: Final = _strong_algorithms()
_KEYS: Final = {
    "rsa": AlgorithmIdentifier(oids.RSA_ENCRYPTION, _NULL),
    "p256": AlgorithmIdentifier(oids.ID_EC_PUBLIC_KEY, encode(oids.SECP256R1)),
    "p384": AlgorithmIdentifier(oids.ID_EC_PUBLIC_KEY, encode(oids.SECP384R1)),
    "p521": AlgorithmIdentifier(oids.ID_EC_PUBLIC_KEY, encode(oids.SECP521R1)),
}


class _Preference(click.ParamType[PreferredSignatureAlgorithm]):
    """A signature algorithm to prefer, and the kind of key where that matters."""

    name = "ALGORITHM[:KEY]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> PreferredSignatureAlgorithm:
        if isinstance(value, PreferredSignatureAlgorithm):
            return value
        label, colon, kind = value.partition(":")
        wanted = label.lower().removeprefix("id-")
        algorithm = next((one for name, one in _ALGORITHMS.items() if name.lower() == wanted), None)
        if algorithm is None:
            self.fail(f"{label!r} is none of {', '.join(_ALGORITHMS)}", param, ctx)
        if colon and kind.lower() not in _KEYS:
            self.fail(f"{kind!r} is none of {', '.join(_KEYS)}", param, ctx)
        return PreferredSignatureAlgorithm(
            algorithm.identifier, _KEYS[kind.lower()] if colon else None
        )


GENERAL_NAME: Final = _GeneralName()
EXTENSION: Final = _Extension()
RESPONSE_TYPE: Final = _ResponseType()
PREFERENCE: Final = _Preference()
