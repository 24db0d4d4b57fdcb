"""`openssl ocsp` over an index says what our responder does over index, CRL and database."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from certstatus.ocsp import (
    CertID,
    CertStatus,
    InvalidityDate,
    SingleResponse,
    Unknown,
    encode_request,
    parse_response,
)
from certstatus.pkix import HashAlgorithm
from certstatus.responder import Authority
from certstatus.sources import EntryExtensions, Source, StatusDatabase
from tests.desk import CA, DELEGATE, authority, basic, respond
from tests.population import (
    POPULATIONS,
    Population,
    crl_of,
    fill,
    in_crl,
    in_database,
    in_index,
    index_of,
    strangers,
)

pytestmark = pytest.mark.interop

Told = dict[int, tuple[CertStatus, InvalidityDate | None]]
PROFILE = EntryExtensions.CABF
"""What `openssl ocsp` puts into singleExtensions: invalidityDate, and no reasonCode."""


@pytest.fixture(scope="module")
def openssl(
    interop_command: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[bytes, bytes], bytes]:
    """Give the function that has `openssl ocsp` answer a request from an index."""
    folder = tmp_path_factory.mktemp("openssl")
    (folder / "ca.pem").write_bytes(CA.issued.certificate_pem)
    (folder / "responder.pem").write_bytes(DELEGATE.certificate_pem)
    (folder / "responder.key").write_bytes(DELEGATE.key_pem())
    command = [
        *(str(interop_command("openssl")), "ocsp", "-index", "index.txt", "-CA", "ca.pem"),
        *("-rsigner", "responder.pem", "-rkey", "responder.key", "-ndays", "4"),
        *("-reqin", "request.der", "-respout", "response.der"),
    ]

    def answer(index: bytes, request: bytes) -> bytes:
        (folder / "index.txt").write_bytes(index)
        (folder / "request.der").write_bytes(request)
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
        return (folder / "response.der").read_bytes()

    return answer


def told(singles: tuple[SingleResponse, ...]) -> Told:
    return {
        one.cert_id.serial_number: (one.cert_status, one.single_extensions.get(InvalidityDate))
        for one in singles
    }


def theirs(der: bytes) -> Told:
    response = parse_response(der)
    assert response.basic is not None
    return told(response.basic.tbs_response_data.responses)


def ours(source: Source, request: bytes) -> Told:
    served: Authority = replace(authority(), source=source)
    reply = respond(served, request, max_certificates=1000)
    return told(basic(reply).tbs_response_data.responses)


def sources(folder: Path, population: Population, running: ExitStack) -> Iterator[Source]:
    """Make each kind of source that lists what was issued."""
    der = crl_of(CA, population)
    yield in_index(folder, CA, population, PROFILE)
    yield in_crl(folder, CA, population, PROFILE, der)
    database = running.enter_context(StatusDatabase.create(folder / "status.db"))
    fill(database, CA, index_of(dict.fromkeys(population)), der)
    yield in_database(database, CA, PROFILE)


@pytest.mark.rule("O12", "O28", "C9", "E1")
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(population=POPULATIONS)
def test_openssl_over_the_same_index_agrees(
    openssl: Callable[[bytes, bytes], bytes], population: Population
) -> None:
    serials = [*population, *strangers(population)]
    for algorithm in (HashAlgorithm.SHA1, HashAlgorithm.SHA256):
        request = encode_request(
            [CertID.of(CA.certificate, serial, algorithm) for serial in serials]
        )
        expected = theirs(openssl(index_of(population), request))
        with tempfile.TemporaryDirectory() as name, ExitStack() as running:
            for source in sources(Path(name), population, running):
                assert ours(source, request) == expected, source.name

        unknown = {serial for serial, (status, _) in expected.items() if status == Unknown()}
        assert unknown == set(serials) - set(population)
