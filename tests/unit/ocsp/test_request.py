"""OCSPRequest: every field both ways; two other implementations judge."""

from __future__ import annotations

import pytest
from asn1crypto import ocsp as judge
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier
from cryptography.x509 import ocsp as other_judge

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_REQUEST_BYTES, MAX_RESPONSE_CERTS
from certstatus.ocsp import (
    AcceptableResponses,
    CertID,
    Extension,
    Extensions,
    Nonce,
    OCSPRequest,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    Request,
    ServiceLocator,
    Signature,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
)
from certstatus.pkix import (
    AlgorithmIdentifier,
    GeneralName,
    HashAlgorithm,
    Name,
    signature_algorithm,
    signature_problem,
)
from certstatus.testing import KEY_KINDS, TinyCA, plain_algorithm, sign_plain
from tests import der as hand

CA = TinyCA("Issuing CA")
LEAF = CA.issue_server().certificate
CERT_ID = CertID.for_certificate(LEAF, CA.certificate, HashAlgorithm.SHA1)
REQUESTOR = CA.issue("requestor.example")
NAME = GeneralName.directory_name(REQUESTOR.certificate.subject)
NONCE = Nonce(bytes(range(32)))

# The bytes of a request by hand.
WRITTEN_ID = CERT_ID.encode()
WRITTEN_ENTRY = hand.sequence(WRITTEN_ID)
V1 = hand.explicit(0, hand.integer(0))


def written(*fields: bytes, signature: bytes = b"") -> bytes:
    """Write an OCSPRequest of a TBSRequest's fields."""
    return hand.sequence(hand.sequence(*fields), signature)


def entries(*members: bytes) -> bytes:
    return hand.sequence(*members)


PLAIN = written(entries(WRITTEN_ENTRY))


# --- plain --------------------------------------------------------------------------------


def test_a_plain_request_is_its_cert_id_and_nothing_else() -> None:
    assert encode_request([CERT_ID]) == PLAIN

    read = parse_request(PLAIN)

    assert read.request_list == (Request(CERT_ID),)
    assert read.cert_ids == (CERT_ID,)
    assert (read.requestor_name, read.optional_signature, read.nonce) == (None, None, None)
    assert (read.der, read.tbs_request) == (PLAIN, hand.at(PLAIN, 0))
    assert read.departures == ()


def test_what_the_cryptography_package_builds_is_read_and_written_again() -> None:
    builder = other_judge.OCSPRequestBuilder()
    builder = builder.add_certificate(LEAF.parsed, CA.certificate.parsed, hashes.SHA256())
    builder = builder.add_extension(x509.OCSPNonce(NONCE.octets), critical=False)
    der = builder.build().public_bytes(Encoding.DER)

    read = parse_request(der)

    assert read.cert_ids == (CertID.for_certificate(LEAF, CA.certificate),)
    assert read.nonce == NONCE
    assert read.departures == ()
    assert encode_request(read.request_list, request_extensions=read.request_extensions) == der


def test_what_we_write_is_read_by_the_cryptography_package() -> None:
    der = encode_request([CERT_ID], request_extensions=Extensions.of(NONCE))

    theirs = other_judge.load_der_ocsp_request(der)

    assert theirs.serial_number == LEAF.serial_number
    assert theirs.issuer_key_hash == CERT_ID.issuer_key_hash
    assert theirs.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE.octets


# --- every field --------------------------------------------------------------------------


def whole_request() -> bytes:
    """A request with every field."""
    locator = ServiceLocator(CA.certificate.subject)
    wish = PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ID_ED25519))
    tbs = encode_tbs_request(
        [
            Request(CERT_ID, Extensions.of(locator)),
            CertID.for_certificate(LEAF, CA.certificate, HashAlgorithm.SHA512),
        ],
        requestor_name=NAME,
        request_extensions=Extensions.of(
            NONCE,
            AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,)),
            PreferredSignatureAlgorithms((wish,)),
            Extension(ObjectIdentifier("1.2.3"), b"unknown"),
        ),
    )
    certs = (REQUESTOR.certificate.der, CA.certificate.der)
    signature = sign_plain(REQUESTOR.key, tbs)
    return encode_signed_request(tbs, Signature(plain_algorithm(REQUESTOR.key), signature, certs))


@pytest.mark.rule("O4", "O6", "O7", "O30", "N1")
def test_asn1crypto_reads_every_field_that_we_write() -> None:
    judged = judge.OCSPRequest.load(whole_request(), strict=True)
    tbs, signature = judged["tbs_request"], judged["optional_signature"]

    assert tbs["version"].native == "v1"
    assert tbs["requestor_name"].native == {"common_name": "requestor.example"}
    assert [
        one["req_cert"]["hash_algorithm"]["algorithm"].native for one in tbs["request_list"]
    ] == ["sha1", "sha512"]
    assert [one["req_cert"]["serial_number"].native for one in tbs["request_list"]] == [
        LEAF.serial_number
    ] * 2
    (locator,) = tbs["request_list"][0]["single_request_extensions"]
    assert locator["extn_value"].parsed["issuer"].native == {"common_name": "Issuing CA"}
    assert [one["extn_id"].native for one in tbs["request_extensions"]] == [
        "nonce",
        "acceptable_responses",
        "preferred_signature_algorithms",
        "1.2.3",
    ]
    assert judged.nonce_value.native == NONCE.octets
    assert signature["signature_algorithm"]["algorithm"].native == "sha256_ecdsa"
    assert [
        one.native["tbs_certificate"]["subject"]["common_name"] for one in signature["certs"]
    ] == [
        "requestor.example",
        "Issuing CA",
    ]


@pytest.mark.rule("O4", "O6", "O7", "O30")
def test_every_field_is_read_as_it_was_written_and_written_in_the_same_bytes() -> None:
    der = whole_request()

    read = parse_request(der)

    assert read.requestor_name == NAME
    assert len(read.request_list) == 2
    assert read.request_list[0].single_request_extensions.get(ServiceLocator) is not None
    assert read.nonce == NONCE
    assert read.request_extensions.get(AcceptableResponses) is not None
    assert read.optional_signature is not None
    assert read.optional_signature.certs == (REQUESTOR.certificate.der, CA.certificate.der)
    assert read.departures == ()
    tbs = encode_tbs_request(
        read.request_list,
        requestor_name=read.requestor_name,
        request_extensions=read.request_extensions,
    )
    assert tbs == read.tbs_request
    assert encode_signed_request(tbs, read.optional_signature) == der


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        GeneralName.uri("http://requestor.example/"),
        GeneralName.dns_name("requestor.example"),
        GeneralName.rfc822_name("a@requestor.example"),
        GeneralName.from_der(hand.tlv(0x87, b"\x7f\0\0\x01"), "name"),
        GeneralName.from_der(hand.tlv(0x88, b"\x2a\x03"), "name"),
        GeneralName.from_der(
            hand.tlv(0xA0, hand.oid("1.2.3"), hand.explicit(0, hand.NULL)), "name"
        ),
        GeneralName.from_der(hand.tlv(0xA5, hand.tlv(0xA1, hand.tlv(0x0C, b"a"))), "name"),
    ],
    ids=str,
)
@pytest.mark.rule("O4")
def test_the_requestor_may_have_a_name_of_any_kind(name: GeneralName) -> None:
    der = encode_request([CERT_ID], requestor_name=name)

    assert parse_request(der).requestor_name == name
    judged = judge.OCSPRequest.load(der)["tbs_request"]["requestor_name"]
    assert judged.chosen is not None
    assert hand.at(der, 0, 0) == hand.explicit(1, name.encode())


@pytest.mark.rule("O15")
def test_as_many_certificates_as_wanted_are_asked_for_in_order() -> None:
    asked = [CertID.of(CA.certificate, number) for number in range(1, 301)]

    assert parse_request(encode_request(asked)).cert_ids == tuple(asked)


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_every_hash_is_written_and_read(algorithm: HashAlgorithm) -> None:
    cert_id = CertID.for_certificate(LEAF, CA.certificate, algorithm)

    (read,) = parse_request(encode_request([cert_id])).cert_ids

    assert read == cert_id
    assert read.hash is algorithm


# --- signed -------------------------------------------------------------------------------


def holds(read: OCSPRequest) -> bool:
    assert read.optional_signature is not None
    algorithm = signature_algorithm(read.optional_signature.signature_algorithm)
    signature, key = read.optional_signature.signature, REQUESTOR.certificate.public_key
    return signature_problem(algorithm, key, signature, read.tbs_request) is None


@pytest.mark.rule("O4")
def test_the_signature_covers_the_tbs_request() -> None:
    der = whole_request()
    asked_other = hand.changed(der, (0, 1, 1, 0, 3), lambda _: hand.integer(9))

    assert holds(parse_request(der))
    assert not holds(parse_request(asked_other))


@pytest.mark.rule("O4", "O21")
def test_signed_bytes_are_those_received_and_no_writing_of_our_own() -> None:
    """A request with v1 and critical FALSE written out, as some write it, and signed so."""
    nonce = hand.extension("1.3.6.1.5.5.7.48.1.2", NONCE.encode(), critical=hand.FALSE)
    tbs = hand.sequence(
        V1,
        hand.explicit(1, NAME.encode()),
        entries(WRITTEN_ENTRY),
        hand.explicit(2, hand.sequence(nonce)),
    )
    der = encode_signed_request(
        tbs, Signature(plain_algorithm(REQUESTOR.key), sign_plain(REQUESTOR.key, tbs))
    )

    read = parse_request(der)

    assert read.tbs_request == tbs
    assert holds(read)
    assert [one.where for one in read.departures] == [
        "TBSRequest.version",
        "requestExtensions.id-pkix-ocsp-nonce",
    ]


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.rule("O4", "A1", "A2")
def test_a_request_is_signed_by_any_kind_of_key(kind: str) -> None:
    requestor = TinyCA(kind=kind).issued
    tbs = encode_tbs_request([CERT_ID], requestor_name=NAME)
    signature = Signature(plain_algorithm(requestor.key), sign_plain(requestor.key, tbs))

    read = parse_request(encode_signed_request(tbs, signature)).optional_signature

    assert read == signature
    algorithm = signature_algorithm(signature.signature_algorithm)
    key = requestor.certificate.public_key
    assert signature_problem(algorithm, key, signature.signature, tbs) is None


def signed(certs: bytes = b"", bits: bytes = b"") -> bytes:
    algorithm = hand.sequence(hand.oid("1.2.840.10045.4.3.2"))
    signature = hand.sequence(algorithm, bits or hand.bit_string(b"signature"), certs)
    return written(entries(WRITTEN_ENTRY), signature=hand.explicit(0, signature))


@pytest.mark.rule("O4", "O18")
def test_certs_may_be_absent_and_an_empty_list_is_noted() -> None:
    absent = parse_request(signed())
    empty = parse_request(signed(hand.explicit(0, hand.sequence())))

    assert absent.optional_signature == empty.optional_signature
    assert absent.departures == ()
    assert [one.where for one in empty.departures] == ["Signature.certs"]


def test_certs_are_kept_unread() -> None:
    junk = hand.sequence(hand.integer(1))

    read = parse_request(signed(hand.explicit(0, hand.sequence(junk)))).optional_signature

    assert read is not None
    assert read.certs == (junk,)


def test_as_many_certs_as_the_limit_are_read_and_not_one_more() -> None:
    one = hand.sequence()
    most = hand.explicit(0, hand.sequence(*[one] * MAX_RESPONSE_CERTS))
    more = hand.explicit(0, hand.sequence(*[one] * (MAX_RESPONSE_CERTS + 1)))

    assert parse_request(signed(most)).optional_signature is not None
    with pytest.raises(MalformedError, match=f"more than {MAX_RESPONSE_CERTS} certificates"):
        parse_request(signed(more))


def test_a_signature_of_a_broken_number_of_bits_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"^Signature\.signature: has unused bits"):
        parse_request(signed(bits=hand.bit_string(b"\x80", 7)))


def test_a_signature_by_the_other_implementation_holds() -> None:
    """A signature over DER is over bytes: no implementation has a say in it."""
    assert isinstance(REQUESTOR.key, ec.EllipticCurvePrivateKey)
    tbs = encode_tbs_request([CERT_ID], requestor_name=NAME)
    theirs = REQUESTOR.key.sign(tbs, ec.ECDSA(hashes.SHA256()))

    assert holds(
        parse_request(encode_signed_request(tbs, Signature(plain_algorithm(REQUESTOR.key), theirs)))
    )


# --- lenient ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("der", "places"),
    [
        (written(V1, entries(WRITTEN_ENTRY)), ["TBSRequest.version"]),
        (
            written(
                entries(WRITTEN_ENTRY),
                hand.explicit(2, hand.sequence(hand.extension("1.2.3", b"", hand.FALSE))),
            ),
            ["requestExtensions.1.2.3"],
        ),
        (
            written(
                entries(
                    hand.sequence(
                        WRITTEN_ID,
                        hand.explicit(0, hand.sequence(hand.extension("1.2.3", b"", hand.FALSE))),
                    )
                )
            ),
            ["Request.singleRequestExtensions.1.2.3"],
        ),
        (
            written(entries(WRITTEN_ENTRY), hand.explicit(2, hand.sequence())),
            ["requestExtensions"],
        ),
        (
            written(entries(hand.sequence(WRITTEN_ID, hand.explicit(0, hand.sequence())))),
            ["Request.singleRequestExtensions"],
        ),
        (
            hand.changed(PLAIN, (0, 0, 0, 0, 3), lambda _: hand.integer(-1)),
            ["Request.reqCert.serialNumber"],
        ),
        (
            hand.changed(PLAIN, (0, 0, 0, 0, 3), lambda _: hand.integer(0)),
            ["Request.reqCert.serialNumber"],
        ),
        (
            hand.changed(PLAIN, (0, 0, 0, 0, 3), lambda _: hand.integer(2**167)),
            ["Request.reqCert.serialNumber"],
        ),
        (
            written(
                entries(WRITTEN_ENTRY),
                hand.explicit(2, hand.sequence(hand.extension("1.3.6.1.5.5.7.48.1.2", b"bare"))),
            ),
            ["requestExtensions.id-pkix-ocsp-nonce"],
        ),
        (
            hand.changed(
                PLAIN,
                (0, 0, 0, 0, 0),
                lambda _: hand.sequence(hand.oid("1.3.14.3.2.26"), hand.NULL),
            ),
            [],
        ),
    ],
)
def test_what_real_clients_write_is_read_and_noted(der: bytes, places: list[str]) -> None:
    read = parse_request(der)

    assert [one.where for one in read.departures] == places
    assert read.der == der


# --- refused ------------------------------------------------------------------------------

BROKEN = {
    "nothing": b"",
    "no sequence": hand.NULL,
    "an empty sequence": hand.sequence(),
    "a trailing byte": PLAIN + b"\0",
    "a second message": PLAIN + PLAIN,
    "a trailing byte in the tbsRequest": hand.sequence(
        hand.sequence(entries(WRITTEN_ENTRY), b"\0")
    ),
    "version 2": written(hand.explicit(0, hand.integer(1)), entries(WRITTEN_ENTRY)),
    "version -1": written(hand.explicit(0, hand.integer(-1)), entries(WRITTEN_ENTRY)),
    "version 2^64": written(hand.explicit(0, hand.integer(2**64)), entries(WRITTEN_ENTRY)),
    "a version with its implicit tag": written(hand.tlv(0x80, b"\0"), entries(WRITTEN_ENTRY)),
    "an empty requestList": written(entries()),
    "no requestList": written(),
    "an empty Request": written(entries(hand.sequence())),
    "a requestorName that is none": written(hand.explicit(1, hand.NULL), entries(WRITTEN_ENTRY)),
    "a requestorName of a tag of its own": written(
        hand.explicit(1, hand.tlv(0x8F, b"a")), entries(WRITTEN_ENTRY)
    ),
    "an empty requestorName": written(hand.explicit(1), entries(WRITTEN_ENTRY)),
    "two requestorNames": written(
        hand.explicit(1, NAME.encode(), NAME.encode()), entries(WRITTEN_ENTRY)
    ),
    "fields out of order": written(hand.explicit(1, NAME.encode()), V1, entries(WRITTEN_ENTRY)),
    "a nonce twice": written(
        entries(WRITTEN_ENTRY),
        hand.explicit(2, hand.sequence(*[hand.extension("1.3.6.1.5.5.7.48.1.2", b"\x04\0")] * 2)),
    ),
    "an extension with an integer for an id": written(
        entries(WRITTEN_ENTRY),
        hand.explicit(2, hand.sequence(hand.sequence(hand.integer(1), hand.octet_string()))),
    ),
    "a TRUE of 01": written(
        entries(WRITTEN_ENTRY),
        hand.explicit(2, hand.sequence(hand.extension("1.2.3", b"", b"\x01\x01\x01"))),
    ),
    "a broken AcceptableResponses": written(
        entries(WRITTEN_ENTRY),
        hand.explicit(2, hand.sequence(hand.extension("1.3.6.1.5.5.7.48.1.4", hand.NULL))),
    ),
    "indefinite length": b"\x30\x80" + PLAIN[2:] + b"\0\0",
    "a length in long form": b"\x30\x81" + PLAIN[1:],
    "a response": b"\x30\x03\x0a\x01\x06",
    "a certificate": LEAF.der,
}


@pytest.mark.parametrize("der", BROKEN.values(), ids=BROKEN)
@pytest.mark.rule("O2")
def test_what_is_no_request_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_request(der)
    assert caught.value.response_status == 1


@pytest.mark.parametrize("number", [1, -1, 5])
@pytest.mark.rule("O2")
def test_an_unknown_version_is_named(number: int) -> None:
    der = written(hand.explicit(0, hand.integer(number)), entries(WRITTEN_ENTRY))

    with pytest.raises(MalformedError, match=rf"^TBSRequest\.version: {number} is not v1\(0\)"):
        parse_request(der)


@pytest.mark.rule("O2")
def test_a_request_for_nothing_is_not_written() -> None:
    with pytest.raises(MalformedError, match=r"^TBSRequest\.requestList: is empty"):
        encode_request([])


def test_a_request_past_the_limit_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match=f"larger than {MAX_REQUEST_BYTES} bytes"):
        parse_request(bytes(MAX_REQUEST_BYTES + 1))

    rest = MAX_REQUEST_BYTES - len(encode_request([CERT_ID], request_extensions=filling(50_000)))
    largest = encode_request([CERT_ID], request_extensions=filling(50_000 + rest))
    assert len(largest) == MAX_REQUEST_BYTES
    assert parse_request(largest).cert_ids == (CERT_ID,)


def filling(size: int) -> Extensions:
    return Extensions.of(Extension(ObjectIdentifier("1.2.3"), bytes(size)))


def test_a_name_that_people_write_names_a_requestor() -> None:
    name = GeneralName.directory_name(Name.from_rfc4514("CN=me"))

    assert str(parse_request(encode_request([CERT_ID], requestor_name=name)).requestor_name) == (
        "directoryName:CN=me"
    )
