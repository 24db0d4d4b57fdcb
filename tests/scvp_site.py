"""A site that serves SCVP: a lab with a signer of responses, its configuration, and questions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info, parse_content_info, parse_signed_data
from certstatus.pkix import Certificate
from certstatus.scvp import (
    Check,
    CVRequest,
    CVResponse,
    PKCReference,
    Query,
    ResponseFlags,
    ValPolRequest,
    ValPolResponse,
    WantBack,
    encode_cv_request,
    encode_val_pol_request,
    parse_cv_response,
    parse_val_pol_response,
)
from certstatus.signing import Purpose
from certstatus.testing import Issued, Lab, build_lab

CV_TYPE: Final = "application/scvp-cv-request"
VP_TYPE: Final = "application/scvp-vp-request"
SCVP: Final = """
[scvp]
state_file = "scvp.json"
fetch = false
[[scvp.signer]]
certificate = "scvp.pem"
key = "scvp.key"
[[scvp.policy]]
anchors = ["ca.pem"]
"""
OCSP: Final = """
[[authority]]
certificate = "ca.pem"
[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"
[[authority.source]]
index = "index.txt"
"""


@dataclass(frozen=True)
class Site:
    """A lab whose folder holds ``scvp.pem``, ``scvp.key`` and ``certstatus.toml`` too."""

    lab: Lab
    server: Issued

    @property
    def folder(self) -> Path:
        return self.lab.directory

    @property
    def config(self) -> Path:
        return self.folder / "certstatus.toml"

    def configure(self, text: str) -> Path:
        self.config.write_text(text, "utf-8")
        return self.config

    def write(self, name: str, issued: Issued) -> None:
        """Put a certificate and its key beside the others."""
        (self.folder / f"{name}.pem").write_bytes(issued.certificate_pem)
        key = self.folder / f"{name}.key"
        key.write_bytes(issued.key_pem())
        key.chmod(0o600)


def build_site(folder: Path, now: datetime | None = None) -> Site:
    """Make the lab, valid around ``now`` (aware UTC; None: the real time), and the signer."""
    lab = build_lab(folder, now=now or datetime.now(UTC))
    certificate = lab.ca.certificate
    server = lab.ca.issue_scvp(
        Purpose.SCVP_SERVER, "SCVP server", not_before=certificate.not_before
    )
    site = Site(lab, server)
    site.write("scvp", server)
    site.configure("[server]\nport = 0\nadmin_port = 0\n" + SCVP + OCSP)
    return site


def cv_request(
    *certificates: Certificate,
    check: Check = Check.BUILD_STATUS_CHECKED_PKC_PATH,
    want_back: tuple[WantBack, ...] = (),
    is_protected: bool = True,
    nonce: bytes | None = None,
) -> bytes:
    """Write a CVRequest in its ContentInfo, with a nonce of its own."""
    query = Query(
        queried_certs=tuple(PKCReference.by_value(one) for one in certificates),
        checks=(check.oid,),
        want_back=tuple(one.oid for one in want_back),
        response_flags=ResponseFlags(protect_response=is_protected),
    )
    request = CVRequest(query=query, request_nonce=nonce or secrets.token_bytes(16))
    return encode_content_info(oids.ID_CT_SCVP_CERT_VAL_REQUEST, encode_cv_request(request))


def vp_request() -> bytes:
    """Write a ValPolRequest in its ContentInfo."""
    der = encode_val_pol_request(ValPolRequest(request_nonce=secrets.token_bytes(16)))
    return encode_content_info(oids.ID_CT_SCVP_VAL_POL_REQUEST, der)


def content_of(octets: bytes) -> tuple[bytes, tuple[Certificate, ...]]:
    """Take a message out of its ContentInfo, and the certificates that came with it if signed."""
    info = parse_content_info(octets)
    if info.content_type != oids.ID_SIGNED_DATA:
        return info.content, ()
    signed = parse_signed_data(info)
    assert signed.content is not None
    return signed.content, signed.readable_certificates


def cv_response(octets: bytes) -> CVResponse:
    return parse_cv_response(content_of(octets)[0])


def vp_response(octets: bytes) -> ValPolResponse:
    return parse_val_pol_response(content_of(octets)[0])


def post(url: str, body: bytes, media_type: str = CV_TYPE) -> httpx2.Response:
    """Post over a connection of its own, so that any worker may answer."""
    headers = {"Content-Type": media_type}
    return httpx2.post(url, content=body, headers=headers, timeout=20, trust_env=False)
