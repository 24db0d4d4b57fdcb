"""What other people's clients make of the faults, as far as that is stable from release to release.

That a peer lets a fault pass is its affair, and not held here; that it sees one at all
shows that the fault is on the wire as the table says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from certstatus.handshake import TLS12, TLS13, version_text
from certstatus.tls.fault import FAULTS
from certstatus.tls.fault_host import FaultHost, Visit
from tests.faults import running

pytestmark = pytest.mark.interop

Find = Callable[[str], Path]
SECONDS = 60


@dataclass(frozen=True)
class Hosted:
    """A running host, its files, and what clients have made of it."""

    host: FaultHost
    directory: Path
    visits: list[Visit]

    @property
    def ca(self) -> str:
        return str(self.directory / "ca.pem")

    def alerts_of(self, name: str, version: int) -> set[int | None]:
        """Return the alerts that clients have sent at one fault."""
        return {
            visit.alert
            for visit in self.visits
            if (visit.fault.name, visit.version) == (name, version)
        }


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    visits: list[Visit] = []
    with running(on_visit=visits.append) as host:
        host.write(tmp_path)
        yield Hosted(host, tmp_path, visits)


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in command],
        check=False,
        capture_output=True,
        encoding="latin-1",
        input="",
        timeout=SECONDS,
    )


def label(value: object) -> str | None:
    return version_text(value) if isinstance(value, int) else None


both_versions = pytest.mark.parametrize("version", [TLS12, TLS13], ids=label)


# --- openssl s_client ------------------------------------------------------------------------


def s_client(hosted: Hosted, find: Find, name: str, version: int) -> str:
    done = run(
        *(find("openssl"), "s_client", "-connect", f"127.0.0.1:{hosted.host.port}"),
        *("-servername", hosted.host.listing.server_name(name), "-CAfile", hosted.ca, "-status"),
        "-tls1_3" if version == TLS13 else "-tls1_2",
    )
    return done.stdout + done.stderr


@both_versions
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("none", "Cert Status: good"),
        ("revoked", "Cert Status: revoked"),
        ("unknown", "Cert Status: unknown"),
        ("try-later", "OCSP Response Status: trylater"),
        ("absent", "OCSP response: no response sent"),
        ("must-staple-absent", "OCSP response: no response sent"),
    ],
)
def test_openssl_shows_what_is_stapled(
    name: str, shown: str, version: int, hosted: Hosted, interop_command: Find
) -> None:
    told = s_client(hosted, interop_command, name, version)

    assert shown in told
    assert "Verify return code: 0 (ok)" in told


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("malformed", TLS12),
        ("malformed", TLS13),
        ("truncated", TLS12),
        ("truncated", TLS13),
        ("unsolicited", TLS12),
        ("misplaced", TLS12),
        ("misplaced", TLS13),
        ("twice", TLS12),
        ("lying-length", TLS12),
        ("lying-length", TLS13),
        ("message-in-tls13", TLS13),
    ],
    ids=label,
)
@pytest.mark.rule("T3", "T5")
def test_openssl_ends_what_it_can_not_read_with_the_alert_of_the_table(
    name: str, version: int, hosted: Hosted, interop_command: Find
) -> None:
    s_client(hosted, interop_command, name, version)
    hosted.host.close()

    assert hosted.alerts_of(name, version) == {FAULTS[name].alert_in(version)}


# --- curl ------------------------------------------------------------------------------------

CURLE_SSL_INVALIDCERTSTATUS = 91


@both_versions
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("none", 0),
        ("must-staple", 0),
        *(
            (name, CURLE_SSL_INVALIDCERTSTATUS)
            for name in (
                "absent",
                "bad-signature",
                "expired",
                "expired-delegate",
                "future",
                "malformed",
                "no-eku",
                "own-key",
                "revoked",
                "swapped",
                "try-later",
                "unauthorised-signer",
                "unknown",
                "wrong-issuer",
                "wrong-serial",
            )
        ),
    ],
)
def test_curl_refuses_what_the_table_says(
    name: str, code: int, version: int, hosted: Hosted, interop_command: Find
) -> None:
    server_name, port = hosted.host.listing.server_name(name), hosted.host.port
    done = run(
        *(interop_command("curl"), "--cert-status", "--silent", "--show-error"),
        *("--cacert", hosted.ca, "--noproxy", "*", "--output", hosted.directory / "list.json"),
        *("--tls-max", "1.3" if version == TLS13 else "1.2"),
        *("--connect-to", f"{server_name}:443:127.0.0.1:{port}"),
        f"https://{server_name}/faults.json",
    )

    assert done.returncode == code, done.stderr


# --- gnutls-cli ------------------------------------------------------------------------------


def gnutls(hosted: Hosted, find: Find, name: str, version: int) -> subprocess.CompletedProcess[str]:
    server_name = hosted.host.listing.server_name(name)
    number = "1.3" if version == TLS13 else "1.2"
    return run(
        *(find("gnutls-cli"), "--x509cafile", hosted.ca, "--port", hosted.host.port),
        *("--sni-hostname", server_name, "--verify-hostname", server_name),
        *("--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{number}", "127.0.0.1"),
    )


@both_versions
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("revoked", "The certificate chain is revoked"),
        ("expired", "The revocation or OCSP data are old"),
        ("wrong-serial", "The received OCSP status response is invalid"),
        ("bad-signature", "The received OCSP status response is invalid"),
        ("no-eku", "The received OCSP status response is invalid"),
        ("must-staple-absent", "the OCSP status is missing"),
    ],
)
def test_gnutls_refuses_what_the_table_says(
    name: str, reason: str, version: int, hosted: Hosted, interop_command: Find
) -> None:
    done = gnutls(hosted, interop_command, name, version)

    assert done.returncode == 1
    assert reason in done.stdout + done.stderr


@both_versions
@pytest.mark.parametrize("name", ["none", "must-staple"])
def test_gnutls_takes_what_is_right(
    name: str, version: int, hosted: Hosted, interop_command: Find
) -> None:
    done = gnutls(hosted, interop_command, name, version)

    assert done.returncode == 0, done.stderr
    assert "The certificate is trusted" in done.stdout


@pytest.mark.rule("T5")
def test_gnutls_reads_the_staple_of_the_intermediate(hosted: Hosted, interop_command: Find) -> None:
    done = gnutls(hosted, interop_command, "intermediate-revoked", TLS13)

    assert done.returncode == 1
    assert "The certificate chain is revoked" in done.stdout


# --- openssl ocsp ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none", ": good"),
        ("revoked", ": revoked"),
        ("unknown", ": unknown"),
        ("try-later", "Responder Error: trylater (3)"),
        ("bad-signature", "Response Verify Failure"),
        ("no-eku", "Response Verify Failure"),
        ("expired", "Status times invalid"),
        ("wrong-serial", "No Status found"),
        ("wrong-nonce", "Nonce Verify error"),
        ("empty", "Error querying OCSP responder"),
    ],
)
def test_openssl_ocsp_meets_the_same_faults(
    name: str, told: str, hosted: Hosted, interop_command: Find
) -> None:
    chain = hosted.directory / "certificates" / f"{name}.pem"
    intermediate = hosted.directory / "intermediate.pem"
    intermediate.write_bytes(hosted.host.pki.intermediate.issued.certificate_pem)

    done = run(
        *(interop_command("openssl"), "ocsp", "-issuer", intermediate, "-cert", chain),
        *("-CAfile", hosted.ca, "-verify_other", intermediate),
        *("-url", hosted.host.url(FAULTS[name])),
    )

    assert told in done.stdout + done.stderr
