"""CMS in words: what a ContentInfo holds, who signed it, and what was kept in it (RFC 5652)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import Departure, cms, oids
from certstatus.asn1.doorway import decode, encode, encode_tlv
from certstatus.asn1.walk import element_at
from certstatus.cms import (
    Attribute,
    ContentInfo,
    Protection,
    SignedData,
    SignerInfo,
    parse_content_info,
    parse_signed_data,
    parse_signing_certificate,
)
from certstatus.cms.attribute import parse_content_type, parse_message_digest, parse_signing_time
from certstatus.errors import MalformedError
from certstatus.explain.certificate import certs_field
from certstatus.explain.crl import explain_crl
from certstatus.explain.element import signature_algorithm_field, signature_field
from certstatus.explain.field import (
    Field,
    Value,
    absent,
    count_text,
    departure_texts,
    oid_text,
)
from certstatus.explain.response import explain_response
from certstatus.explain.scvp import explain_scvp
from certstatus.ocsp import parse_response
from certstatus.pkix import AlgorithmIdentifier, CertificateList

__all__ = ["explain_content_info"]

_CONTENT_INFO: Final = "RFC 5652 §3"
_SIGNED_DATA: Final = "RFC 5652 §5.1"
_SIGNER_INFO: Final = "RFC 5652 §5.3"
_REVOCATION: Final = "RFC 5652 §10.2.1"
_MOST_NESTED: Final = 3
"""A reply of SCVP in the evidence of another one's: deeper ones are told by their size alone."""

_MEANINGS: Final = {
    oids.ID_CT_SCVP_CERT_VAL_REQUEST: "asks an SCVP server to validate certificates",
    oids.ID_CT_SCVP_CERT_VAL_RESPONSE: "an SCVP server's reply",
    oids.ID_CT_SCVP_VAL_POL_REQUEST: "asks an SCVP server for its policies",
    oids.ID_CT_SCVP_VAL_POL_RESPONSE: "an SCVP server's policies",
    oids.ID_SIGNED_DATA: "content with signatures, certificates and revocation information",
    oids.ID_CT_AUTH_DATA: "content with a MAC, which certstatus does not verify",
    oids.ID_DATA: "octets of no stated type",
}


def explain_content_info(
    info: ContentInfo, *, entries: int | None = None, nested: int = 0
) -> Field:
    """Explain a ContentInfo, and the SignedData in it; at most ``entries`` of each CRL.

    ``nested`` counts the messages around this one.
    """
    return Field(
        "ContentInfo",
        f"{oids.name_of(info.content_type)}, {len(info.der)} octets",
        _protection(info),
        _CONTENT_INFO,
        children=(
            _type_field("contentType", info.content_type, _CONTENT_INFO),
            _content(info, entries, nested),
        ),
        der=info.der,
        departures=departure_texts(info.departures),
    )


def _protection(info: ContentInfo) -> str:
    if info.protection is Protection.NONE:
        return "unprotected: anyone may have written it"
    if info.protection is Protection.AUTHENTICATED:
        return "protected by a MAC"
    return "SignedData; not verified here"


def _type_field(name: str, content_type: ObjectIdentifier, section: str) -> Field:
    meaning = _MEANINGS.get(content_type, "not known to certstatus")
    return Field(name, oid_text(content_type), meaning, section)


def _content(info: ContentInfo, entries: int | None, nested: int) -> Field:
    if info.protection is not Protection.SIGNED:
        meaning = "the message, bare"
        return _message("content", meaning, _CONTENT_INFO, info.content_type, info.content)
    try:
        data = parse_signed_data(info)
    except MalformedError as error:
        return Field("content", None, "", _SIGNED_DATA, der=info.content, problem=str(error))
    return Field(
        "content",
        None,
        "SignedData",
        _SIGNED_DATA,
        children=_signed_data(data, entries, nested),
        der=info.content,
        departures=departure_texts(_beyond(data, info)),
    )


def _beyond(data: SignedData, info: ContentInfo) -> tuple[Departure, ...]:
    """Return what was noted of the SignedData, beside what is told of the ContentInfo."""
    return tuple(one for one in data.departures if one not in info.departures)


def _signed_data(data: SignedData, entries: int | None, nested: int) -> tuple[Field, ...]:
    return (
        Field("version", str(data.version), "by what is inside", _SIGNED_DATA),
        Field(
            "digestAlgorithms",
            ", ".join(str(one) for one in data.digest_algorithms) or "none",
            "how the signers hash the content",
            _SIGNED_DATA,
        ),
        _encapsulated(data),
        _certificates(data),
        _crls(data, entries, nested),
        _signer_infos(data),
    )


def _certificates(data: SignedData) -> Field:
    told = certs_field(
        data.certificates,
        present="of the signer, its CAs, or kept as evidence",
        missing="whoever reads it must have the signer's already",
        section=_SIGNED_DATA,
    )
    return replace(told, name="certificates")


def _encapsulated(data: SignedData) -> Field:
    section = "RFC 5652 §5.2"
    content = absent("eContent", "what is signed is elsewhere, or there is nothing", section)
    if data.content is not None:
        kind = data.content_type
        content = _message("eContent", "what is signed", section, kind, data.content)
    told = _type_field("eContentType", data.content_type, section)
    return Field("encapContentInfo", None, "the content", section, children=(told, content))


def _message(
    name: str, meaning: str, section: str, content_type: ObjectIdentifier, der: bytes
) -> Field:
    """Explain what is inside where it is a message of SCVP; a broken one spoils nothing around it."""
    value, problem = count_text(len(der), "octet"), ""
    parts: tuple[Field, ...] = ()
    try:
        told = explain_scvp(content_type, der)
    except MalformedError as error:
        problem = str(error)
    else:
        parts = () if told is None else (told,)
    return Field(name, value, meaning, section, children=parts, der=der, problem=problem)


# --- revocation information -----------------------------------------------------------------


def _crls(data: SignedData, entries: int | None, nested: int) -> Field:
    count = len(data.revocation_infos)
    if not count:
        return absent("crls", "no revocation information comes along", _SIGNED_DATA)
    return Field(
        "crls",
        count_text(count, "piece"),
        "revocation information",
        _SIGNED_DATA,
        children=tuple(_choice(der, entries, nested) for der in data.revocation_infos),
    )


def _choice(der: bytes, entries: int | None, nested: int) -> Field:
    """Explain a RevocationInfoChoice: a CRL, or another format."""
    try:
        if der[:1] == b"\x30":
            return explain_crl(CertificateList.from_der(der), entries=entries)
        return _other(der, entries, nested)
    except MalformedError as error:
        section = _REVOCATION
        return Field("RevocationInfoChoice", None, "", section, der=der, problem=str(error))


def _other(der: bytes, entries: int | None, nested: int) -> Field:
    where = "OtherRevocationInfoFormat"
    element = element_at(der, 0, len(der), where)
    contents = encode_tlv(0x30, der[element.contents : element.end])
    declared = decode(cms.OtherRevocationInfoFormat, contents, where)
    kind, info = declared.other_rev_info_format, encode(declared.other_rev_info)
    return Field(
        "OtherRevocationInfoFormat",
        None,
        "revocation information that is no CRL",
        _REVOCATION,
        children=(
            Field("otherRevInfoFormat", oid_text(kind), _FORMATS.get(kind, ""), "RFC 5940 §2"),
            _other_info(kind, info, entries, nested),
        ),
        der=der,
    )


_FORMATS: Final = {
    oids.ID_RI_OCSP_RESPONSE: "a successful OCSP response",
    oids.ID_RI_SCVP: "a signed reply of an SCVP server, and its request",
}


def _other_info(kind: ObjectIdentifier, info: bytes, entries: int | None, nested: int) -> Field:
    if kind == oids.ID_RI_OCSP_RESPONSE:
        return explain_response(parse_response(info))
    if kind == oids.ID_RI_SCVP and nested < _MOST_NESTED:
        return _exchange(info, entries, nested + 1)
    value = count_text(len(info), "octet")
    return Field("otherRevInfo", value, "not taken apart", _REVOCATION, der=info)


def _exchange(info: bytes, entries: int | None, nested: int) -> Field:
    section = "RFC 5940 §2.2"
    declared = decode(cms.SCVPReqRes, info, "SCVPReqRes")
    request = absent("request", "the reply must hold the whole request", section)
    if declared.request is not None:
        request = _member("request", encode(declared.request), entries, nested)
    response = _member("response", encode(declared.response), entries, nested)
    return Field("SCVPReqRes", None, "", section, children=(request, response), der=info)


def _member(name: str, der: bytes, entries: int | None, nested: int) -> Field:
    inner = explain_content_info(parse_content_info(der), entries=entries, nested=nested)
    return Field(name, None, "", "RFC 5940 §2.2", children=(inner,), der=der)


# --- signers --------------------------------------------------------------------------------


def _signer_infos(data: SignedData) -> Field:
    count = len(data.signer_infos)
    if not count:
        return absent("signerInfos", "nobody signed: it carries certificates alone", _SIGNED_DATA)
    departures = () if count == 1 else ("SCVP has exactly one signer (RFC 5055 §3)",)
    return Field(
        "signerInfos",
        count_text(count, "signer"),
        "",
        _SIGNED_DATA,
        children=tuple(map(_signer_info, data.signer_infos)),
        departures=departures,
    )


def _signer_info(info: SignerInfo) -> Field:
    return Field(
        "SignerInfo",
        None,
        "one signature, and what it is over",
        _SIGNER_INFO,
        children=(
            Field("version", str(info.version), "1 by issuer, 3 by key", _SIGNER_INFO),
            Field("sid", str(info.sid), "the signer's certificate", _SIGNER_INFO),
            Field(
                "digestAlgorithm", oid_text(info.digest_algorithm.oid), "of content", _SIGNER_INFO
            ),
            _attributes("signedAttrs", info.signed_attrs),
            _signature_algorithm(info.signature_algorithm),
            signature_field("signature", info.signature, "over signedAttrs", _SIGNER_INFO),
            _attributes("unsignedAttrs", info.unsigned_attrs),
        ),
    )


def _signature_algorithm(identifier: AlgorithmIdentifier) -> Field:
    if identifier.oid == oids.RSA_ENCRYPTION:
        value, meaning = oid_text(identifier.oid), "RSA, PKCS #1 v1.5, with the digest's hash"
        return Field("signatureAlgorithm", value, meaning, _SIGNER_INFO)
    return signature_algorithm_field("signatureAlgorithm", identifier, _SIGNER_INFO)


def _attributes(name: str, attributes: tuple[Attribute, ...] | None) -> Field:
    if attributes is None:
        is_signed = name == "signedAttrs"
        meaning = "the signature is over the content itself" if is_signed else "none"
        return absent(name, meaning, _SIGNER_INFO)
    return Field(
        name,
        count_text(len(attributes), "attribute"),
        "",
        _SIGNER_INFO,
        children=tuple(map(_attribute, attributes)),
    )


def _attribute(attribute: Attribute) -> Field:
    name = oids.name_of(attribute.attr_type)
    teller = _ATTRIBUTES.get(attribute.attr_type)
    if teller is None:
        value = count_text(len(attribute.attr_values), "value")
        return Field(name, value, "not known to certstatus", "RFC 5652 §11", der=attribute.der)
    read, meaning, section = teller
    try:
        return Field(name, read(attribute), meaning, section, der=attribute.der)
    except MalformedError as error:
        return Field(name, None, meaning, section, der=attribute.der, problem=str(error))


def _reference(attribute: Attribute) -> bytes:
    return parse_signing_certificate(attribute).cert_hash


_ATTRIBUTES: Final[dict[ObjectIdentifier, tuple[Callable[[Attribute], Value], str, str]]] = {
    oids.ID_CONTENT_TYPE: (
        lambda one: oid_text(parse_content_type(one)),
        "eContentType once more, signed",
        "RFC 5652 §11.1",
    ),
    oids.ID_MESSAGE_DIGEST: (parse_message_digest, "digest of the content", "RFC 5652 §11.2"),
    oids.ID_SIGNING_TIME: (parse_signing_time, "when, by the signer's word", "RFC 5652 §11.3"),
    oids.ID_AA_SIGNING_CERTIFICATE: (
        _reference,
        "SHA-1 of the signer's certificate",
        "RFC 5035 §5",
    ),
    oids.ID_AA_SIGNING_CERTIFICATE_V2: (
        _reference,
        "hash of the signer's certificate",
        "RFC 5035 §3",
    ),
}
