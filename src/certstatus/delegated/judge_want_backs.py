"""What a server sent back held against what was asked for (RFC 5055 §4.9.5; S10, S15, S22). Pure.

A path proves itself: every certificate of it is signed by the next. So a client need not take
the server's word for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_REPLY_LINKS
from certstatus.ocsp import parse_response
from certstatus.pkix import Certificate, CertificateList, issuance_problem
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CertReply,
    PublicKeyInfo,
    RevInfoWantBack,
    RevocationInfo,
    RevocationInfoKind,
    WantBack,
    WantBackValue,
)

__all__ = ["Links", "want_back_problem"]

_IN_CERT = frozenset({WantBack.PKC_CERT.oid, WantBack.AC_CERT.oid})


class Links:
    """Who signed whom, found out once for all paths of a reply, and within a bound."""

    def __init__(self) -> None:
        self._known: dict[tuple[Certificate, Certificate], str | None] = {}

    def problem(self, certificate: Certificate, issuer: Certificate) -> str | None:
        """Say why ``issuer`` did not issue ``certificate``; None: it did.

        Raises:
            MalformedError: more than ``MAX_REPLY_LINKS`` were asked about.
        """
        pair = certificate, issuer
        if pair not in self._known:
            if len(self._known) == MAX_REPLY_LINKS:
                text = f"the paths have more than {MAX_REPLY_LINKS} certificates"
                raise MalformedError(text, where="CertBundle")
            self._known[pair] = issuance_problem(certificate, issuer)
        return self._known[pair]


def want_back_problem(
    reply: CertReply,
    asked: Sequence[ObjectIdentifier],
    certificate: Certificate,
    anchors: Sequence[Certificate],
    links: Links,
) -> str | None:
    """Say what is missing or wrong in what came back; None: it is all there.

    ``anchors`` are the only ones that paths may lead to; any where empty. ``links`` are shared
    by all replies of a response.
    """
    sent = {one.wb for one in reply.reply_want_backs}
    for oid in asked:
        if oid not in _IN_CERT and oid not in sent:
            return f"{oids.name_of(oid)} is missing"
    try:
        for one in reply.reply_want_backs:
            if problem := _problem(one.typed(), certificate, anchors, links):
                return f"{oids.name_of(one.wb)}: {problem}"
    except MalformedError as error:
        return str(error)
    return None


def _problem(
    value: WantBackValue | None,
    certificate: Certificate,
    anchors: Sequence[Certificate],
    links: Links,
) -> str | None:
    if isinstance(value, CertBundle):
        return _path_problem(value, certificate, anchors, links)
    if isinstance(value, CertBundles):
        found = (_path_problem(one, certificate, anchors, links) for one in value.bundles)
        return next((one for one in found if one is not None), None)
    if isinstance(value, RevInfoWantBack):
        for der in value.extra_certs:
            Certificate.from_der(der, "extraCerts")
        for info in value.revocation_info:
            _check_revocation_info(info)
    if isinstance(value, PublicKeyInfo) and value.der != certificate.spki_der:
        return "is another key than the certificate's"
    return None


def _path_problem(
    bundle: CertBundle, certificate: Certificate, anchors: Sequence[Certificate], links: Links
) -> str | None:
    path = [Certificate.from_der(der, "CertBundle") for der in bundle.certs]
    if path[0] != certificate:
        return "does not begin with the certificate that was asked about"
    for one, issuer in pairwise(path):
        problem = links.problem(one, issuer)
        if problem is not None:
            return f"breaks at {one.subject}: {problem}"
    if not anchors:
        return None
    if any(one in anchors for one in path[1:]):
        return "holds a trust anchor"
    if all(links.problem(path[-1], anchor) is not None for anchor in anchors):
        return f"ends with {path[-1].subject}, which none of the anchors issued"
    return None


def _check_revocation_info(info: RevocationInfo) -> None:
    """Raise MalformedError for a CRL or a response that can't be read."""
    if info.kind is RevocationInfoKind.OCSP:
        parse_response(info.der)
    elif info.kind is not RevocationInfoKind.OTHER:
        CertificateList.from_der(info.der)
