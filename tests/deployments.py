"""The deployments of ``examples/deployments``, moved to a test's folder and free ports."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from dev.tree import ROOT
from tests.stapling import PATIENCE, free_port

__all__ = ["DEPLOYMENTS", "moved", "proxied", "yaml"]

DEPLOYMENTS: Final = ROOT / "examples" / "deployments"

_NGINX: Final = """
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/site.conf;
}}
"""


def moved(text: str, places: Mapping[str, str]) -> str:
    """Put other places into an example's file; one that it does not have fails."""
    for old, new in places.items():
        assert old in text, f"the example has no {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def proxied(
    site: str, home: Path, find: Callable[[str], Path], places: Mapping[str, str]
) -> Iterator[str]:
    """Run nginx on an example's site file; gives the URL where it listens."""
    home.mkdir()
    port = free_port()
    (home / "site.conf").write_text(
        moved(site, {"listen 80;": f"listen 127.0.0.1:{port};", **places})
    )
    (home / "nginx.conf").write_text(_NGINX.format(home=home))
    command = [str(find("nginx")), "-p", str(home), "-c", str(home / "nginx.conf")]
    with (
        (home / "nginx.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _await(process, f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(url, timeout=PATIENCE, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not serve")


# --- YAML, as far as a compose file needs it -----------------------------------------------


def yaml(text: str) -> Any:
    """Read mappings, lists and plain or quoted scalars in block style; else it fails."""
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    value, rest = _block(lines)
    assert not rest, f"not read: {rest[:1]}"
    return value


_Lines = Sequence[tuple[int, str]]


def _block(lines: _Lines) -> tuple[Any, _Lines]:
    depth = lines[0][0]
    is_list = lines[0][1].startswith("- ")
    items: list[Any] = []
    pairs: dict[str, Any] = {}
    while lines and lines[0][0] == depth:
        text, lines = lines[0][1], lines[1:]
        assert text.startswith("- ") == is_list, text
        if is_list:
            items.append(_scalar(text[2:]))
            continue
        key, colon, value = text.partition(":")
        assert colon, text
        assert key not in pairs, f"twice: {key}"
        if value or not lines or lines[0][0] <= depth:
            pairs[key] = _scalar(value.strip())
        else:
            pairs[key], lines = _block(lines)
    assert not lines or lines[0][0] < depth, lines[0]
    return (items if is_list else pairs), lines


def _scalar(text: str) -> str | None:
    assert not text.startswith(("&", "*", "|", ">", "{", "[")), text
    return text.strip('"') or None
