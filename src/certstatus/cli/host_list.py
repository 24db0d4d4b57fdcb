"""A list of hosts, one in a line."""

from __future__ import annotations

from certstatus.cli.line_list import LineList
from certstatus.tls.host import Host, parse_host

__all__ = ["HostList"]


class HostList(LineList[Host]):
    """The hosts of a list; ``port`` is that of hosts without one."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name, lambda text: parse_host(text, port), wanted="HOST or HOST:PORT")
