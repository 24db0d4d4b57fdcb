"""Joined CRLs under damage: no half-written or bent byte makes a revoked certificate good."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from certstatus.errors import CertStatusError, MalformedError
from certstatus.ocsp import Revoked
from certstatus.pkix import CertificateList
from certstatus.sources import CRL, Known
from certstatus.sources.crl_listing import read_listing
from certstatus.testing import TinyCA
from tests.books import DAY, HOLD, LATER, NOW, REMOVED, ask, crl, issued_by, scope

CA = TinyCA()
CRL_ISSUER = TinyCA("CRL issuer", parent=CA)
SIGNERS = [CA.certificate, CRL_ISSUER.certificate]
LOST, FINE = 0x9B, 0x9A
DELTA = crl(
    CRL_ISSUER,
    (1, [REMOVED]),
    (LOST, [issued_by(CA)]),
    (FINE, [HOLD, issued_by(CA)]),
    number=2,
    delta_of=1,
    extensions=[scope(indirect_crl=True), (CA.key_identifier, False)],
)


def test_an_indirect_delta_is_read_whole_or_not_at_all() -> None:
    for size in range(len(DELTA)):
        with pytest.raises(MalformedError):
            read_listing(CertificateList.load(DELTA[:size]), SIGNERS, now=NOW)


def test_no_flipped_byte_makes_another_listing_believed() -> None:
    signed = read_listing(CertificateList.load(DELTA), SIGNERS, now=NOW).entries
    chance = random.Random(20261121)
    for position in range(len(DELTA)):
        bent = bytearray(DELTA)
        bent[position] ^= chance.randrange(1, 256)
        try:
            listing = read_listing(CertificateList.load(bytes(bent)), SIGNERS, now=NOW)
        except MalformedError:
            continue
        assert listing.entries == signed  # as in an unused bit of the signature's frame


@pytest.mark.rule("C1", "C9")
@pytest.mark.parametrize("name", ["full.crl", "delta.crl", "new.crl"])
def test_a_file_that_is_written_slowly_never_takes_a_revocation_back(
    tmp_path: Path, name: str
) -> None:
    """Full, delta or new beside them: at each length the answer is the old one or the new."""
    (tmp_path / "full.crl").write_bytes(crl(CA, number=1))
    (tmp_path / "delta.crl").write_bytes(crl(CA, LOST, number=2, delta_of=1))
    source = CRL(tmp_path, CA.certificate, now=NOW)
    is_delta = name == "delta.crl"
    new = crl(CA, LOST, FINE, number=3, delta_of=1 if is_delta else None, next_update=NOW + DAY)

    now = NOW
    for size in (*range(0, len(new), 16), len(new)):
        (tmp_path / name).write_bytes(new[:size])
        now += LATER
        answer = ask(source, CA, LOST, now)
        assert isinstance(answer, Known)
        assert isinstance(answer.cert_status, Revoked)
    assert isinstance(ask(source, CA, FINE, now + 6 * LATER), Known)


@pytest.mark.rule("C8")
def test_a_folder_of_rubbish_stops_no_start_and_no_answer(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    for number in range(50):
        (tmp_path / f"{number}.crl").write_bytes(chance.randbytes(number * 7))
    (tmp_path / "folder.crl").mkdir()
    (tmp_path / "nowhere.crl").symlink_to("no such file")
    with pytest.raises(CertStatusError):
        CRL(tmp_path, CA.certificate, now=NOW)
    (tmp_path / "ca.crl").write_bytes(crl(CA, LOST))

    answer = ask(CRL(tmp_path, CA.certificate, now=NOW), CA, LOST)
    assert isinstance(answer, Known)
