"""Hypothesis strategies for OCSP's values: whatever the standards let a message say, and a little more.

Times are aware UTC in whole seconds. Values are as our own encoders write them, so that
what is read must equal what was drawn.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.x509 import ObjectIdentifier
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.ocsp import (
    AcceptableResponses,
    ArchiveCutoff,
    ByKey,
    ByName,
    CertID,
    CertificateIssuer,
    CertStatus,
    CrlID,
    ExtendedRevoke,
    Extension,
    Extensions,
    Good,
    InvalidityDate,
    NoCheck,
    Nonce,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    ReasonCode,
    Request,
    ResponderID,
    ResponseData,
    Revoked,
    ServiceLocator,
    Signature,
    SignedCertificateTimestampList,
    SingleResponse,
    Unknown,
)
from certstatus.ocsp.extensions import ExtensionValue
from certstatus.pkix import (
    AccessDescription,
    AlgorithmIdentifier,
    CRLReason,
    GeneralName,
    GeneralNameKind,
    HashAlgorithm,
    Name,
)
from tests import der as hand

# --- the small things ---------------------------------------------------------------------


def moments() -> st.SearchStrategy[datetime]:
    """Any second from the year 1 to 9999."""
    return st.datetimes(
        min_value=datetime(1, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone itself
        max_value=datetime(9999, 12, 31, 23, 59, 59),  # noqa: DTZ001 - as above
        timezones=st.just(UTC),
    ).map(lambda moment: moment.replace(microsecond=0))


def serial_numbers() -> st.SearchStrategy[int]:
    """Serial numbers of every size; now and then zero, negative, or too long."""
    return st.one_of(
        st.integers(1, 2**159 - 1),
        st.sampled_from([0, -1, 127, 128, 255, 256, 2**159, 2**160, 2**168 - 1, -(2**160)]),
    )


def object_identifiers() -> st.SearchStrategy[ObjectIdentifier]:
    """OIDs of a few arcs, small and large."""
    arcs = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6)
    return arcs.map(lambda tail: ObjectIdentifier(".".join(map(str, (1, 3, *tail)))))


def elements() -> st.SearchStrategy[bytes]:
    """DER of one element of some type."""
    return st.one_of(
        st.just(hand.NULL),
        st.binary(max_size=8).map(hand.octet_string),
        st.integers(-300, 300).map(hand.integer),
        st.just(hand.sequence()),
    )


def algorithm_identifiers() -> st.SearchStrategy[AlgorithmIdentifier]:
    """Algorithms, known or not, with parameters absent, NULL or other."""
    known = st.sampled_from([oids.SHA256_WITH_RSA, oids.ECDSA_WITH_SHA256, oids.ID_ED25519])
    return st.builds(AlgorithmIdentifier, known | object_identifiers(), st.none() | elements())


_TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_ASCII = st.text(st.characters(codec="ascii"), max_size=24)


@st.composite
def names(draw: st.DrawFn) -> Name:
    """Distinguished names of a few RDNs, each of one or two attributes."""
    attribute = st.builds(
        lambda dotted, text: hand.sequence(hand.oid(dotted), hand.tlv(0x0C, text.encode())),
        st.sampled_from(["2.5.4.3", "2.5.4.10", "2.5.4.6", "0.9.2342.19200300.100.1.25"]),
        _TEXTS,
    )
    rdn = st.lists(attribute, min_size=1, max_size=2).map(lambda some: hand.tlv(0x31, *some))
    return Name(hand.sequence(*draw(st.lists(rdn, max_size=3))))


def general_names() -> st.SearchStrategy[GeneralName]:
    """Every arm of GeneralName."""
    kind = GeneralNameKind
    other = st.builds(
        lambda oid, value: hand.oid(oid.dotted_string) + hand.explicit(0, value),
        object_identifiers(),
        elements(),
    )
    registered = object_identifiers().map(lambda oid: hand.oid(oid.dotted_string)[2:])
    address = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
    return st.one_of(
        st.builds(GeneralName, st.just(kind.OTHER_NAME), other),
        st.builds(GeneralName.rfc822_name, _ASCII),
        st.builds(GeneralName.dns_name, _ASCII),
        st.builds(GeneralName, st.just(kind.X400_ADDRESS), elements()),
        st.builds(GeneralName.directory_name, names()),
        st.builds(GeneralName, st.just(kind.EDI_PARTY_NAME), elements()),
        st.builds(GeneralName.uri, _ASCII),
        st.builds(GeneralName, st.just(kind.IP_ADDRESS), address),
        st.builds(GeneralName, st.just(kind.REGISTERED_ID), registered),
    )


def access_descriptions() -> st.SearchStrategy[AccessDescription]:
    """Members of AIA."""
    methods = st.sampled_from([oids.ID_AD_OCSP, oids.ID_AD_CA_ISSUERS]) | object_identifiers()
    return st.builds(AccessDescription, methods, general_names())


# --- extensions ---------------------------------------------------------------------------


def nonces() -> st.SearchStrategy[Nonce]:
    """Nonces of every length, wrapped or bare."""
    wrapped = st.binary(max_size=130).map(Nonce)
    bare = st.binary(max_size=40).map(Nonce.decode)  # bare unless it happens to be wrapped
    return wrapped | bare


_SCTS = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=3)
_WISHES = st.builds(
    PreferredSignatureAlgorithm,
    algorithm_identifiers(),
    st.none() | algorithm_identifiers(),
)


def extension_values() -> st.SearchStrategy[ExtensionValue]:
    """A value of every type that we know."""
    return st.one_of(
        nonces(),
        st.builds(
            CrlID,
            st.none() | _ASCII,
            st.none() | st.integers(0, 2**160),
            st.none() | moments(),
        ),
        st.lists(object_identifiers(), max_size=3).map(lambda one: AcceptableResponses(tuple(one))),
        st.builds(ArchiveCutoff, moments()),
        st.builds(ReasonCode, st.sampled_from(CRLReason)),
        st.builds(InvalidityDate, moments()),
        st.lists(general_names(), min_size=1, max_size=3).map(
            lambda one: CertificateIssuer(tuple(one))
        ),
        st.builds(ServiceLocator, names(), st.lists(access_descriptions(), max_size=2).map(tuple)),
        st.lists(_WISHES, max_size=3).map(lambda one: PreferredSignatureAlgorithms(tuple(one))),
        st.builds(ExtendedRevoke),
        st.builds(NoCheck),
        _SCTS.map(lambda one: SignedCertificateTimestampList(tuple(one))),
    )


def extensions() -> st.SearchStrategy[Extensions]:
    """Lists of known and unknown extensions, critical or not; none stands twice."""
    known = st.builds(
        lambda value, critical: Extension(value.oid, value.encode(), critical),
        extension_values(),
        st.booleans(),
    )
    # No arc of ours, so that any value will do.
    arcs = st.integers(1, 2**20).map(lambda arc: ObjectIdentifier(f"1.3.6.1.4.1.99999.{arc}"))
    unknown = st.builds(Extension, arcs, st.binary(max_size=20), st.booleans())
    several = st.lists(known | unknown, max_size=5, unique_by=lambda one: one.oid)
    return several.map(lambda some: Extensions(tuple(some)))


# --- messages -----------------------------------------------------------------------------


@st.composite
def cert_ids(draw: st.DrawFn) -> CertID:
    """CertIDs under the four hashes, now and then under another."""
    known = st.sampled_from(HashAlgorithm).map(lambda one: one.oid)
    parameters = st.sampled_from([None, None, hand.NULL, hand.sequence()])
    return CertID(
        AlgorithmIdentifier(draw(known | object_identifiers()), draw(parameters)),
        draw(st.binary(min_size=20, max_size=64)),
        draw(st.binary(min_size=20, max_size=64)),
        draw(serial_numbers()),
    )


def requests() -> st.SearchStrategy[Request]:
    """Entries of a requestList."""
    return st.builds(Request, cert_ids(), extensions())


def signatures() -> st.SearchStrategy[Signature]:
    """Signatures that nobody verifies, with certs that nobody reads."""
    certs = st.lists(st.just(hand.sequence()) | elements(), max_size=3).map(tuple)
    return st.builds(Signature, algorithm_identifiers(), st.binary(max_size=80), certs)


def cert_statuses() -> st.SearchStrategy[CertStatus]:
    """Good, unknown, and revoked for every reason or none."""
    revoked = st.builds(Revoked, moments(), st.none() | st.sampled_from(CRLReason))
    return st.one_of(st.just(Good()), st.just(Unknown()), revoked)


def single_responses() -> st.SearchStrategy[SingleResponse]:
    """Answers about one certificate; their times are in no order."""
    return st.builds(
        SingleResponse,
        cert_id=cert_ids(),
        cert_status=cert_statuses(),
        this_update=moments(),
        next_update=st.none() | moments(),
        single_extensions=extensions(),
    )


def responder_ids() -> st.SearchStrategy[ResponderID]:
    """Responders by key and by name."""
    return st.builds(ByKey, st.binary(min_size=20, max_size=20)) | st.builds(ByName, names())


def response_data() -> st.SearchStrategy[ResponseData]:
    """What a responder signs, of one answer or several."""
    return st.builds(
        ResponseData,
        responder_id=responder_ids(),
        produced_at=moments(),
        responses=st.lists(single_responses(), min_size=1, max_size=3).map(tuple),
        response_extensions=extensions(),
    )
