"""From what is configured of upstream responders to how they are asked and counted."""

from __future__ import annotations

from certstatus.errors import ConfigError
from certstatus.fetch import HTTPDoor
from certstatus.meter import Meter
from certstatus.server.certificates import load_certificates
from certstatus.server.config_upstream import UpstreamKeys
from certstatus.server.config_values import without_login
from certstatus.sources import UpstreamPolicy
from certstatus.sources.upstream_asking import Outcome, Tally

__all__ = ["counting_questions", "upstream_policy"]


def upstream_policy(config: UpstreamKeys, *, allow_private: bool = False) -> UpstreamPolicy:
    """Say how the upstreams of a table are asked.

    Raises:
        ConfigError: a certificate can't be read, or the HTTP proxy can't be used.
    """
    return UpstreamPolicy(
        refresh=config.upstream_refresh,
        negative=config.upstream_negative,
        jitter=config.upstream_jitter,
        url_time=config.upstream_url_time,
        time_limit=config.upstream_time,
        signers=load_certificates(config.upstream_signers),
        allow_sha1=config.allow_sha1,
        allow_private=allow_private,
        http_proxy=_http_proxy(config),
    )


def _http_proxy(config: UpstreamKeys) -> str | None:
    """Return the HTTP proxy; one that can't be used is named without its password."""
    proxy = config.upstream_http_proxy
    try:
        HTTPDoor(proxy=proxy)
    except ConfigError as error:
        message = error.message.replace(str(proxy), without_login(str(proxy)))
        raise ConfigError(message, key="upstream_http_proxy", remedy=error.remedy) from None
    return proxy


def counting_questions(meter: Meter, authority: str) -> Tally:
    """Count the questions to upstreams, and the time that each takes."""

    def tally(outcome: Outcome, seconds: float) -> None:
        meter.count("upstream_questions", authority=authority, outcome=outcome.value)
        meter.observe("upstream_seconds", seconds, authority=authority)

    return tally
