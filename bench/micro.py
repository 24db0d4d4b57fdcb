"""Microseconds of processor time per operation, beside other implementations of the same work."""

from __future__ import annotations

import asyncio
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from asn1crypto import ocsp as asn1crypto_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as pyca_ocsp

from bench.signing import one_answer
from bench.sources import look_ups
from certstatus.ocsp import (
    CertID,
    Extensions,
    Nonce,
    encode_request,
    parse_request,
    parse_response,
)
from certstatus.testing import Forge, TinyCA
from certstatus.verify import verify_response

__all__ = ["Row", "measure"]

ROUNDS = 7
SECONDS = 0.15


@dataclass(frozen=True)
class Row:
    """One operation: microseconds of ours and of each peer; the median of the rounds."""

    operation: str
    ours: float
    peers: dict[str, float]


def _microseconds(work: Callable[[], object]) -> float:
    timer = timeit.Timer(work, timer=time.process_time)
    number = max(1, int(SECONDS / max(timer.timeit(20) / 20, 1e-9)))
    return median(timer.repeat(ROUNDS, number)) / number * 1e6


def _row(operation: str, ours: Callable[[], object], **peers: Callable[[], object]) -> Row:
    return Row(
        operation,
        _microseconds(ours),
        {name.replace("_", "."): _microseconds(work) for name, work in peers.items()},
    )


def _read_asn1crypto_request(der: bytes) -> object:
    tbs = asn1crypto_ocsp.OCSPRequest.load(der)["tbs_request"]
    cert_id = tbs["request_list"][0]["req_cert"]
    return (
        cert_id["serial_number"].native,
        cert_id["issuer_name_hash"].native,
        cert_id["issuer_key_hash"].native,
        tbs["request_extensions"][0]["extn_value"].native,
    )


def _read_pyca_request(der: bytes) -> object:
    request = pyca_ocsp.load_der_ocsp_request(der)
    return (
        request.serial_number,
        request.issuer_name_hash,
        request.issuer_key_hash,
        request.extensions,
    )


def _read_pyca_response(der: bytes) -> object:
    response = pyca_ocsp.load_der_ocsp_response(der)
    return (
        response.serial_number,
        response.certificate_status,
        response.this_update_utc,
        response.next_update_utc,
        response.produced_at_utc,
        response.responder_key_hash,
        response.signature,
    )


def _read_asn1crypto_response(der: bytes) -> object:
    data = asn1crypto_ocsp.OCSPResponse.load(der).response_data
    single = data["responses"][0]
    return (
        single["cert_id"]["serial_number"].native,
        single["cert_status"].name,
        single["this_update"].native,
        single["next_update"].native,
        data["produced_at"].native,
        data["responder_id"].native,
    )


def measure() -> list[Row]:
    """Measure reading, judging and making messages, P-256 with a delegated responder."""
    ca = TinyCA("Bench CA")
    leaf = ca.issue_server()
    delegate = ca.issue_responder()
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    cert_id = CertID.for_certificate(leaf.certificate, ca.certificate)
    nonce = Extensions.of(Nonce(bytes(range(32))))
    request = encode_request([cert_id], request_extensions=nonce)
    forge = Forge.honest(ca, leaf.certificate.serial_number, delegate)
    response = forge.der
    parsed = parse_response(response)
    assert verify_response(
        response, issuer=ca.certificate, certificate=leaf.certificate, now=now
    ).verified
    return [
        _row(
            f"read a request ({len(request)} octets, with nonce)",
            lambda: parse_request(request),
            cryptography=lambda: _read_pyca_request(request),
            asn1crypto=lambda: _read_asn1crypto_request(request),
        ),
        _row(
            "write a request",
            lambda: encode_request([cert_id], request_extensions=nonce),
            cryptography=lambda: _write_pyca_request(cert_id),
        ),
        _row(
            f"read a response ({len(response)} octets, with certificate)",
            lambda: parse_response(response),
            cryptography=lambda: _read_pyca_response(response),
            asn1crypto=lambda: _read_asn1crypto_response(response),
        ),
        _row(
            "judge a response (three signatures verified)",
            lambda: verify_response(
                parsed, issuer=ca.certificate, certificate=leaf.certificate, now=now
            ),
        ),
        _row(
            "build and sign a response (P-256, with nonce)",
            one_answer(delegate, ca),
            cryptography=lambda: _write_pyca_response(forge),
        ),
        *asyncio.run(_rows_of_sources()),
    ]


async def _rows_of_sources() -> list[Row]:
    """Measure all in one turn of the event loop, as under load: it is never given back."""
    with look_ups() as found:
        return [_row(f"look up in {name}", look_up) for name, look_up in found.items()]


def _write_pyca_request(cert_id: CertID) -> bytes:
    builder = (
        pyca_ocsp.OCSPRequestBuilder()
        .add_certificate_by_hash(
            cert_id.issuer_name_hash,
            cert_id.issuer_key_hash,
            cert_id.serial_number,
            hashes.SHA256(),
        )
        .add_extension(x509.OCSPNonce(bytes(range(32))), critical=False)
    )
    return builder.build().public_bytes(Encoding.DER)


def _write_pyca_response(forge: Forge) -> bytes:
    cert_id, single = forge.cert_ids[0], forge.data.responses[0]
    key = forge.signer.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = (
        pyca_ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            issuer_name_hash=cert_id.issuer_name_hash,
            issuer_key_hash=cert_id.issuer_key_hash,
            serial_number=cert_id.serial_number,
            algorithm=hashes.SHA256(),
            cert_status=pyca_ocsp.OCSPCertStatus.GOOD,
            this_update=single.this_update,
            next_update=single.next_update,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(pyca_ocsp.OCSPResponderEncoding.HASH, forge.signer.certificate.parsed)
        .certificates([forge.signer.certificate.parsed])
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
