"""In which forms an authority's answers are signed in advance: by configuration, or by option."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from certstatus.errors import ConfigError
from certstatus.ocsp import PreferredSignatureAlgorithm, PreferredSignatureAlgorithms
from certstatus.pkix import AlgorithmIdentifier
from certstatus.responder import Authority
from certstatus.responder.bulk import Form
from certstatus.server.config_presign import PresignConfig
from certstatus.signing import Signer, choose_signer

__all__ = ["forms_of"]


def forms_of(authority: Authority, config: PresignConfig, now: datetime) -> tuple[Form, ...]:
    """Return every form that is wanted of an authority, at ``now``, aware UTC.

    Raises:
        ConfigError: there is none: no signer has an algorithm that is named, or the authority
            answers no CertID that is.
        SignerError: no signer is in force.
    """
    signers = tuple(_signers(authority, config, now))
    if not signers:
        can = ", ".join(dict.fromkeys(one.algorithm.name for one in authority.signers))
        raise ConfigError(
            f"no signer of {authority.name} has one of {', '.join(config.algorithms)}",
            key="presign.algorithms",
            remedy=f"it can: {can}",
        )
    forms = tuple(
        Form(one.algorithm, one.null_parameters, signer)
        for signer in signers
        for one in config.cert_ids
        if one.algorithm in authority.policy.hash_algorithms
    )
    if not forms:
        raise ConfigError(
            f"{authority.name} answers none of {', '.join(config.cert_ids)}",
            key="presign.cert_ids",
            remedy="name a hash that it answers",
        )
    return forms


def _signers(authority: Authority, config: PresignConfig, now: datetime) -> Iterator[Signer]:
    """Yield one signer for each algorithm: the one that a client who prefers it would get."""
    yielded = set()
    in_force = authority.signers_in_force(now)
    for algorithm in (None, *(one.algorithm for one in in_force)):
        wish = None if algorithm is None else _preferring(algorithm.identifier)
        signer = choose_signer(
            in_force, now=now, preferred=wish, crl_algorithm=authority.crl_algorithm
        ).signer
        chosen = signer.algorithm
        is_wanted = (
            algorithm is None
            if config.algorithms == "default"
            else config.algorithms == "all" or chosen.name in config.algorithms
        )
        if is_wanted and chosen.identifier not in yielded:
            yielded.add(chosen.identifier)
            yield signer


def _preferring(identifier: AlgorithmIdentifier) -> PreferredSignatureAlgorithms:
    return PreferredSignatureAlgorithms((PreferredSignatureAlgorithm(identifier),))
