"""``certstatus request``: a request of any shape that the standards allow."""

from __future__ import annotations

import base64
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from cryptography.x509 import ObjectIdentifier

from certstatus.cli.frame import Command, examples
from certstatus.cli.inputs import load_certificates
from certstatus.cli.output import note, write_file, write_json
from certstatus.cli.params import HEX
from certstatus.cli.request_params import EXTENSION, GENERAL_NAME, PREFERENCE, RESPONSE_TYPE
from certstatus.cli.target import NUMBER_OF, Target, targets
from certstatus.explain.field import count_text
from certstatus.limits import MAX_GET_URL_BYTES, MAX_NONCE_OCTETS, NONCE_OCTETS
from certstatus.ocsp import (
    AcceptableResponses,
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
from certstatus.ocsp.extensions import ExtensionValue
from certstatus.pkix import Certificate, GeneralName, HashAlgorithm
from certstatus.requestor.plan import get_url, is_get_length
from certstatus.signing import LocalSigner, load_signers

__all__ = ["command"]

_RANDOM: Final = "random"
_FORMATS: Final = ("der", "pem", "base64", "hex", "url")


@dataclass(frozen=True, slots=True)
class _Signing:
    """A requestor's signer, and the certificates to send along."""

    signer: LocalSigner
    certs: tuple[Certificate, ...]


@click.command(
    "request",
    cls=Command,
    epilog=examples(
        "certstatus request --issuer ca.pem --cert leaf.pem -o query.der",
        "certstatus request --issuer ca.pem --serial 3E8 --serial 3E9 --nonce --hash sha1",
        "certstatus request --cert chain.pem --url http://ocsp.example/",
        "certstatus request --issuer ca.pem --cert leaf.pem --key me.key --signer me.pem -o q.der",
    ),
)
@click.option("--cert", "certs", metavar="FILE", multiple=True, help="A certificate to ask for.")
@click.option("--serial", "numbers", type=NUMBER_OF, multiple=True, help="Or its serial number.")
@click.option("--issuer", "issuers", metavar="FILE", multiple=True, help="The CA that issued it.")
@click.option(
    "--hash",
    "algorithm",
    type=click.Choice([one.label for one in HashAlgorithm], case_sensitive=False),
    default="sha256",
    show_default=True,
    help="How CertIDs name the issuer.",
)
@click.option(
    "--nonce",
    is_flag=False,
    flag_value=_RANDOM,
    metavar="[HEX]",
    help="Add a nonce: random, or these octets.",
)
@click.option(
    "--nonce-length",
    type=click.IntRange(1, MAX_NONCE_OCTETS),
    metavar="N",
    help=f"Add a random nonce of so many octets; RFC 9654 asks for {NONCE_OCTETS}.",
)
@click.option("--requestor-name", type=GENERAL_NAME, help="Who asks: dn:CN=me, uri:…, email:…")
@click.option(
    "--accept", "accepted", type=RESPONSE_TYPE, multiple=True, help="AcceptableResponses."
)
@click.option(
    "--prefer",
    "preferred",
    type=PREFERENCE,
    multiple=True,
    help="PreferredSignatureAlgorithms, best first.",
)
@click.option("--service-locator", is_flag=True, help="Copy each certificate's AIA, to forward.")
@click.option(
    "--extension", "extensions", type=EXTENSION, multiple=True, help="Any requestExtension."
)
@click.option(
    "--single-extension",
    "single_extensions",
    type=EXTENSION,
    multiple=True,
    help="Any singleRequestExtension, for each certificate.",
)
@click.option("--key", metavar="FILE", help="Sign with this key: PEM, DER or PKCS #12.")
@click.option("--signer", metavar="FILE", help="The key's certificate, and its chain.")
@click.option("--password-file", metavar="FILE", help="The key's password, in one line.")
@click.option("--algorithm", "signature", metavar="NAME", help="How to sign, if not as usual.")
@click.option("--no-certs", is_flag=True, help="Sign without sending certificates.")
@click.option("--url", metavar="BASE", help="Write the URL of a GET request to this responder.")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="DER, but PEM on a terminal.")
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; standard output.")
@click.option("--json", "as_json", is_flag=True, help="Describe the request for a program.")
def command(
    *,
    certs: tuple[str, ...],
    numbers: tuple[tuple[int, str], ...],
    issuers: tuple[str, ...],
    algorithm: str,
    nonce: str | None,
    nonce_length: int | None,
    requestor_name: GeneralName | None,
    accepted: tuple[ObjectIdentifier, ...],
    preferred: tuple[PreferredSignatureAlgorithm, ...],
    service_locator: bool,
    extensions: tuple[Extension, ...],
    single_extensions: tuple[Extension, ...],
    key: str | None,
    signer: str | None,
    password_file: str | None,
    signature: str | None,
    no_certs: bool,
    url: str | None,
    form: str | None,
    output: str,
    as_json: bool,
) -> None:
    """Build a request for the status of certificates.

    Issuers are matched to certificates by themselves, and may stand behind a certificate
    in its file; a serial number of one among several issuers is written 3E8@ca.pem.
    """
    asked = targets(certs, numbers, issuers)
    for target in asked:
        if not target.is_of_issuer:
            raise click.UsageError(f"{target.source}: was not issued by {target.issuer.subject}")
    _check_options(key=key, signer=signer, url=url, form=form, output=output, as_json=as_json)
    hashed = HashAlgorithm.from_label(algorithm)
    singles = [_request(one, hashed, single_extensions, located=service_locator) for one in asked]
    wishes = _request_extensions(_nonce(nonce, nonce_length), accepted, preferred, extensions)
    signing = None
    if key is not None:
        signing = _load(key, signer, password_file, signature, asked[0], send_certs=not no_certs)
    # What was built is read once more: nothing leaves here that we would not accept.
    request = parse_request(_encode(singles, requestor_name, wishes, signing))
    if as_json:
        write_json(_told(request, url, output))
    form = form or ("url" if url is not None else None)
    if not as_json or output != "-":
        _write(request, form, url, output)


def _check_options(
    *,
    key: str | None,
    signer: str | None,
    url: str | None,
    form: str | None,
    output: str,
    as_json: bool,
) -> None:
    if signer is not None and key is None:
        raise click.UsageError("--signer has no --key to sign with")
    if form == "url" and url is None:
        raise click.UsageError("--format url needs the responder's URL: --url BASE")
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url!r} is not an http URL")
    if as_json and output == "-" and form is not None:
        raise click.UsageError("--json and --format both write to standard output; name a file")


def _request(
    target: Target,
    algorithm: HashAlgorithm,
    extensions: Sequence[Extension],
    *,
    located: bool,
) -> Request:
    values: list[ExtensionValue | Extension] = list(extensions)
    if located:
        if target.certificate is None:
            raise click.UsageError(f"--service-locator: {target.source} names no certificate")
        issuer, places = target.certificate.issuer, target.certificate.access_descriptions
        values.insert(0, ServiceLocator(issuer, places))
    return Request(target.cert_id(algorithm), Extensions.of(*values))


def _nonce(wanted: str | None, length: int | None) -> Nonce | None:
    if wanted not in {None, _RANDOM}:
        if length is not None:
            raise click.UsageError("--nonce names its octets; --nonce-length is of no use")
        try:
            octets = HEX.convert(wanted, None, None)
        except click.BadParameter as error:
            raise click.BadParameter(error.message, param_hint="--nonce") from None
        if not 0 < len(octets) <= MAX_NONCE_OCTETS:
            raise click.UsageError(f"a nonce has 1 to {MAX_NONCE_OCTETS} octets (RFC 9654 §2.1)")
        return Nonce(octets)
    if wanted is None and length is None:
        return None
    return Nonce(secrets.token_bytes(length or NONCE_OCTETS))


def _request_extensions(
    nonce: Nonce | None,
    accepted: tuple[ObjectIdentifier, ...],
    preferred: tuple[PreferredSignatureAlgorithm, ...],
    others: Sequence[Extension],
) -> Extensions:
    values: list[ExtensionValue | Extension] = []
    if nonce is not None:
        values.append(nonce)
    if accepted:
        values.append(AcceptableResponses(accepted))
    if preferred:
        values.append(PreferredSignatureAlgorithms(preferred))
    return Extensions.of(*values, *others)


def _load(
    key: str,
    signer_file: str | None,
    password_file: str | None,
    algorithm: str | None,
    target: Target,
    *,
    send_certs: bool,
) -> _Signing:
    signers, findings = load_signers(
        Path(key),
        None if signer_file is None else Path(signer_file),
        issuer=target.issuer,
        password_file=None if password_file is None else Path(password_file),
        algorithms=() if algorithm is None else (algorithm,),
    )
    for finding in findings:
        note(f"certstatus: {finding.text}")
    signer = signers[0]
    chain = load_certificates(signer_file) if signer_file is not None else ()
    certs = (signer.certificate, *(one for one in chain if one != signer.certificate))
    return _Signing(signer, certs if send_certs else ())


def _encode(
    singles: Sequence[Request],
    requestor_name: GeneralName | None,
    wishes: Extensions,
    signing: _Signing | None,
) -> bytes:
    if signing is None:
        return encode_request(singles, requestor_name=requestor_name, request_extensions=wishes)
    # A signed request names its requestor (O4).
    name = requestor_name or GeneralName.directory_name(signing.signer.certificate.subject)
    tbs = encode_tbs_request(singles, requestor_name=name, request_extensions=wishes)
    signature = Signature(
        signing.signer.algorithm.identifier,
        signing.signer.sign(tbs),
        tuple(one.der for one in signing.certs),
    )
    return encode_signed_request(tbs, signature)


# --- writing ----------------------------------------------------------------------------


def _write(request: OCSPRequest, form: str | None, url: str | None, output: str) -> None:
    if form is None:
        form = "pem" if output == "-" and sys.stdout.isatty() else "der"
    write_file(output, _formatted(request.der, form, url))
    if output != "-":
        note(_sentence(request, output))
    if form == "url" and url is not None and not is_get_length(url, request.der):
        limit = f"{MAX_GET_URL_BYTES} bytes"
        note(f"certstatus: the URL is longer than {limit}: send it by POST (RFC 9919 §6)")


def _formatted(der: bytes, form: str, url: str | None) -> bytes:
    if form == "der":
        return der
    if form == "pem":
        lines = base64.encodebytes(der).replace(b"\n", b"")
        body = b"".join(lines[at : at + 64] + b"\n" for at in range(0, len(lines), 64))
        return b"-----BEGIN OCSP REQUEST-----\n" + body + b"-----END OCSP REQUEST-----\n"
    if form == "base64":
        return base64.b64encode(der) + b"\n"
    if form == "hex":
        return der.hex().encode() + b"\n"
    assert url is not None
    return get_url(url, der).encode() + b"\n"


def _sentence(request: OCSPRequest, output: str) -> str:
    kind = "an unsigned" if request.optional_signature is None else "a signed"
    asked = count_text(len(request.request_list), "certificate")
    return f"{output}: {kind} request for {asked}, {len(request.der)} octets"


def _told(request: OCSPRequest, url: str | None, output: str) -> dict[str, object]:
    nonce = request.nonce
    return {
        "file": None if output == "-" else output,
        "octets": len(request.der),
        "certificates": [
            {
                "hashAlgorithm": str(one.hash_algorithm),
                "issuerNameHash": one.issuer_name_hash.hex(),
                "issuerKeyHash": one.issuer_key_hash.hex(),
                "serialNumber": f"{one.serial_number:x}",
            }
            for one in request.cert_ids
        ],
        "nonce": None if nonce is None else nonce.octets.hex(),
        "requestorName": None if request.requestor_name is None else str(request.requestor_name),
        "signed": request.optional_signature is not None,
        "base64": base64.b64encode(request.der).decode(),
        "url": None if url is None else get_url(url, request.der),
    }
