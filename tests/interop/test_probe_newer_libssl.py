"""The probe on a newer libssl than the machine's own: what it adds changes nothing that is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from certstatus.handshake import TLS12, TLS13
from certstatus.ocsp import ByKey
from certstatus.pkix import Certificate
from certstatus.testing import Forge
from tests.newer import on_newer_libssl
from tests.stapling import StaplingPKI
from tests.tlshost import TLSHost

pytestmark = pytest.mark.interop

PROGRAM = """
import json, ssl, sys
from click.testing import CliRunner
from certstatus.cli import main
result = CliRunner().invoke(main, ["probe", *sys.argv[1:], "--no-compare", "--json"])
print(json.dumps([ssl.OPENSSL_VERSION, json.loads(result.stdout)]))
"""


@pytest.mark.rule("T1", "T3", "T5")
def test_the_probe_shows_the_same(stapling_pki: StaplingPKI, tmp_path: Path) -> None:
    pki = stapling_pki
    root, key_hash = tmp_path / "root.pem", responder_hash(pki.responder.certificate)
    root.write_bytes(pki.root.issued.certificate_pem)
    for_ca = Forge.honest(pki.root, pki.ca.certificate.serial_number).but(now=pki.now)
    with TLSHost(pki, [pki.honest().der, for_ca.der]) as server:
        told = on_newer_libssl(
            *(PROGRAM, tmp_path, str(server.host), "--servername", "localhost"),
            *("--cafile", str(root), "--responder-id", key_hash),
        )

    version, result = json.loads(told)
    assert version.startswith("OpenSSL 3.6")
    assert result["verdict"] == "good"
    tls12, tls13 = result["handshakes"]
    assert (tls12["error"], tls13["error"]) == (None, None)
    assert (tls12["trusted"], tls13["trusted"]) == (True, True)
    assert [one["staple"] is not None for one in tls12["certificates"]] == [True, False]
    assert [one["staple"] is not None for one in tls13["certificates"]] == [True, True]
    assert {hello.supported_versions[0] for hello in server.hellos} == {TLS12, TLS13}
    for hello in server.hellos:
        assert hello.status_request is not None
        (named,) = hello.status_request.request.responder_id_list
        assert named == ByKey.of(pki.responder.certificate)


def responder_hash(certificate: Certificate) -> str:
    return ByKey.of(certificate).key_hash.hex()
