from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from certstatus.asn1 import oids
from certstatus.cli.tree import print_tree
from certstatus.cms import SavedEvidence, encode_content_info, encode_evidence
from certstatus.errors import MalformedError
from certstatus.explain import Kind, explain, parse_get_url, recognize
from certstatus.ocsp import CertID, Extensions, Nonce, encode_request, parse_response
from certstatus.pkix import CertificateList, CRLReason
from certstatus.testing import Forge, TinyCA
from tests import scvp_messages as scvp
from tests.envelopes import signed

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA: Final = TinyCA()
MESSAGES: Final = (
    encode_request(
        [CertID.of(CA.certificate, 1000)], request_extensions=Extensions.of(Nonce(bytes(32)))
    ),
    Forge.honest(CA, 1000).der,
    CA.issue_server("leaf.example", ocsp_uris=["http://ocsp.example/"]).certificate.der,
    CA.crl([(1000, NOW, CRLReason.KEY_COMPROMISE)]),
    scvp.CV_REQUEST_OCTETS,
    scvp.CV_RESPONSE_OCTETS,
    scvp.VAL_POL_RESPONSE_OCTETS,
    encode_content_info(oids.ID_CT_SCVP_CERT_VAL_REQUEST, b"\x30\0"),
    signed(),
    encode_evidence(
        SavedEvidence(
            crls=(CertificateList.from_der(CA.crl()),),
            ocsp_responses=(parse_response(Forge.honest(CA, 1000).der),),
        )
    ),
)


def explained(der: bytes, kind: Kind | None = None) -> None:
    """Explain and print; only a MalformedError may say that there is nothing to explain."""
    try:
        tree = explain(der, kind=kind)
    except MalformedError:
        return
    out = Console(file=io.StringIO(), width=80)
    print_tree(out, tree, now=NOW, with_bytes=True)
    tree.as_json(with_bytes=True)


@given(st.binary(max_size=400), st.sampled_from([None, *Kind]))
def test_no_bytes_make_an_explanation_fail(data: bytes, kind: Kind | None) -> None:
    explained(data, kind)


@settings(max_examples=400)
@given(
    message=st.sampled_from(MESSAGES),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    size=st.integers(1, 1200),
)
def test_no_change_to_a_message_makes_its_explanation_fail(
    message: bytes, changes: list[tuple[int, int]], size: int
) -> None:
    data = bytearray(message)
    for place, octet in changes:
        data[place % len(data)] = octet
    explained(bytes(data[: size if size < 600 else None]))


@given(st.binary(max_size=64))
def test_telling_the_kind_never_fails(data: bytes) -> None:
    assert recognize(data) in {None, *Kind}


@given(st.text(max_size=80))
def test_no_text_makes_reading_a_url_fail(text: str) -> None:
    for url in (text, f"http://x.example/{text}"):
        with contextlib.suppress(MalformedError):
            assert parse_get_url(url).der
