"""Servers of others that staple from a file: GnuTLS, nginx, HAProxy, OpenSSL."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from tests.stapling import Find, Serving, free_port, openssl_server, serving

NGINX = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr info;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {directory}/chain.pem;
        ssl_certificate_key {directory}/key.pem;
        {stapling}
        return 200 "hello";
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend stapling
    bind 127.0.0.1:{port} ssl crt {directory}/bundle.pem ssl-min-ver TLSv1.2
    http-request return status 200 content-type text/plain string hello
"""


def gnutls_serv(find: Find, directory: Path, *staples: bytes) -> AbstractContextManager[Serving]:
    """Serve with `gnutls-serv`, which staples to each certificate of its chain."""
    port = free_port()
    options = []
    for place, staple in enumerate(staples):
        (directory / f"staple{place}.der").write_bytes(staple)
        options.append(f"--ocsp-response=staple{place}.der")
    if len(staples) == 1:  # else it finds no certificate for any
        options.append("--ignore-ocsp-response-errors")
    command: list[str | Path] = [
        *(find("gnutls-serv"), "--http", "--quiet", f"--port={port}", "--disable-client-cert"),
        *("--x509certfile=chain.pem", "--x509keyfile=key.pem"),
        *options,
    ]
    return serving(command, directory, port)


def nginx(find: Find, directory: Path, *staples: bytes) -> AbstractContextManager[Serving]:
    """Serve with nginx, which staples any file."""
    port = free_port()
    stapling = ""
    for staple in staples:
        (directory / "staple.der").write_bytes(staple)
        stapling = f"ssl_stapling on; ssl_stapling_file {directory}/staple.der;"
    text = NGINX.format(directory=directory, port=port, stapling=stapling)
    (directory / "nginx.conf").write_text(text, encoding="utf-8")
    command: list[str | Path] = [find("nginx"), "-p", directory, "-c", directory / "nginx.conf"]
    return serving(command, directory, port)


def haproxy(find: Find, directory: Path, *staples: bytes) -> AbstractContextManager[Serving]:
    """Serve with HAProxy, which staples what stands beside its certificate."""
    port = free_port()
    bundle = (directory / "chain.pem").read_bytes() + (directory / "key.pem").read_bytes()
    (directory / "bundle.pem").write_bytes(bundle)
    for staple in staples:
        (directory / "bundle.pem.ocsp").write_bytes(staple)
    text = HAPROXY.format(directory=directory, port=port)
    (directory / "haproxy.cfg").write_text(text, encoding="utf-8")
    return serving([find("haproxy"), "-db", "-f", directory / "haproxy.cfg"], directory, port)


def s_server(find: Find, directory: Path, *staples: bytes) -> AbstractContextManager[Serving]:
    """Serve with `openssl s_server`, which staples any file."""
    return openssl_server(find, directory, b"".join(staples))
