"""What is written is read as it was, and what is read is written in the same bytes."""

from __future__ import annotations

from datetime import datetime

import pytest
from asn1crypto import ocsp as judge
from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1 import Departure
from certstatus.asn1.doorway import GeneralizedTime, decode, decode_time, encode, generalized_time
from certstatus.asn1.x509 import AlgorithmIdentifier as DeclaredAlgorithm
from certstatus.ocsp import (
    CertID,
    Extensions,
    OCSPRequest,
    Request,
    ResponseData,
    Revoked,
    Signature,
    SingleResponse,
    encode_request,
    encode_response,
    encode_response_data,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
    parse_response,
)
from certstatus.ocsp.extensions import ExtensionValue
from certstatus.pkix import AlgorithmIdentifier, GeneralName, Name
from tests.property import strategies as of

REQUESTS = st.lists(of.requests(), min_size=1, max_size=3)
NAMES = st.none() | of.general_names()
ODD = ("serialNumber", "hashAlgorithm", "nonce")
"""What our own writer would not write, unless it echoes a peer."""


def is_echo(departure: Departure) -> bool:
    return departure.where.endswith(ODD)


# --- parts --------------------------------------------------------------------------------


@given(of.moments())
def test_a_time(moment: datetime) -> None:
    der = encode(generalized_time(moment))

    assert decode_time(decode(GeneralizedTime, der, "time"), "time") == moment


@given(of.algorithm_identifiers())
def test_an_algorithm(algorithm: AlgorithmIdentifier) -> None:
    der = encode(algorithm.declared())

    assert AlgorithmIdentifier.from_der(der, "algorithm") == algorithm
    assert encode(decode(DeclaredAlgorithm, der, "algorithm")) == der


@given(of.names(), of.names())
def test_a_name(name: Name, other: Name) -> None:
    assert Name.from_der(name.der) == name
    assert name.matches(name)
    assert name.matches(other) is other.matches(name)
    assert str(name).isprintable()


@given(of.general_names())
def test_a_general_name(name: GeneralName) -> None:
    der = name.encode()

    assert GeneralName.from_der(der, "name") == name
    assert GeneralName.from_der(der, "name").encode() == der
    assert isinstance(name.text, str)


@given(of.extension_values())
def test_an_extension(value: ExtensionValue) -> None:
    der = value.encode()

    assert type(value).decode(der, "extension") == value
    assert type(value).decode(der, "extension").encode() == der


@given(of.cert_ids())
@pytest.mark.rule("O1")
def test_a_cert_id(cert_id: CertID) -> None:
    der = cert_id.encode()
    read = CertID.from_der(der)

    assert (read, read.encode(), hash(read)) == (cert_id, der, hash(cert_id))
    assert read.hash_algorithm == cert_id.hash_algorithm
    judged = judge.CertId.load(der, strict=True)
    assert judged["serial_number"].native == cert_id.serial_number
    assert judged["issuer_key_hash"].native == cert_id.issuer_key_hash


# --- requests -----------------------------------------------------------------------------


def same_request(
    read: OCSPRequest, asked: list[Request], name: GeneralName | None, extensions: Extensions
) -> None:
    assert read.request_list == tuple(asked)
    assert [one.req_cert.encode() for one in read.request_list] == [
        one.req_cert.encode() for one in asked
    ]
    assert (read.requestor_name, read.request_extensions) == (name, extensions)
    assert all(map(is_echo, read.departures))


@given(REQUESTS, NAMES, of.extensions())
def test_a_request(asked: list[Request], name: GeneralName | None, extensions: Extensions) -> None:
    der = encode_request(asked, requestor_name=name, request_extensions=extensions)

    read = parse_request(der)

    same_request(read, asked, name, extensions)
    again = encode_request(
        read.request_list,
        requestor_name=read.requestor_name,
        request_extensions=read.request_extensions,
    )
    assert again == der == read.der
    judged = judge.OCSPRequest.load(der, strict=True)["tbs_request"]["request_list"]
    assert [one["req_cert"]["serial_number"].native for one in judged] == [
        one.req_cert.serial_number for one in asked
    ]


@given(REQUESTS, NAMES, of.extensions(), of.signatures())
@pytest.mark.rule("O4")
def test_a_signed_request(
    asked: list[Request], name: GeneralName | None, extensions: Extensions, signature: Signature
) -> None:
    tbs = encode_tbs_request(asked, requestor_name=name, request_extensions=extensions)
    der = encode_signed_request(tbs, signature)

    read = parse_request(der)

    same_request(read, asked, name, extensions)
    assert (read.tbs_request, read.optional_signature) == (tbs, signature)
    assert encode_signed_request(read.tbs_request, read.optional_signature or signature) == der


# --- responses ----------------------------------------------------------------------------


@given(of.response_data(), of.signatures())
@pytest.mark.rule("O20", "O21")
def test_a_response(data: ResponseData, signature: Signature) -> None:
    tbs = encode_response_data(data)
    parts = (signature.signature_algorithm, signature.signature, signature.certs)
    der = encode_response(tbs, *parts)

    read = parse_response(der)

    assert read.basic is not None
    assert read.basic.tbs_response_data == data
    assert read.basic.tbs_der == tbs == encode_response_data(read.basic.tbs_response_data)
    found = (read.basic.signature_algorithm, read.basic.signature, read.basic.certs)
    assert found == parts
    assert encode_response(read.basic.tbs_der, *found) == der == read.der
    assert all(map(is_echo, read.departures))


@given(of.response_data())
@pytest.mark.rule("O12")
def test_asn1crypto_finds_the_same_answers(data: ResponseData) -> None:
    judged = judge.ResponseData.load(encode_response_data(data), strict=True)

    assert [
        (one["cert_id"]["serial_number"].native, one["cert_status"].name)
        for one in judged["responses"]
    ] == [(one.cert_id.serial_number, word(one)) for one in data.responses]
    assert len(judged["response_extensions"]) == len(data.response_extensions)


def word(single: SingleResponse) -> str:
    is_revoked = isinstance(single.cert_status, Revoked)
    return "revoked" if is_revoked else str(single.cert_status)
