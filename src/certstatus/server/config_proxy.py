"""``[[proxy]]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from certstatus.responder import ForwardedNonce
from certstatus.server.config_upstream import UpstreamKeys
from certstatus.server.config_values import Paths, URLs

__all__ = ["ProxyConfig"]


class ProxyConfig(UpstreamKeys):
    """``[[proxy]]``: CAs for which other responders' answers are handed on.

    ``certificate`` are the CAs' certificates. Those who are asked are named by ``upstream``,
    or by the ServiceLocators of requests, which lead to ``service_locator`` alone.
    """

    certificate: Annotated[Paths, Field(min_length=1)]
    name: str | None = None
    service_locator: URLs = ()
    allow_private: bool = False
    nonce: ForwardedNonce = ForwardedNonce.IGNORE

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> ProxyConfig:
        if (self.upstream is None) == (not self.service_locator):
            raise ValueError("name upstream, or service_locator: who is asked")
        if "allow_private" in self.model_fields_set and not self.service_locator:
            raise ValueError("allow_private goes with service_locator")
        return self
