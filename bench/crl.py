"""CRLs of a million entries: reading and looking up, beside `cryptography`; answers meanwhile."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certstatus.ocsp import CertID, Revoked, encode_request, parse_response
from certstatus.pkix import Certificate, CertificateList, HashAlgorithm
from certstatus.sources.crl_listing import read_listing
from certstatus.sources.issued import IssuedSerials
from certstatus.testing import TinyCA, sign_plain
from tests import der
from tests.responding import Responding

__all__ = ["Answering", "Reading", "large_crl", "measure_answering", "measure_reading", "print_crl"]

_MILLION: Final = 1_000_000
_NOW: Final = datetime.now(UTC).replace(microsecond=0)
_DAY: Final = timedelta(days=1)
_OCSP: Final = {"Content-Type": "application/ocsp-request"}
_PAUSE: Final = 0.005
_QUIET_SECONDS: Final = 3
_PATIENCE: Final = 60


# --- a CRL --------------------------------------------------------------------------------


def large_crl(ca: TinyCA, serials: Iterator[int], number: int = 1) -> bytes:
    """Issue a CRL as large CAs do: random serials, seven of ten entries with a reason."""
    random = Random(number)  # noqa: S311 - the same CRL in every run
    empty = ca.crl(number=number, this_update=_NOW - _DAY, next_update=_NOW + _DAY)
    tbs = der.at(empty, 0)
    entries = der.sequence(b"".join(_entry(serial, random) for serial in serials))
    tbs = der.with_member(tbs, (), 5, entries)
    signature = der.bit_string(sign_plain(ca.key, tbs))
    return der.sequence(tbs, der.at(empty, 1), signature)


def _entry(serial: int, random: Random) -> bytes:
    moment = _NOW - _DAY - timedelta(seconds=random.randrange(100_000_000))
    date = der.tlv(0x17, f"{moment:%y%m%d%H%M%SZ}".encode())
    return der.sequence(der.integer(serial), date, random.choice(_REASONS))


_REASON: Final = "2.5.29.21"
_REASONS: Final = [
    *(der.sequence(der.extension(_REASON, der.enumerated(one))) for one in (1, 1, 3, 4, 4, 5, 9)),
    *(b"", b"", b""),
]


def _serials(count: int) -> Iterator[int]:
    random = Random(count)  # noqa: S311 - the same in every run
    return (random.getrandbits(127) for _ in range(count))


# --- reading ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read and ask: seconds of one core, mebibytes beside the file, microseconds."""

    way: str
    seconds: float
    mebibytes: float
    lookup_microseconds: float


def _ours(data: bytes, ca: Certificate) -> Callable[[int], object]:
    return read_listing(CertificateList.load(data), [ca], now=_NOW).entries.get


def _theirs(data: bytes, ca: Certificate) -> x509.CertificateRevocationList:
    crl = x509.load_der_x509_crl(data)
    assert isinstance(ca.public_key, ec.EllipticCurvePublicKey)
    assert crl.is_signature_valid(ca.public_key)
    return crl


def _asked(data: bytes, ca: Certificate) -> Callable[[int], object]:
    return _theirs(data, ca).get_revoked_certificate_by_serial_number


def _dictionary(data: bytes, ca: Certificate) -> Callable[[int], object]:
    return {one.serial_number: one for one in _theirs(data, ca)}.get


def _issued(data: bytes, _: Certificate) -> Callable[[int], object]:
    issued = IssuedSerials(data, where="issued")
    return lambda serial: serial in issued or None


_WAYS: Final[
    dict[str, tuple[str, int, Callable[[bytes, Certificate], Callable[[int], object]]]]
] = {
    "certstatus, a CRL": ("ca.crl", 10_000, _ours),
    "cryptography, its own look-up": ("ca.crl", 20, _asked),
    "cryptography, all entries in a dict": ("ca.crl", 10_000, _dictionary),
    "certstatus, a list of issued serials": ("issued.txt", 10_000, _issued),
}
"""What is read, how many serials are asked for, and how."""


def measure_reading(count: int = _MILLION) -> list[Reading]:
    """Read each way in a process of its own."""
    ca = TinyCA()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "ca.der").write_bytes(ca.certificate.der)
        (place / "ca.crl").write_bytes(large_crl(ca, _serials(count)))
        issued = "".join(f"{serial:X}\n" for serial in _serials(count))
        (place / "issued.txt").write_text(issued, encoding="ascii")
        return [_in_process(way, folder, count) for way in _WAYS]


def _in_process(way: str, folder: str, count: int) -> Reading:
    command = [sys.executable, "-m", "bench.crl", way, folder, str(count)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Reading(**json.loads(told))


def _measure(way: str, folder: Path, count: int) -> Reading:
    name, asked, read = _WAYS[way]
    data = (folder / name).read_bytes()
    ca = Certificate.from_der((folder / "ca.der").read_bytes())
    before, started = _memory("VmRSS"), time.process_time()
    look_up = read(data, ca)
    seconds = time.process_time() - started
    most = _memory("VmHWM") - before
    serials = list(islice(_serials(count), 0, None, count // asked))[:asked]
    started = time.process_time()
    found = sum(look_up(serial) is not None for serial in serials)
    microseconds = (time.process_time() - started) / asked * 1e6
    assert found == asked
    return Reading(
        way=way, seconds=seconds, mebibytes=most / 1024, lookup_microseconds=microseconds
    )


def _memory(name: str) -> int:
    """Return a figure of this process in kibibytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


# --- answers meanwhile --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How long answers took: milliseconds."""

    when: str
    answers: int
    seconds: float
    median: float
    most_of_99: float
    longest: float

    @classmethod
    def of(cls, when: str, seconds: float, times: list[float]) -> Answering:
        """Sum up."""
        ordered = sorted(one * 1e3 for one in times)
        return cls(
            when=when,
            answers=len(ordered),
            seconds=seconds,
            median=ordered[len(ordered) // 2],
            most_of_99=ordered[len(ordered) * 99 // 100],
            longest=ordered[-1],
        )


def measure_answering(count: int = _MILLION) -> list[Answering]:
    """Ask one worker, kept alive, each answer signed; then replace its CRL and go on asking."""
    ca = TinyCA()
    delegate = ca.issue_responder(not_before=_NOW - _DAY)
    added = 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ca.der").write_bytes(ca.certificate.der)
        (folder / "responder.pem").write_bytes(delegate.certificate_pem)
        (folder / "responder.key").write_bytes(delegate.key_pem())
        (folder / "responder.key").chmod(0o600)
        (folder / "ca.crl").write_bytes(large_crl(ca, _serials(count)))
        aside = folder / "ca.new"
        aside.write_bytes(large_crl(ca, _chained(_serials(count), added), number=2))
        arguments = [
            *("--no-access-log", "--port", "0", "--ca", "ca.der", "--unlisted", "good"),
            *("--signer", "responder.pem", "--key", "responder.key", "--crl", "ca.crl"),
        ]
        with Responding(arguments, folder) as responder:
            question = encode_request([CertID.of(ca.certificate, added, HashAlgorithm.SHA256)])
            return list(_ask_on(responder.url, question, lambda: aside.replace(folder / "ca.crl")))


def _chained(serials: Iterator[int], more: int) -> Iterator[int]:
    yield more
    yield from serials


def _ask_on(url: str, question: bytes, change: Callable[[], Any]) -> Iterator[Answering]:
    address = urlsplit(url)
    assert address.hostname is not None
    with closing(http.client.HTTPConnection(address.hostname, address.port)) as connection:
        quiet = time.perf_counter()
        times = []
        while (now := time.perf_counter()) < quiet + _QUIET_SECONDS:
            assert not _is_revoked(connection, question)
            times.append(time.perf_counter() - now)
            time.sleep(_PAUSE)
        yield Answering.of("nothing is read", _QUIET_SECONDS, times)
        times, is_revoked, started = [], False, time.perf_counter()
        change()
        while not is_revoked and (now := time.perf_counter()) < started + _PATIENCE:
            is_revoked = _is_revoked(connection, question)
            times.append(time.perf_counter() - now)
            time.sleep(_PAUSE)
        assert is_revoked
        yield Answering.of("another CRL is read", time.perf_counter() - started, times)


def _is_revoked(connection: http.client.HTTPConnection, question: bytes) -> bool:
    connection.request("POST", "/", question, _OCSP)
    response = parse_response(connection.getresponse().read())
    assert response.basic is not None
    (single,) = response.basic.tbs_response_data.responses
    return isinstance(single.cert_status, Revoked)


# --- printing -----------------------------------------------------------------------------


def print_crl(readings: list[Reading], answerings: list[Answering]) -> None:
    """Print two Markdown tables."""
    print("| | reading, of one core | memory beside the file | a look-up |")
    print("|---|---:|---:|---:|")
    for one in readings:
        print(
            f"| {one.way} | {one.seconds:.2f} s | {one.mebibytes:,.0f} MiB "
            f"| {one.lookup_microseconds:,.1f} µs |"
        )
    print("\nMeanwhile answers are given from the old one; milliseconds seen by one client:\n")
    print("| while | seconds | answers | median | 99 % within | longest |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in answerings:
        print(
            f"| {row.when} | {row.seconds:.1f} | {row.answers:,} | {row.median:.2f} "
            f"| {row.most_of_99:.2f} | {row.longest:.2f} |"
        )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(asdict(_measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))))
    else:
        size = int(sys.argv[1]) if len(sys.argv) > 1 else _MILLION
        print_crl(measure_reading(size), measure_answering(size))
