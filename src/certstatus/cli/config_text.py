"""An examined configuration in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum
from itertools import groupby
from typing import Any, Final, TypeAlias

from pydantic import BaseModel
from rich.console import Console

from certstatus.cli.config_scvp import scvp_rows
from certstatus.cli.output import print_columns, styled
from certstatus.cli.text import moment_text, relative_text
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.responder import (
    PROFILE_DEFAULTS,
    Archive,
    AuthorityPolicy,
    ForwardedNonce,
    NonceMode,
    ResponderIDForm,
    UnlistedMode,
)
from certstatus.server.config import (
    Config,
    PresignConfig,
    RenewConfig,
    RequestsConfig,
    SignerConfig,
    SourceConfig,
    StoreConfig,
)
from certstatus.server.config_presign import Verified
from certstatus.server.config_values import duration_text, without_login
from certstatus.server.examination import Examination, ExaminedAuthority, ExaminedProxy
from certstatus.sources import Known, NotOurs, Unlisted

__all__ = [
    "is_direct",
    "policy_lines",
    "print_examination",
    "settings_of",
    "source_kind",
]

_Row: TypeAlias = tuple[str, str]


def print_examination(out: Console, found: Examination, now: datetime) -> None:
    """Say what would run, what is wrong, and what is unwise."""
    if found.config is not None and not found.faults:
        _print_table(out, "server", _server_rows(found.config))
        _print_table(out, "requests", _request_rows(found.config.requests))
        if found.config.store is not None:
            _print_table(out, "store", _store_rows(found.config.store))
        if found.config.presign is not None:
            _print_table(out, "presign", _presign_rows(found.config.presign))
        for one in found.authorities:
            _print_table(out, f"authority {one.authority.name}", _authority_rows(one, now))
        for proxy in found.proxies:
            _print_table(out, f"proxy {proxy.proxy.name}", _proxy_rows(proxy, now))
        if found.scvp is not None:
            _print_table(out, "scvp", scvp_rows(found.scvp, found.config.server, now))
    if found.faults:
        rows = [(str(one), one.remedy) for one in found.faults]
        _print_list(out, f"{len(rows)} wrong", rows, "red")
    if found.advice:
        rows = [(f"{one.place}: {one.text}", "") for one in found.advice]
        _print_list(out, f"{len(rows)} unwise", rows, "yellow")
    print_columns(out, [(styled(_verdict(found), "bold"),)], indent=0)


def _verdict(found: Examination) -> str:
    if found.faults:
        return f"{found.file}: would not serve"
    if found.waiting:
        return f"{found.file}: would serve, but not yet for {', '.join(found.waiting)}"
    return f"{found.file}: would serve"


def _print_table(out: Console, title: str, rows: Iterator[_Row]) -> None:
    out.print(styled(title, "bold"))
    told: list[_Row] = []
    for name, group in groupby(rows, key=lambda row: row[0]):
        told += [(name if n == 0 else "", text) for n, (_, text) in enumerate(group)]
    print_columns(out, told)
    out.print()


def _print_list(out: Console, title: str, rows: list[_Row], style: str) -> None:
    out.print(styled(title, style))
    for text, remedy in rows:
        print_columns(out, [(text,)])
        if remedy:
            print_columns(out, [(remedy,)], indent=4)
    out.print()


# --- server and requests ------------------------------------------------------------------


def _server_rows(config: Config) -> Iterator[_Row]:
    server = config.server
    if config.authority or config.proxy:
        yield "answers at", f"http://{server.host}:{server.port or '(a free port)'}{server.path}"
    if server.admin_port is not None:
        admin = f"http://{server.admin_host}:{server.admin_port or '(a free port)'}"
        yield "health", f"{admin}/healthz and {admin}/metrics"
    yield "processes", f"{server.workers}, each with up to {server.max_connections} connections"
    yield "caching", f"max-age up to {duration_text(server.max_age)}, never past nextUpdate"
    yield (
        "times",
        (
            f"idle {duration_text(server.idle_time)}, reading {duration_text(server.read_time)}, "
            f"draining {duration_text(server.drain_time)}"
        ),
    )


def _request_rows(requests: RequestsConfig) -> Iterator[_Row]:
    yield "certificates", f"up to {requests.max_certificates} in one request"
    believed = len(requests.anchors) + len(requests.requestors)
    words = {
        "ignore": "of requests are not looked at",
        "verify": f"are verified where there are any, by {believed} files",
        "require": f"are required, and verified by {believed} files",
    }
    yield "signatures", words[requests.signatures]
    if requests.signing_budget is not None:
        burst = requests.signing_burst or requests.signing_budget
        text = f"up to {requests.signing_budget} a second of each process, {burst} at once"
        yield "signing", f"{text}; tryLater past that"


def _store_rows(store: StoreConfig) -> Iterator[_Row]:
    words = {
        "memory": "memory of each process",
        "lmdb": f"LMDB in {store.folder}, up to {store.max_megabytes} MiB",
    }
    default = f"Redis at {without_login(store.url)}"
    yield "answers", f"rest in {words.get(store.scheme, default)}"


def _presign_rows(presign: PresignConfig) -> Iterator[_Row]:
    wanted = presign.algorithms
    algorithms = wanted if isinstance(wanted, str) else ", ".join(wanted)
    yield "answers", f"to CertIDs of {', '.join(presign.cert_ids)}; algorithms: {algorithms}"
    if presign.verify_signatures is Verified.SAMPLE:
        yield "verified", "the signatures of a sample"
    every = "before any grows old" if presign.every is None else duration_text(presign.every)
    yield "looked at", every if presign.every is None else f"every {every}"
    shared = "the statuses are" if presign.database is None else without_login(presign.database)
    yield "shared", f"where {shared}" if presign.database is None else f"by {shared}"


# --- an authority -------------------------------------------------------------------------


def _authority_rows(one: ExaminedAuthority, now: datetime) -> Iterator[_Row]:
    authority = one.authority
    issuer = authority.issuer
    yield "CA", f"{issuer.subject}, until {_end(issuer.not_after, now)}"
    yield "key hash", f"{issuer.key_hash(HashAlgorithm.SHA1).hex()} (SHA-1)"
    for certificate, signers in groupby(authority.signers, key=lambda one: one.certificate):
        algorithms = ", ".join(signer.algorithm.name for signer in signers)
        who = "the CA itself" if is_direct(one, certificate) else f"{certificate.subject}, delegate"
        yield "signer", f"{who}; {algorithms}; until {_end(certificate.not_after, now)}"
    for signer in one.config.signer:
        if signer.renew is not None:
            yield "renewal", _renewal_text(signer, signer.renew)
    for source in one.config.source:
        yield "source", _source_text(source)
    yield "statuses", one.unready or _answer_text(one, now)
    if authority.compromised_since is not None:
        since = moment_text(authority.compromised_since)
        yield "compromised", f"since {since}: all that the CA issued is revoked"
    for text in policy_lines(authority.policy):
        yield "policy", text


def _renewal_text(signer: SignerConfig, renew: RenewConfig) -> str:
    """Say who renews a signer, and when."""
    who = f"the command {renew.command[0]}" if renew.command else f"the CA's key {renew.ca_key}"
    before = signer.renew_before
    when = (
        "with a third of its life left"
        if before is None
        else f"{duration_text(before)} before its end"
    )
    key = "with a new key" if renew.new_key else "for the same key"
    return f"of {signer.certificate} by {who}, {when}, {key}"


def _end(moment: datetime, now: datetime) -> str:
    return f"{moment_text(moment)} ({relative_text(moment, now)})"


def is_direct(one: ExaminedAuthority, certificate: Certificate) -> bool:
    """Whether a signer is the CA itself, and no delegate."""
    return certificate.spki_der == one.authority.issuer.spki_der


def _answer_text(one: ExaminedAuthority, now: datetime) -> str:
    """Say what the sources know, by what they said of a serial number that nobody has."""
    answer = one.answer
    if isinstance(answer, Unlisted):
        what = "what was issued" if answer.lists_issued else "what was revoked, and that alone"
        text = f"the sources list {what}"
    elif isinstance(answer, Known):
        text = "the sources know every serial number"
    else:
        text = "the sources don't serve this CA"
    if isinstance(answer, NotOurs | None) or answer.next_update is None:
        return text
    return f"{text}; as of {moment_text(answer.this_update)}, until {_end(answer.next_update, now)}"


# --- a proxy ------------------------------------------------------------------------------


def _proxy_rows(one: ExaminedProxy, now: datetime) -> Iterator[_Row]:
    for issuer in one.proxy.issuers:
        yield "CA", f"{issuer.subject}, until {_end(issuer.not_after, now)}"
    for url in one.config.upstream or ():
        yield "asks", without_login(url)
    for url in one.config.service_locator:
        yield "asks", f"whom ServiceLocators name under {without_login(url)}"
    yield "answers", one.unready or "are handed on as they were signed"
    yield "nonces", _FORWARDED_NONCES[one.config.nonce]


_FORWARDED_NONCES: Final = {
    ForwardedNonce.IGNORE: "do not go on, so that one answer serves many",
    ForwardedNonce.FORWARD: "go on, and such answers are asked for one by one",
}


# --- sources ------------------------------------------------------------------------------

_SOURCE_KINDS: Final = {
    "database": "status database",
    "index": "OpenSSL index",
    "crl": "CRL",
    "crl_from": "CRLs of the places in",
    "crt": "revocation tree",
    "upstream": "OCSP responder",
}


def source_kind(source: SourceConfig) -> str:
    """Return the key that says what kind of source it is."""
    return next(kind for kind in _SOURCE_KINDS if getattr(source, kind) is not None)


def settings_of(table: BaseModel) -> dict[str, Any]:
    """Return what a table sets, in the spelling of the file."""
    return {name: _plain(getattr(table, name)) for name in sorted(table.model_fields_set)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Enum) or not isinstance(value, bool | int | float | None):
        return without_login(str(value))
    return value


def _source_text(source: SourceConfig) -> str:
    kind = source_kind(source)
    settings = settings_of(source)
    place = settings.pop(kind)
    named = place if isinstance(place, list) else [place]
    where = ", ".join(" or ".join(one) if isinstance(one, list) else one for one in named)
    rest = "".join(f"; {name} = {value}" for name, value in settings.items())
    return f"{_SOURCE_KINDS[kind]} {where}{rest}"


# --- policy -------------------------------------------------------------------------------

_NONCES: Final = {
    NonceMode.ECHO: "nonces are returned as they came, and such answers signed one by one",
    NonceMode.IGNORE: "nonces are left out, so that one signature serves many",
    NonceMode.REQUIRE: "requests without a nonce are malformed",
}
_UNLISTED: Final = {
    UnlistedMode.UNKNOWN: "unknown",
    UnlistedMode.GOOD: "good",
    UnlistedMode.EXTENDED_REVOKE: "revoked where the source lists what was issued, else unknown",
    UnlistedMode.UNAUTHORIZED: "refused (unauthorized)",
}
_NAMES: Final = {
    ResponderIDForm.BY_KEY: "the hash of its key",
    ResponderIDForm.BY_NAME: "its name",
}


def policy_lines(policy: AuthorityPolicy) -> Iterator[str]:
    """Yield how an authority answers, as settings and profile together make it."""
    yield f"profile {policy.profile}"
    again = "half of its life" if policy.refresh is None else duration_text(policy.refresh)
    yield f"an answer lives {duration_text(policy.validity)}, and is signed anew after {again}"
    if policy.backdate:
        yield f"thisUpdate is {duration_text(policy.backdate)} back, for slow clocks"
    yield _NONCES[policy.nonce_mode]
    yield f"a serial number that no source lists is {_UNLISTED[policy.unlisted_mode]}"
    yield f"the signer is named by {_NAMES[policy.responder_id]}"
    if policy.dual_hash:
        yield "answers name the certificate by SHA-1 and SHA-256 at once"
    if isinstance(policy.archive, timedelta):
        yield f"ArchiveCutoff: status is kept {duration_text(policy.archive)} after expiry"
    elif policy.archive is Archive.CA_START:
        yield "ArchiveCutoff: status is kept for ever, from the CA's start"
    elif policy.archive is None and PROFILE_DEFAULTS[policy.profile].archive is Archive.CA_START:
        yield "ArchiveCutoff: the CA's start, where the source keeps what has expired"
