"""The faults of the response itself, stapled or asked for over HTTP, and of its way there. Pure."""

from __future__ import annotations

from typing import Final

from certstatus.handshake import AlertDescription
from certstatus.ocsp import OCSPResponseStatus
from certstatus.tls.fault_delivery import Delivery, Pace, Promise, Signer, Slot, Web
from certstatus.tls.fault_kind import ASKED, SAID, STAPLED, Asks, Fault, Where
from certstatus.tls.fault_lies import (
    Tell,
    broken_tag,
    cut_short,
    error_status,
    honest,
    lie,
    nothing,
    one_more_byte,
    oversized,
    revoked,
    said_twice,
    unissued,
    unknown,
)
from certstatus.verify import Verdict

__all__: list[str] = []

_BAD_STATUS: Final = AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE


def _told(
    name: str,
    rule: str,
    title: str,
    description: str,
    tell: Tell = honest,
    *,
    verdict: Verdict = Verdict.UNTRUSTED,
    signer: Signer = Signer.DELEGATE,
    where: frozenset[Where] = SAID,
) -> Fault:
    """Make a fault of the response itself, stapled and asked for."""
    return Fault(
        name=name,
        title=title,
        rule=rule,
        description=description,
        where=where,
        how=Delivery(tell=tell, signer=signer),
        verdict=verdict,
        alert=_BAD_STATUS if Where.STAPLE in where else None,
    )


RIGHT: Final = (
    Fault(
        name="none",
        title="nothing is wrong",
        rule=None,
        description="A right staple and a right answer, for comparison: a client that refuses this one refuses too much.",
        where=SAID,
        verdict=Verdict.GOOD,
    ),
    Fault(
        name="must-staple",
        title="must-staple kept",
        rule=None,
        description="The certificate promises a staple (RFC 7633), and a right one comes.",
        where=SAID,
        how=Delivery(promise=Promise.SERVER),
        verdict=Verdict.GOOD,
    ),
)

STATUSES: Final = (
    _told(
        "revoked",
        "O12",
        "revoked",
        "A right answer, and it says revoked for keyCompromise.",
        revoked,
        verdict=Verdict.REVOKED,
    ),
    _told(
        "never-issued",
        "O13",
        "never issued",
        "A right answer with extended-revoke: revoked, for the CA has never issued this serial.",
        unissued,
        verdict=Verdict.REVOKED,
    ),
    _told(
        "unknown",
        "O12",
        "unknown",
        "A right answer, and it says that the responder does not know the certificate.",
        unknown,
        verdict=Verdict.UNKNOWN,
    ),
    _told(
        "contradicting",
        "O12",
        "two contradicting answers",
        "One response says good and revoked of the same certificate: the strictest counts.",
        said_twice,
        verdict=Verdict.REVOKED,
    ),
)

TIMES: Final = (
    _told(
        "expired",
        "L10",
        "expired",
        "nextUpdate passed a day ago.",
        lie("expired answer"),
    ),
    _told(
        "next-update-absent",
        "L10",
        "no nextUpdate",
        "The answer names no end, and would hold for ever.",
        lie("answer without end"),
    ),
    _told(
        "future",
        "O19",
        "from the future",
        "thisUpdate lies a day ahead.",
        lie("answer from the future"),
    ),
    _told(
        "produced-in-future",
        "O19",
        "produced in the future",
        "producedAt lies a day ahead, the rest is right.",
        lie("produced in the future"),
    ),
)

MATCHING: Final = (
    _told(
        "wrong-serial",
        "O15",
        "wrong serial number",
        "The answer is about another certificate of the same issuer.",
        lie("wrong serial number"),
    ),
    _told(
        "wrong-issuer",
        "O1",
        "wrong issuer",
        "The serial number is right, the issuer's hashes are those of another CA.",
        lie("another issuer"),
    ),
    Fault(
        name="swapped",
        title="staples swapped",
        rule="O1",
        description="Each staple is right, and stands at the other's certificate: server and intermediate.",
        where=STAPLED,
        how=Delivery(slot=Slot.SWAPPED),
        verdict=Verdict.UNTRUSTED,
        alert=_BAD_STATUS,
    ),
    Fault(
        name="wrong-nonce",
        title="wrong nonce",
        rule="N3",
        description="The answer carries another nonce than the request.",
        where=ASKED,
        how=Delivery(tell=lie("wrong nonce")),
        verdict=Verdict.UNTRUSTED,
        needs=Asks.NONCE,
    ),
)

SIGNATURES: Final = (
    _told(
        "bad-signature",
        "O21",
        "bad signature",
        "The signature is over other bytes.",
        lie("signature of other bytes"),
    ),
    _told(
        "sha1-signature",
        "O29",
        "SHA-1 signature",
        "Signed with SHA-1, all else right.",
        lie("SHA-1 signature"),
    ),
    _told(
        "unauthorised-signer",
        "O22",
        "unauthorised signer",
        "Signed by the responder of a CA below the issuer, to which the issuer has delegated nothing.",
        lie("delegate of a CA below"),
    ),
    _told(
        "namesake-signer",
        "O23",
        "signer of a namesake",
        "Signed by the responder of a CA with the issuer's name and another key.",
        lie("stranger's delegate"),
    ),
    _told(
        "no-eku",
        "O22",
        "signer without OCSPSigning",
        "Signed by a server's certificate of the same CA, which lacks id-kp-OCSPSigning.",
        lie("leaf without the purpose"),
    ),
    _told(
        "any-eku",
        "O22",
        "signer for any purpose",
        "The signer has anyExtendedKeyUsage, which does not stand for id-kp-OCSPSigning.",
        lie("any purpose only"),
    ),
    _told(
        "own-key",
        "O22",
        "the server speaks for itself",
        "The staple is signed with the key of the very certificate that it is about.",
        signer=Signer.SERVER,
        where=STAPLED,
    ),
    _told(
        "expired-delegate",
        "O25",
        "expired delegate",
        "The responder's certificate expired yesterday.",
        lie("expired delegate"),
    ),
    _told(
        "revoked-delegate",
        "O24",
        "revoked delegate",
        "The responder's certificate has no nocheck, and the responder that it names says revoked.",
        signer=Signer.REVOKED_DELEGATE,
    ),
    _told(
        "responder-not-named",
        "O16",
        "ResponderID of nobody",
        "The ResponderID fits no certificate at hand.",
        lie("responder not named"),
    ),
    _told(
        "no-signer-certificate",
        "O16",
        "signer's certificate absent",
        "A delegate signed, and its certificate is not sent along.",
        lie("responder's certificate absent"),
    ),
)

EXTENSIONS: Final = (
    _told(
        "critical-response-extension",
        "O3",
        "unknown critical responseExtension",
        "The response has a critical extension that OCSP does not know.",
        lie("unknown critical response extension"),
    ),
    _told(
        "critical-single-extension",
        "O3",
        "unknown critical singleExtension",
        "The answer about the certificate has a critical extension that OCSP does not know.",
        lie("unknown critical single extension"),
    ),
)

ERRORS: Final = (
    _told(
        "try-later",
        "O10",
        "tryLater",
        "The error status tryLater, unsigned; also stapled, where it has no business.",
        lie("unsigned error status"),
        verdict=Verdict.REFUSED,
    ),
    _told(
        "internal-error",
        "O10",
        "internalError",
        "The error status internalError, unsigned; also stapled.",
        error_status(OCSPResponseStatus.INTERNAL_ERROR),
        verdict=Verdict.REFUSED,
    ),
    _told(
        "unauthorized",
        "O10",
        "unauthorized",
        "The error status unauthorized, unsigned; also stapled.",
        error_status(OCSPResponseStatus.UNAUTHORIZED),
        verdict=Verdict.REFUSED,
    ),
)

BYTES: Final = (
    _told(
        "foreign-type",
        "O9",
        "foreign response type",
        "The responseType is not id-pkix-ocsp-basic.",
        lie("foreign response type"),
    ),
    _told(
        "malformed",
        "O9",
        "malformed",
        "DER of the right length, in which the response status is no ENUMERATED.",
        broken_tag,
        verdict=Verdict.MALFORMED,
    ),
    _told(
        "truncated",
        "O9",
        "truncated",
        "The response ends before its own length says; in TLS, a staple cut to fit (T7).",
        cut_short,
        verdict=Verdict.MALFORMED,
    ),
    _told(
        "trailing-bytes",
        "O9",
        "trailing bytes",
        "A byte stands after the end of the response.",
        one_more_byte,
        verdict=Verdict.MALFORMED,
    ),
    _told(
        "empty",
        "O9",
        "empty",
        "An HTTP answer of no bytes, with status 200 and the right type.",
        nothing,
        verdict=Verdict.MALFORMED,
        where=ASKED,
    ),
)

HTTP: Final = (
    Fault(
        name="oversize",
        title="oversize",
        rule=None,
        description="A right response, and zeros after it, past any size that a client should read: its own bound must hold.",
        where=ASKED,
        how=Delivery(tell=oversized),
        verdict=Verdict.UNREACHABLE,
    ),
    Fault(
        name="web-page",
        title="a web page",
        rule="O9",
        description="HTTP status 200 with a page for people, as from a captive portal.",
        where=ASKED,
        how=Delivery(web=Web.PAGE),
        verdict=Verdict.MALFORMED,
    ),
    Fault(
        name="unavailable",
        title="HTTP 503",
        rule="O33",
        description="HTTP status 503 around a right response: only 200 carries an answer.",
        where=ASKED,
        how=Delivery(web=Web.UNAVAILABLE),
        verdict=Verdict.UNREACHABLE,
    ),
    Fault(
        name="slow",
        title="slow",
        rule="B7",
        description="The responder says nothing for the host's delay, and then answers rightly.",
        where=ASKED,
        how=Delivery(pace=Pace.SLOW),
        verdict=Verdict.UNREACHABLE,
    ),
    Fault(
        name="drip",
        title="byte by byte",
        rule="B7",
        description="A right answer that comes byte by byte: a time-out for each read never ends.",
        where=ASKED,
        how=Delivery(pace=Pace.DRIP),
        verdict=Verdict.UNREACHABLE,
    ),
)
