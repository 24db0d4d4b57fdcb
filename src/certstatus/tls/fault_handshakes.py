"""The faults of the handshake around right responses, and of staples that don't come. Pure."""

from __future__ import annotations

from typing import Final

from certstatus.handshake import TLS12, TLS13, AlertDescription
from certstatus.tls.fault_delivery import Delivery, Pace, Promise, Slot
from certstatus.tls.fault_kind import SHAKEN, STAPLED, Asks, Fault
from certstatus.tls.fault_lies import revoked
from certstatus.tls.wire_manner import Manner
from certstatus.verify import Verdict

__all__: list[str] = []

_BAD_STATUS: Final = AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE
_DECODE: Final = AlertDescription.DECODE_ERROR
_ILLEGAL: Final = AlertDescription.ILLEGAL_PARAMETER
_UNEXPECTED: Final = AlertDescription.UNEXPECTED_MESSAGE
_UNSUPPORTED: Final = AlertDescription.UNSUPPORTED_EXTENSION


def _shaken(
    name: str,
    title: str,
    description: str,
    manner: Manner,
    *,
    rule: str,
    alert: AlertDescription,
    rule_tls13: str | None = None,
    alert_tls13: AlertDescription | None = None,
    needs: Asks = Asks.STATUS,
    needs_tls13: Asks | None = None,
) -> Fault:
    """Make a fault of the handshake; the responses are right."""
    return Fault(
        name=name,
        title=title,
        rule=rule,
        rule_tls13=rule_tls13,
        description=description,
        where=SHAKEN,
        versions=manner.versions,
        how=Delivery(manner=manner),
        alert=alert,
        alert_tls13=alert_tls13,
        needs=needs,
        needs_tls13=needs_tls13,
    )


ABSENCES: Final = (
    Fault(
        name="absent",
        title="no staple",
        rule="T11",
        description="The server ignores the question. Allowed, unless the client wants a staple from everyone.",
        where=SHAKEN,
        how=Delivery(slot=Slot.NONE),
    ),
    Fault(
        name="promised-absent",
        title="promised and absent",
        rule="T3",
        description="The ServerHello promises a status and no CertificateStatus follows, which is allowed: without must-staple the handshake goes on.",
        where=SHAKEN,
        versions=(TLS12,),
        how=Delivery(manner=Manner.PROMISED_ABSENT),
    ),
    Fault(
        name="must-staple-absent",
        title="must-staple broken",
        rule="T10",
        description="The certificate promises a staple (RFC 7633), and none comes.",
        where=SHAKEN,
        how=Delivery(slot=Slot.NONE, promise=Promise.SERVER),
        alert=_BAD_STATUS,
    ),
    Fault(
        name="must-staple-ca",
        title="must-staple of the CA not passed on",
        rule="T10",
        description="The CA's certificate lists status_request as a TLS feature, the server's does not (RFC 7633 §4.2.2); the staples are right.",
        where=SHAKEN,
        how=Delivery(promise=Promise.CA),
        alert=_BAD_STATUS,
    ),
    Fault(
        name="intermediate-revoked",
        title="intermediate revoked",
        rule="T4",
        description="The server's staple is right; the one of its CA says revoked.",
        where=SHAKEN,
        versions=(TLS13,),
        how=Delivery(tell=revoked, slot=Slot.INTERMEDIATE),
        alert=_BAD_STATUS,
    ),
)

PLACES: Final = (
    _shaken(
        "unsolicited",
        "unsolicited",
        "TLS 1.2: a CertificateStatus that the ServerHello has not promised. TLS 1.3: a status for a client that has not asked.",
        Manner.UNSOLICITED,
        rule="T3",
        alert=_UNEXPECTED,
        rule_tls13="T5",
        alert_tls13=_UNSUPPORTED,
        needs=Asks.ANYHOW,
        needs_tls13=Asks.NOTHING,
    ),
    _shaken(
        "promised-unasked",
        "promise without a question",
        "The ServerHello answers a status_request that the client has not sent.",
        Manner.PROMISED_UNASKED,
        rule="T3",
        alert=_UNSUPPORTED,
        needs=Asks.NOTHING,
    ),
    _shaken(
        "promise-not-empty",
        "promise with content",
        "The ServerHello's status_request holds an octet; it must be empty.",
        Manner.PROMISE_NOT_EMPTY,
        rule="T3",
        alert=_DECODE,
    ),
    _shaken(
        "misplaced",
        "misplaced",
        "TLS 1.2: CertificateStatus after ServerKeyExchange. TLS 1.3: a status in EncryptedExtensions.",
        Manner.MISPLACED,
        rule="T3",
        alert=_UNEXPECTED,
        rule_tls13="T5",
        alert_tls13=_ILLEGAL,
    ),
    _shaken(
        "too-early",
        "too early",
        "TLS 1.2: CertificateStatus before Certificate. TLS 1.3: a status in the ServerHello.",
        Manner.TOO_EARLY,
        rule="T3",
        alert=_UNEXPECTED,
        rule_tls13="T5",
        alert_tls13=_ILLEGAL,
    ),
    _shaken(
        "message-in-tls13",
        "CertificateStatus in TLS 1.3",
        "A message of type 22, which TLS 1.3 does not have.",
        Manner.MESSAGE_IN_TLS13,
        rule="T5",
        alert=_UNEXPECTED,
    ),
    _shaken(
        "twice",
        "sent twice",
        "TLS 1.2: two CertificateStatus messages. TLS 1.3: the extension stands twice in one entry.",
        Manner.TWICE,
        rule="T3",
        alert=_UNEXPECTED,
        rule_tls13="T5",
        alert_tls13=_ILLEGAL,
    ),
)

FRAMINGS: Final = (
    _shaken(
        "no-body",
        "CertificateStatus of no octets",
        "The message, or the extension, is empty: there is not even a type.",
        Manner.NO_BODY,
        rule="T3",
        alert=_DECODE,
        rule_tls13="T5",
    ),
    _shaken(
        "empty-staple",
        "empty staple",
        "The OCSPResponse in CertificateStatus has no octets; one is the least (RFC 6066 §8).",
        Manner.EMPTY,
        rule="T3",
        alert=_DECODE,
        rule_tls13="T5",
    ),
    _shaken(
        "status-trailing-bytes",
        "byte after CertificateStatus",
        "An octet stands after the response, outside of it and inside of the message.",
        Manner.TRAILING_BYTES,
        rule="T3",
        alert=_DECODE,
        rule_tls13="T5",
    ),
    _shaken(
        "lying-length",
        "length that lies",
        "The length of the response is one more than there is.",
        Manner.LYING_LENGTH,
        rule="T3",
        alert=_DECODE,
        rule_tls13="T5",
    ),
    _shaken(
        "unknown-status-type",
        "unknown status type",
        "The status_type is 3, which nobody has defined.",
        Manner.UNKNOWN_TYPE,
        rule="T3",
        alert=_DECODE,
        rule_tls13="T5",
    ),
    Fault(
        name="oversize-staple",
        title="oversize staple",
        rule="O9",
        description="A right response with zeros after it. TLS 1.2: 1 MB, past any client's bound. TLS 1.3: 65,527 octets, all that there is room for.",
        where=STAPLED,
        how=Delivery(manner=Manner.OVERSIZE),
        verdict=Verdict.MALFORMED,
        alert=_BAD_STATUS,
    ),
)

V2: Final = (
    _shaken(
        "multi-for-single",
        "several responses where one was asked for",
        "The status_type is ocsp_multi, which status_request does not allow.",
        Manner.MULTI_FOR_SINGLE,
        rule="T9",
        alert=_ILLEGAL,
        rule_tls13="T5",
    ),
    _shaken(
        "v2-single-for-multi",
        "one response where several were asked for",
        "The client's status_request_v2 lists ocsp_multi alone, and the server sends ocsp.",
        Manner.V2_SINGLE_FOR_MULTI,
        rule="T3",
        alert=_ILLEGAL,
        needs=Asks.MULTI_ALONE,
    ),
    _shaken(
        "v2-too-many",
        "more responses than certificates",
        "The list of ocsp_multi has one response more than the chain has certificates.",
        Manner.V2_TOO_MANY,
        rule="T9",
        alert=_ILLEGAL,
        needs=Asks.V2,
    ),
    _shaken(
        "v2-empty-list",
        "list without a slot",
        "The list of ocsp_multi is empty (RFC 6961 §2.2).",
        Manner.V2_EMPTY_LIST,
        rule="T3",
        alert=_DECODE,
        needs=Asks.V2,
    ),
    _shaken(
        "v2-in-tls13",
        "status_request_v2 in TLS 1.3",
        "A CertificateEntry has status_request_v2, which TLS 1.3 does not know.",
        Manner.V2_IN_TLS13,
        rule="T9",
        alert=_UNSUPPORTED,
    ),
)

PACES: Final = (
    Fault(
        name="slow-handshake",
        title="slow handshake",
        rule="T12",
        description="The server says nothing after the ClientHello for the host's delay, as one that fetches its staple only now.",
        where=SHAKEN,
        how=Delivery(pace=Pace.SLOW),
    ),
    Fault(
        name="drip-handshake",
        title="handshake byte by byte",
        rule="T12",
        description="The handshake is right, and comes byte by byte: a time-out for each read never ends.",
        where=SHAKEN,
        how=Delivery(pace=Pace.DRIP),
    ),
)
