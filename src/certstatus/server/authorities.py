"""From ``[[authority]]`` to an authority: issuer, source, signers and policy."""

from __future__ import annotations

from certstatus.errors import ConfigError
from certstatus.pkix import Certificate
from certstatus.responder import Authority
from certstatus.server.certificates import load_certificates
from certstatus.server.config import AuthorityConfig
from certstatus.server.holdings import Holdings
from certstatus.server.signer_events import SignerTeller
from certstatus.server.signer_rack import SignerRack
from certstatus.server.signers import SignerLoader
from certstatus.server.sources import counting, counting_fetches, source_of
from certstatus.server.upstreams import counting_questions
from certstatus.server.worker import Tools
from certstatus.signing.pool import SigningPool
from certstatus.sources import CRL, Stack

__all__ = ["build_authority", "issuer_of", "loaders_of"]


def build_authority(
    config: AuthorityConfig, tools: Tools, *, held: Holdings, pool: SigningPool | None = None
) -> Authority:
    """Read an authority's certificate, signers and sources; ``held`` closes what stays open.

    With a ``pool`` slow local keys sign in its threads.

    Raises:
        ConfigError, SignerError, SourceError, MalformedError: as ``OCSPService``.
    """
    issuer, policy = issuer_of(config), config.policy
    name = config.name or str(issuer.subject)
    signers = SignerRack(loaders_of(config, issuer, tools, pool), tools.clock.now())
    observer, tally = counting(tools.meter, name), counting_questions(tools.meter, name)
    count_fetch = counting_fetches(tools.meter, name)
    sources = [
        source_of(
            one,
            issuer,
            tools.clock,
            observer,
            held=held,
            profile=config.profile,
            tally=tally,
            count_fetch=count_fetch,
        )
        for one in config.source
    ]
    crls = [one for one in sources if isinstance(one, CRL)]
    return Authority(
        name=name,
        issuer=issuer,
        source=sources[0] if len(sources) == 1 else Stack(*sources, observer=observer),
        signers=signers,
        policy=policy,
        compromised_since=config.compromised_since,
        crl_algorithm=crls[0].signature_algorithm if crls else None,
    )


def loaders_of(
    config: AuthorityConfig,
    issuer: Certificate,
    tools: Tools,
    pool: SigningPool | None = None,
) -> tuple[SignerLoader, ...]:
    """Return what loads each of the authority's signers."""
    name, policy = config.name or str(issuer.subject), config.policy
    teller = SignerTeller(name, tools.meter, tools.log.bind(authority=name))
    return tuple(
        SignerLoader(
            config=one, issuer=issuer, policy=policy, meter=tools.meter, teller=teller, pool=pool
        )
        for one in config.signer
    )


def issuer_of(config: AuthorityConfig) -> Certificate:
    """Read the CA's certificate.

    Raises:
        ConfigError: it can't be read, or there are several.
    """
    (issuer, *others) = load_certificates((config.certificate,))
    if others:
        raise ConfigError(
            "holds several certificates", file=str(config.certificate), remedy="name the CA's alone"
        )
    return issuer
