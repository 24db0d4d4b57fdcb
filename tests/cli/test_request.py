from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certstatus.asn1 import oids
from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.inputs import unarmour
from certstatus.clock import SystemClock
from certstatus.limits import MAX_NONCE_OCTETS, NONCE_OCTETS
from certstatus.ocsp import (
    AcceptableResponses,
    CertID,
    OCSPRequest,
    PreferredSignatureAlgorithms,
    ServiceLocator,
    parse_request,
)
from certstatus.pkix import HashAlgorithm, signature_algorithm, signature_problem
from certstatus.testing import KEY_KINDS, Lab, TinyCA, build_lab
from tests.cli.conftest import Run

Built = Callable[..., OCSPRequest]


@pytest.fixture
def built(run: Run, lab: Lab) -> Built:
    """Build a request for the lab's good certificate, with options."""

    def build(*options: object) -> OCSPRequest:
        asked = ("--issuer", lab.ca_certificate, "--cert", lab.certificates["good"])
        result = run("request", *asked, *options)
        assert result.exit_code == 0, result.stderr
        return parse_request(result.stdout_bytes)

    return build


@pytest.mark.rule("L1")
def test_the_plain_request_is_the_lightweight_one(built: Built, lab: Lab) -> None:
    request = built()
    (one,) = request.request_list
    assert one.req_cert == CertID.for_certificate(lab.good.certificate, lab.ca.certificate)
    assert one.req_cert.hash is HashAlgorithm.SHA256
    assert not one.single_request_extensions
    assert not request.request_extensions
    assert request.requestor_name is None
    assert request.optional_signature is None


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_every_hash_names_the_issuer(built: Built, algorithm: HashAlgorithm) -> None:
    (cert_id,) = built("--hash", algorithm.label).cert_ids
    assert cert_id.hash is algorithm


@pytest.mark.rule("O1")
def test_several_certificates_of_several_issuers_stand_in_one_request(
    run: Run, lab: Lab, tmp_path: Path
) -> None:
    other = build_lab(tmp_path / "other", now=SystemClock().now(), name="Other CA")
    result = run(
        *("request", "--issuer", other.ca_certificate, "--issuer", lab.ca_certificate),
        *("--cert", lab.certificates["good"], "--cert", other.certificates["revoked"]),
        *("--serial", f"7@{other.ca_certificate}", "--serial", f"0x07@{lab.ca_certificate}"),
    )
    assert parse_request(result.stdout_bytes).cert_ids == (
        CertID.for_certificate(lab.good.certificate, lab.ca.certificate),
        CertID.for_certificate(other.revoked.certificate, other.ca.certificate),
        CertID.of(other.ca.certificate, 7),
        CertID.of(lab.ca.certificate, 7),
    )


def test_the_issuer_may_stand_behind_the_certificate(run: Run, lab: Lab, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(lab.good.certificate_pem + lab.ca.issued.certificate_pem)
    result = run("request", "--cert", chain)
    (cert_id,) = parse_request(result.stdout_bytes).cert_ids
    assert cert_id.names_issuer(lab.ca.certificate)


@pytest.mark.rule("O23")
def test_of_two_issuers_with_one_name_the_one_whose_key_signed_counts(
    run: Run, lab: Lab, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.pem"
    twin.write_bytes(TinyCA(lab.ca.common_name).issued.certificate_pem)
    both = ("--issuer", twin, "--issuer", lab.ca_certificate)
    result = run("request", *both, "--cert", lab.certificates["good"])
    (cert_id,) = parse_request(result.stdout_bytes).cert_ids
    assert cert_id.names_issuer(lab.ca.certificate)
    alone = run("request", "--issuer", twin, "--cert", lab.certificates["good"])
    assert alone.exit_code == ExitCode.USAGE
    assert "was not issued by" in alone.stderr


@pytest.mark.rule("N1")
def test_a_nonce_is_added_on_demand_and_differs_every_time(built: Built) -> None:
    first, second = (built("--nonce").nonce for _ in range(2))
    assert first is not None
    assert len(first.octets) == NONCE_OCTETS
    assert first != second
    given = built("--nonce=00:01:02").nonce
    assert given is not None
    assert given.octets == b"\x00\x01\x02"
    long = built("--nonce-length", MAX_NONCE_OCTETS).nonce
    assert long is not None
    assert len(long.octets) == MAX_NONCE_OCTETS


@pytest.mark.rule("O6", "O30")
def test_wishes_about_the_answer_stand_in_the_request(built: Built) -> None:
    request = built(
        *("--accept", "Basic", "--accept", "1.2.3.4"),
        *("--prefer", "ed25519", "--prefer", "ecdsa-with-SHA256:p256"),
    )
    accepted = request.request_extensions.get(AcceptableResponses)
    assert accepted is not None
    assert [one.dotted_string for one in accepted.response_types] == [
        oids.ID_PKIX_OCSP_BASIC.dotted_string,
        "1.2.3.4",
    ]
    preferred = request.request_extensions.get(PreferredSignatureAlgorithms)
    assert preferred is not None
    assert [str(one.sig_identifier) for one in preferred.algorithms] == [
        "id-Ed25519",
        "ecdsa-with-SHA256",
    ]


@pytest.mark.rule("O7")
def test_the_service_locator_is_copied_from_the_certificate(built: Built, lab: Lab) -> None:
    (one,) = built("--service-locator").request_list
    locator = one.single_request_extensions.get(ServiceLocator)
    assert locator is not None
    assert locator.issuer == lab.good.certificate.issuer
    assert [place.access_location.text for place in locator.locator] == [lab.ocsp_url]


def test_any_extension_may_be_added_at_both_levels(built: Built) -> None:
    request = built(
        *("--extension", "1.2.3=0500,critical", "--single-extension", "1.2.4=0101ff"),
    )
    (whole,) = request.request_extensions
    assert (whole.oid.dotted_string, whole.critical) == ("1.2.3", True)
    (single,) = request.request_list[0].single_request_extensions
    assert (single.oid.dotted_string, single.value) == ("1.2.4", b"\x01\x01\xff")


@pytest.mark.rule("O4")
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_signed_request_names_its_requestor_and_holds(
    built: Built, tmp_path: Path, kind: str
) -> None:
    me = TinyCA("Mine").issue("me", kind=kind)
    (tmp_path / "me.key").write_bytes(me.key_pem())
    (tmp_path / "me.pem").write_bytes(me.certificate_pem)
    request = built("--key", tmp_path / "me.key", "--signer", tmp_path / "me.pem")
    signature = request.optional_signature
    assert signature is not None
    assert signature.certs == (me.certificate.der,)
    assert request.requestor_name is not None
    assert request.requestor_name.name == me.certificate.subject
    algorithm = signature_algorithm(signature.signature_algorithm)
    problem = signature_problem(
        algorithm, me.certificate.public_key, signature.signature, request.tbs_request
    )
    assert problem is None


def test_a_signature_may_go_without_certificates_with_a_chain_or_by_another_name(
    built: Built, tmp_path: Path
) -> None:
    ca = TinyCA("Mine")
    me = ca.issue("me", kind="rsa2048")
    (tmp_path / "me.key").write_bytes(me.key_pem(b"secret"))
    (tmp_path / "password").write_bytes(b"secret\n")
    (tmp_path / "me.pem").write_bytes(me.certificate_pem + ca.issued.certificate_pem)
    signing = (
        *("--key", tmp_path / "me.key", "--signer", tmp_path / "me.pem"),
        *("--password-file", tmp_path / "password"),
    )
    request = built(*signing, "--requestor-name", "email:me@example.com")
    assert request.optional_signature is not None
    assert request.optional_signature.certs == (me.certificate.der, ca.certificate.der)
    assert str(request.requestor_name) == "rfc822Name:me@example.com"
    bare = built(*signing, "--no-certs", "--algorithm", "sha512WithRSAEncryption")
    assert bare.optional_signature is not None
    assert bare.optional_signature.certs == ()
    assert str(bare.optional_signature.signature_algorithm) == "sha512WithRSAEncryption"


@pytest.mark.parametrize("form", ["pem", "base64", "hex", "url"])
def test_every_format_holds_the_same_request(run: Run, lab: Lab, form: str) -> None:
    asked = ("request", "--issuer", lab.ca_certificate, "--serial", "3e8")
    der = run(*asked).stdout_bytes
    extra = ("--url", "http://ocsp.example/") if form == "url" else ()
    result = run(*asked, "--format", form, *extra)
    (message,) = unarmour(result.stdout_bytes, "x")
    assert message.der == der


def test_a_request_goes_into_a_file_or_is_described(
    run: Run, run_json: Callable[..., Any], lab: Lab, tmp_path: Path
) -> None:
    file = tmp_path / "query.der"
    asked = ("request", "--issuer", lab.ca_certificate, "--serial", "3e8")
    result = run(*asked, "-o", file)
    assert result.stdout == ""
    assert "an unsigned request for 1 certificate" in result.stderr
    told = run_json(*asked, "--url", "http://ocsp.example")
    assert unarmour(told["base64"].encode(), "x")[0].der == file.read_bytes()
    assert unarmour(told["url"].encode(), "x")[0].der == file.read_bytes()
    assert told["certificates"][0]["serialNumber"] == "3e8"
    assert told["signed"] is False
    assert run_json(*asked, "-o", file)["file"] == str(file)


@pytest.mark.rule("L11")
def test_a_url_too_long_for_get_is_pointed_out(run: Run, lab: Lab) -> None:
    url = f"http://ocsp.example/{'longer/' * 9}"
    asked = ("request", "--issuer", lab.ca_certificate, "--serial", "3e8", "--url", url)
    assert run(*asked).stderr == ""
    assert "by POST" in run(*asked, "--nonce").stderr


USAGE, MALFORMED, CONFIG = ExitCode.USAGE, ExitCode.MALFORMED, ExitCode.CONFIG
ASKED = "--issuer {lab}/ca.pem --cert {lab}/good.pem"
WRONG = {
    "nothing": ("", USAGE, "name a certificate"),
    "no issuer": ("--serial 1", USAGE, "Name its issuer"),
    "issuer not known": ("--cert {lab}/good.pem", USAGE, "no issuer CN=Lab CA"),
    "two issuers": (
        "--issuer {lab}/ca.pem --issuer {lab}/good.pem --serial 1",
        USAGE,
        "--serial 1@FILE",
    ),
    "a stranger's certificate": (
        "--issuer {lab}/good.pem --cert {lab}/revoked.pem",
        USAGE,
        "was not issued by",
    ),
    "missing file": ("--issuer {tmp}/no.pem --serial 1", USAGE, "no.pem: No such file"),
    "directory": ("--issuer {tmp} --serial 1", USAGE, "Is a directory"),
    "empty file": ("--issuer {tmp}/empty --serial 1", MALFORMED, "is empty"),
    "junk": ("--issuer {tmp}/junk --serial 1", MALFORMED, "Certificate"),
    "wrong kind": ("--issuer {lab}/ca.crl --serial 1", MALFORMED, "is no certificate"),
    "a key": ("--issuer {lab}/ca.key --serial 1", MALFORMED, "holds no certificate"),
    "bad serial": (f"{ASKED} --serial xyz", USAGE, "not hexadecimal"),
    "bad nonce": (f"{ASKED} --nonce=xyz", USAGE, "--nonce"),
    "empty nonce": (f"{ASKED} --nonce=", USAGE, "1 to 128"),
    "long nonce": (f"{ASKED} --nonce={'00' * 129}", USAGE, "1 to 128"),
    "nonce length": (f"{ASKED} --nonce-length 0", USAGE, "--nonce-length"),
    "two nonces": (f"{ASKED} --nonce=00 --nonce-length 3", USAGE, "of no use"),
    "twice": (f"{ASKED} --extension 1.2.3=00 --extension 1.2.3=00", MALFORMED, "twice"),
    "broken known extension": (
        f"{ASKED} --extension 1.3.6.1.5.5.7.48.1.4=ff",
        MALFORMED,
        "id-pkix-ocsp-response",
    ),
    "locator of a number": (
        "--issuer {lab}/ca.pem --serial 1 --service-locator",
        USAGE,
        "names no certificate",
    ),
    "url missing": (f"{ASKED} --format url", USAGE, "--url BASE"),
    "url of another kind": (f"{ASKED} --url ldap://x/", USAGE, "is not an http URL"),
    "signer alone": (f"{ASKED} --signer {{lab}}/ca.pem", USAGE, "no --key"),
    "another's key": (
        f"{ASKED} --key {{lab}}/ca.key --signer {{lab}}/good.pem",
        CONFIG,
        "is not the key of any certificate",
    ),
    "no key": (f"{ASKED} --key {{tmp}}/no.key", CONFIG, "can't be read"),
    "nowhere to write": (f"{ASKED} -o {{tmp}}/no/q.der", USAGE, "q.der: No such file"),
    "json twice": (f"{ASKED} --json --format pem", USAGE, "name a file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_asked_wrongly_is_refused_in_a_line(
    run: Run, lab: Lab, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "junk").write_bytes(b"\x30\x03junk\xff")
    line, code, said = WRONG[name]
    result = run("request", *line.format(lab=lab.directory, tmp=tmp_path).split())
    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr.splitlines()[0]
    assert not list(tmp_path.glob("*.der"))
