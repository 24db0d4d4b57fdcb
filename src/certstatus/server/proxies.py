"""From ``[[proxy]]`` to a proxy."""

from __future__ import annotations

from certstatus.responder import AllowedLocation, Proxy, ProxyPolicy, Shelf
from certstatus.server.certificates import load_certificates
from certstatus.server.config_proxy import ProxyConfig
from certstatus.server.sources import counting
from certstatus.server.upstreams import counting_questions, upstream_policy
from certstatus.server.worker import Tools

__all__ = ["build_proxy"]


def build_proxy(config: ProxyConfig, tools: Tools, *, shelf: Shelf | None = None) -> Proxy:
    """Read a proxy's certificates and addresses; nobody is asked yet.

    What it keeps rests on the ``shelf``, too.

    Raises:
        ConfigError: a certificate can't be read, or a URL can't be asked.
    """
    issuers = load_certificates(config.certificate)
    name = config.name or str(issuers[0].subject)
    policy = upstream_policy(config, allow_private=config.allow_private)
    return Proxy(
        name,
        issuers,
        config.upstream or (),
        allowed=[AllowedLocation.of(one) for one in config.service_locator],
        policy=ProxyPolicy(nonce=config.nonce, upstream=policy),
        observer=counting(tools.meter, name),
        tally=counting_questions(tools.meter, name),
        shelf=shelf,
        clock=tools.clock,
    )
