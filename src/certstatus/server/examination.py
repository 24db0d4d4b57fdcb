"""What an examined configuration comes to: what would run, what is wrong, what is unwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certstatus.errors import SourceError
from certstatus.responder import Authority, Proxy
from certstatus.server.config import AuthorityConfig, Config, ProxyConfig
from certstatus.server.scvp_assembly import NAME, SCVPPart
from certstatus.sources import Answer

__all__ = ["Advice", "Examination", "ExaminedAuthority", "ExaminedProxy", "ExaminedSCVP", "Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why it would not serve; ``exit_code`` is what ``serve`` would end with."""

    file: str
    message: str
    exit_code: int
    line: int | None = None
    key: str | None = None
    remedy: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that works, and that a careful operator would do otherwise.

    ``place`` is the key, the authority or the file that it is about.
    """

    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedAuthority:
    """An authority as it would answer.

    ``unready`` says why it can't now; ``answer`` is what its sources say of a serial number
    that nobody has, None where they can't say.
    """

    config: AuthorityConfig
    authority: Authority
    unready: str | None
    answer: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedProxy:
    """A proxy as it would answer; ``unready`` says why it can't now."""

    config: ProxyConfig
    proxy: Proxy
    unready: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedSCVP:
    """A server of SCVP as it would answer; ``unready`` says why it can't now."""

    part: SCVPPart
    unready: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What a configuration says.

    ``config`` is None where its settings are wrong; ``authorities``, ``proxies`` and ``scvp``
    are there where nothing is.
    """

    file: Path
    config: Config | None
    faults: Sequence[Fault] = ()
    authorities: Sequence[ExaminedAuthority] = ()
    proxies: Sequence[ExaminedProxy] = ()
    scvp: ExaminedSCVP | None = None
    advice: Sequence[Advice] = ()

    @property
    def exit_code(self) -> int:
        """0 where it would serve, and every source can answer now."""
        for fault in self.faults:
            return fault.exit_code
        return SourceError.exit_code if self.waiting else 0

    @property
    def waiting(self) -> list[str]:
        """The names of those that could not answer now."""
        authorities = [one.authority.name for one in self.authorities if one.unready is not None]
        proxies = [one.proxy.name for one in self.proxies if one.unready is not None]
        is_scvp_waiting = self.scvp is not None and self.scvp.unready is not None
        return [*authorities, *proxies, *([NAME] if is_scvp_waiting else [])]
