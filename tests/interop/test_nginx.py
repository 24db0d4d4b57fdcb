"""Behind nginx, which merges slashes unless told otherwise."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from certstatus.ocsp import CertID, encode_request, parse_request, parse_response
from certstatus.testing.lab import Lab
from tests.interop.conftest import running
from tests.stapling import free_port

pytestmark = pytest.mark.interop

CONFIGURATION = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream responder {{ server {address}; keepalive 2; }}
    server {{
        listen 127.0.0.1:{port};
        merge_slashes on;
        location /kept/ {{
            proxy_pass http://responder/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
            proxy_buffering off;
        }}
        location /first/ {{ proxy_pass {url}; }}
        location / {{ proxy_pass {url}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


@pytest.fixture
def nginx_url(
    our_url: str, ping: bytes, interop_command: Callable[[str], Path], tmp_path: Path
) -> Iterator[str]:
    """nginx before our responder, with merge_slashes on."""
    port = free_port()
    address = our_url.removeprefix("http://").rstrip("/")
    file = tmp_path / "nginx.conf"
    text = CONFIGURATION.format(directory=tmp_path, port=port, url=our_url, address=address)
    file.write_text(text, "utf-8")
    command = [str(interop_command("nginx")), "-p", str(tmp_path), "-c", str(file)]
    url = f"http://127.0.0.1:{port}/"
    with running(command, url, tmp_path / "nginx.log", ping):
        yield url


def request_whose_base64_holds(text: str, lab: Lab) -> bytes:
    """Search a serial number whose request has ``text`` in its base64."""
    for serial_number in range(1, 200_000):
        request = encode_request([CertID.of(lab.ca.certificate, serial_number)])
        if text in b64encode(request).decode("ascii"):
            return request
    pytest.fail(f"no request with {text} found")


@pytest.mark.parametrize("hard", ["//", "+", "/"])
@pytest.mark.parametrize("is_escaped", [True, False])
@pytest.mark.rule("O32")
def test_base64_with_slashes_and_plus_signs_survives_the_proxy(
    lab: Lab, nginx_url: str, hard: str, is_escaped: bool
) -> None:
    request = request_whose_base64_holds(hard, lab)
    text = b64encode(request).decode("ascii")
    path = quote(text, safe="") if is_escaped else text

    response = parse_response(httpx2.get(nginx_url + path, trust_env=False).content)

    # Where nginx merged two slashes, one is put back: only one place makes sense (O32).
    assert response.basic is not None
    (single,) = response.basic.tbs_response_data.responses
    assert single.cert_id == parse_request(request).cert_ids[0]


@pytest.mark.parametrize("way", ["", "kept/", "first/"], ids=["1.1", "kept alive", "HTTP/1.0"])
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.rule("O33")
def test_however_nginx_asks_on_the_answer_is_the_same(
    our_url: str, nginx_url: str, ping: bytes, way: str, is_chunked: bool
) -> None:
    """A new connection for each, a few that are kept and stream, and HTTP/1.0."""
    kind = {"Content-Type": "application/ocsp-request"}
    straight = httpx2.post(our_url, content=ping, headers=kind, trust_env=False).content
    assert parse_response(straight).basic is not None
    for _ in range(20):
        content = iter([ping[:9], ping[9:]]) if is_chunked else ping
        answer = httpx2.post(nginx_url + way, content=content, headers=kind, trust_env=False)
        assert (answer.status_code, answer.content) == (200, straight)


def test_nginx_is_the_real_one(interop_command: Callable[[str], Path]) -> None:
    done = subprocess.run(
        [str(interop_command("nginx")), "-v"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert "nginx/" in done.stderr
