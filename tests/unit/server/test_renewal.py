"""A signer's successor passes the gate before it stands; what fails changes nothing."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certstatus.limits_signers import MAX_RENEWAL_RETRY, RENEWAL_RETRY, SIGNER_LIFE
from certstatus.pkix import Certificate
from certstatus.responder import AuthorityPolicy
from certstatus.server.config import RenewConfig, SignerConfig
from certstatus.server.log import make_logger
from certstatus.server.renewal import Renewal, RenewalResult, renewals_of
from certstatus.server.renewal_state import locked_record
from certstatus.server.renewing import Renewer
from certstatus.server.signer_events import SignerTeller
from certstatus.server.signers import SignerLoader
from certstatus.signing import Profile, key_pem, load_key
from certstatus.testing import FixedClock, Issued
from tests.signing import AUTHORITY, DAY, NOW, Racked, who

SECOND = timedelta(seconds=1)
DUE = NOW + 20 * DAY
"""A third of its life is left to a signer of thirty days."""


class Renewed(Racked):
    """A signer of thirty days, and what renews it."""

    renew: RenewConfig
    more: dict[str, Any]

    def loader(self, **more: Any) -> SignerLoader:
        """Make what loads it, with the policy of the CA/Browser Forum."""
        teller = SignerTeller(AUTHORITY, self.counts, make_logger(self.written, as_json=True))
        config = SignerConfig(
            certificate=self.folder / "signer.pem",
            key=self.folder / "signer.key",
            **{"renew": self.renew} | self.more | more,
        )
        return SignerLoader(
            config=config,
            issuer=self.ca.certificate,
            policy=AuthorityPolicy(profile=Profile.CABF),
            meter=self.counts,
            teller=teller,
        )

    @property
    def renewal(self) -> Renewal:
        """What renews it."""
        (renewal,) = renewals_of((self.loader(),))
        return renewal

    @property
    def standing(self) -> Certificate:
        """What stands in the file."""
        (certificate,) = Certificate.load((self.folder / "signer.pem").read_bytes())
        return certificate

    @property
    def files(self) -> set[str]:
        """What is in the folder."""
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def renewed(tmp_path: Path) -> Iterator[Renewed]:
    """Lend a signer that the CA's key renews."""
    one = Renewed(tmp_path)
    one.put(one.ca.issue_responder("Old", not_before=NOW, not_after=NOW + 30 * DAY))
    (tmp_path / "ca.key").write_bytes(one.ca.issued.key_pem())
    (tmp_path / "ca.key").chmod(0o600)
    one.renew = RenewConfig(ca_key=tmp_path / "ca.key")
    one.more = {}
    yield one
    assert not [name for name in one.files if name.endswith(".next") or name.startswith(".")]


# --- when ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "more", "before"),
    [
        (30 * DAY, {}, 10 * DAY),
        (12 * DAY, {}, 8 * DAY),
        (9 * DAY, {}, 6 * DAY),
        (30 * DAY, {"renew_before": 12 * DAY}, 12 * DAY),
    ],
)
def test_it_is_due_with_a_third_of_its_life_left_or_time_for_two_answers(
    renewed: Renewed, life: timedelta, more: dict[str, Any], before: timedelta
) -> None:
    renewed.more = more
    renewed.put(renewed.ca.issue_responder(not_before=NOW, not_after=NOW + life))

    assert renewed.renewal.due() == NOW + life - before
    assert renewed.renewal.run(NOW + life - before - SECOND).result is RenewalResult.NOT_DUE
    assert renewed.renewal.run(NOW + life - before).result is RenewalResult.RENEWED


def test_force_renews_what_is_not_due_also_to_what_ends_before(renewed: Renewed) -> None:
    assert renewed.renewal.run(NOW + DAY, force=True).result is RenewalResult.RENEWED
    assert renewed.standing.not_after == NOW + DAY + SIGNER_LIFE
    renewed.renew = RenewConfig(ca_key=renewed.folder / "ca.key", life=9 * DAY)
    assert renewed.renewal.run(NOW + DAY, force=True).result is RenewalResult.RENEWED
    assert renewed.standing.not_after == NOW + 10 * DAY


# --- by the CA's key -----------------------------------------------------------------------


@pytest.mark.rule("B6", "O22", "O24")
def test_the_cas_key_issues_a_successor_for_the_same_key_and_name(renewed: Renewed) -> None:
    old, key = renewed.standing, (renewed.folder / "signer.key").read_bytes()
    outcome = renewed.renewal.run(DUE)

    new = renewed.standing
    assert (outcome.result, outcome.certificate) == (RenewalResult.RENEWED, new)
    assert (new.subject, new.public_key) == (old.subject, old.public_key)
    assert new.not_after == DUE + SIGNER_LIFE
    assert new.serial_number != old.serial_number
    assert (renewed.folder / "signer.key").read_bytes() == key
    assert renewed.told == ["renewed"]
    assert renewed.files == {"ca.key", "signer.key", "signer.pem", "signer.pem.renewal"}


@pytest.mark.parametrize("password", [None, b"secret"])
def test_a_new_key_comes_with_its_certificate_and_under_the_same_password(
    renewed: Renewed, password: bytes | None
) -> None:
    renewed.renew = RenewConfig(ca_key=renewed.folder / "ca.key", new_key=True)
    key = renewed.folder / "signer.key"
    if password:
        (renewed.folder / "password").write_bytes(password + b"\n")
        renewed.more = {"password_file": renewed.folder / "password"}
        key.write_bytes(key_pem(load_key(key).key, password))
    before = renewed.standing.public_key
    outcome = renewed.renewal.run(DUE)

    assert outcome.error is None
    assert load_key(key, password).key.public_key() == renewed.standing.public_key != before
    assert (b"ENCRYPTED" in key.read_bytes()) == bool(password)
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_watched_signer_passes_to_its_successor(renewed: Renewed) -> None:
    rack = renewed.rack()
    renewed.renewal.run(DUE)
    rack.look(DUE + SECOND)

    assert who(rack, DUE + SECOND) == [renewed.standing.serial_number]
    assert renewed.told == ["renewed", "reloaded", "rotated"]


@pytest.mark.parametrize("spoil", ["gone", "other", "server"])
def test_what_the_ca_can_not_do_is_an_alarm_and_changes_nothing(
    renewed: Renewed, spoil: str
) -> None:
    if spoil == "gone":
        (renewed.folder / "ca.key").unlink()
    elif spoil == "other":
        (renewed.folder / "ca.key").write_bytes(renewed.ca.issue().key_pem())
    else:
        renewed.ca = type(renewed.ca)("Another CA")
    old = (renewed.folder / "signer.pem").read_bytes()
    outcome = renewed.renewal.run(DUE)

    assert outcome.result is RenewalResult.FAILED
    assert outcome.error
    assert (renewed.folder / "signer.pem").read_bytes() == old
    assert renewed.told == ["renewal-failed"]
    assert renewed.counts.seen["signer_events", AUTHORITY, "renewal-failed"] == 1


def test_the_ca_itself_is_not_renewed(renewed: Renewed) -> None:
    renewed.put(renewed.ca.issued)
    outcome = renewed.renewal.run(NOW, force=True)

    assert outcome.error is not None
    assert "holds no delegate" in outcome.error
    assert renewed.standing == renewed.ca.certificate


# --- by a command --------------------------------------------------------------------------


def by(renewed: Renewed, code: str, *, new_key: bool = False) -> None:
    """Let a line of Python be the command."""
    renewed.renew = RenewConfig(command=(sys.executable, "-c", code), new_key=new_key)


def offering(renewed: Renewed, issued: Issued, *, key: bool = False) -> str:
    """Write the code of a command that hands out a certificate, and maybe its key."""
    (renewed.folder / "offer.pem").write_bytes(issued.certificate_pem)
    (renewed.folder / "offer.key").write_bytes(issued.key_pem())
    copies = ["import os, shutil", _copy(renewed, "offer.pem", "CERTSTATUS_NEW_CERTIFICATE")]
    return "; ".join(
        [*copies, _copy(renewed, "offer.key", "CERTSTATUS_NEW_KEY")] if key else copies
    )


def _copy(renewed: Renewed, name: str, variable: str) -> str:
    return f"shutil.copyfile({str(renewed.folder / name)!r}, os.environ[{variable!r}])"


def of_old_key(renewed: Renewed, **wishes: Any) -> Issued:
    """Issue a successor for the key that stands."""
    wishes = {"not_before": DUE, "not_after": DUE + 30 * DAY} | wishes
    key = load_key(renewed.folder / "signer.key").key
    return renewed.ca.issue_responder("New", key=key, **wishes)


@pytest.mark.parametrize("new_key", [False, True])
def test_a_command_gets_a_request_and_says_the_certificate(
    renewed: Renewed, tmp_path: Path, new_key: bool
) -> None:
    (tmp_path / "ca.pem").write_bytes(renewed.ca.issued.certificate_pem)
    code = (
        "import os, subprocess, sys; subprocess.run([sys.executable, '-m', 'certstatus', 'signer',"
        f" 'issue', '--ca', {str(tmp_path / 'ca.pem')!r}, '--ca-key', {str(tmp_path / 'ca.key')!r},"
        " '--csr', os.environ['CERTSTATUS_REQUEST'], '-o',"
        " os.environ['CERTSTATUS_NEW_CERTIFICATE']], check=True)"
    )
    by(renewed, code, new_key=new_key)
    old = renewed.standing
    outcome = renewed.renewal.run(NOW, force=True)

    assert outcome.error is None, outcome.error
    assert renewed.standing.subject == old.subject
    assert (renewed.standing.public_key == old.public_key) != new_key
    key = load_key(tmp_path / "signer.key").key
    assert key.public_key() == renewed.standing.public_key


def test_a_command_may_bring_a_key_of_its_own(renewed: Renewed) -> None:
    wishes: dict[str, Any] = {"not_before": DUE, "not_after": DUE + 30 * DAY}
    issued = renewed.ca.issue_responder("Own", **wishes)
    by(renewed, offering(renewed, issued, key=True))

    assert renewed.renewal.run(DUE).error is None
    assert renewed.standing == issued.certificate
    assert load_key(renewed.folder / "signer.key").key.public_key() == issued.key.public_key()


def test_it_is_told_what_stands_where(renewed: Renewed, tmp_path: Path) -> None:
    said = tmp_path / "said"
    by(renewed, f"import os; open({str(said)!r}, 'w').write(repr(dict(os.environ)))")
    renewed.renewal.run(DUE)

    told = said.read_text()
    for name, value in (
        ("AUTHORITY", AUTHORITY),
        ("CERTIFICATE", str(tmp_path / "signer.pem")),
        ("KEY", str(tmp_path / "signer.key")),
    ):
        assert f"'CERTSTATUS_{name}': {value!r}" in told


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "the same end": ({"not_after": NOW + 30 * DAY}, "no later than the old one"),
    "no nocheck": ({"nocheck": False}, r"is refused: .*lacks nocheck.*\[B6\]"),
    "too late": (
        {"not_before": NOW + 30 * DAY, "not_after": NOW + 60 * DAY},
        "valid from .* on, too late",
    ),
}


@pytest.mark.rule("B6", "O22")
@pytest.mark.parametrize("case", BAD)
def test_what_does_not_pass_the_gate_or_is_of_no_use_does_not_replace_the_old(
    renewed: Renewed, case: str
) -> None:
    wishes, words = BAD[case]
    old = renewed.standing
    by(renewed, offering(renewed, of_old_key(renewed, **wishes)))
    outcome = renewed.renewal.run(DUE)

    assert outcome.result is RenewalResult.FAILED
    assert outcome.error is not None
    assert re.search(words, outcome.error)
    assert renewed.standing == old
    assert renewed.told == ["renewal-failed"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("pass", "wrote no certificate to $CERTSTATUS_NEW_CERTIFICATE"),
        ("exit('the CA says no')", "ended with 1: the CA says no"),
        (
            "import os; open(os.environ['CERTSTATUS_NEW_CERTIFICATE'], 'w').write('half')",
            "the new signer is refused: candidate.pem",
        ),
        (
            "import os; [open(os.environ[f'CERTSTATUS_NEW_{n}'], 'w') for n in ('KEY', 'CERTIFICATE')]",
            "the new signer is refused: candidate.key",
        ),
    ],
)
def test_a_command_that_fails_or_hands_out_nonsense_changes_nothing(
    renewed: Renewed, code: str, words: str
) -> None:
    before = {path: path.read_bytes() for path in renewed.folder.iterdir()}
    by(renewed, code)
    outcome = renewed.renewal.run(DUE)

    assert words in str(outcome.error)
    assert {path: path.read_bytes() for path in before} == before
    assert ".renewal-" not in str(outcome.error)


def test_what_a_renewal_that_was_killed_has_left_goes_with_the_next(renewed: Renewed) -> None:
    left = renewed.folder / ".signer.pem.renewal-abc"
    left.mkdir(0o700)
    (left / "key.pem").write_bytes(b"a new key")

    assert renewed.renewal.run(DUE).result is RenewalResult.RENEWED
    assert not left.exists()


# --- once, and again -----------------------------------------------------------------------


def test_only_one_process_renews(renewed: Renewed) -> None:
    with locked_record(renewed.folder / "signer.pem"):
        outcome = renewed.renewal.run(DUE)

    assert outcome.result is RenewalResult.BUSY
    assert renewed.told == []


def test_a_failure_is_tried_again_after_a_while_by_whatever_process(renewed: Renewed) -> None:
    by(renewed, "exit(1)")
    assert renewed.renewal.run(DUE).result is RenewalResult.FAILED
    assert renewed.renewal.run(DUE + SECOND).result is RenewalResult.WAITING
    assert renewed.renewal.run(DUE + RENEWAL_RETRY).result is RenewalResult.FAILED
    assert renewed.renewal.run(DUE + 2 * RENEWAL_RETRY).result is RenewalResult.WAITING
    renewed.renew = RenewConfig(ca_key=renewed.folder / "ca.key")
    assert renewed.renewal.run(DUE + 3 * RENEWAL_RETRY).result is RenewalResult.RENEWED
    assert renewed.told == ["renewal-failed", "renewal-failed", "renewed"]


def test_a_ca_whose_certificates_are_due_at_once_is_not_asked_for_ever(renewed: Renewed) -> None:
    renewed.more = {"renew_before": 29 * DAY}
    renewed.renew = RenewConfig(ca_key=renewed.folder / "ca.key", life=29 * DAY)

    results = [
        renewed.renewal.run(DUE + after).result
        for after in (timedelta(0), SECOND, MAX_RENEWAL_RETRY - SECOND, MAX_RENEWAL_RETRY)
    ]
    assert results == ["renewed", "waiting", "waiting", "renewed"]


def test_a_folder_that_can_not_be_written_is_an_alarm_now_and_then(renewed: Renewed) -> None:
    clock = FixedClock(DUE)
    (renewed.folder / "signer.pem.renewal").mkdir()
    loader = renewed.loader()
    renewer = Renewer(lambda: [loader], clock)
    for _ in range(10):
        renewer.look(threading.Event())
        clock.advance(RENEWAL_RETRY / 4)

    assert renewed.told == ["renewal-failed"] * 2
    (renewed.folder / "signer.pem.renewal").rmdir()
    clock.advance(RENEWAL_RETRY * 2)
    renewer.look(threading.Event())
    assert renewed.told[2:] == ["renewed"]


def test_one_who_is_to_stop_begins_nothing(renewed: Renewed) -> None:
    stop, loader = threading.Event(), renewed.loader()
    stop.set()
    Renewer(lambda: [loader], FixedClock(DUE)).look(stop)

    assert renewed.told == []


def test_where_nobody_says_how_nothing_is_renewed(renewed: Renewed) -> None:
    loader = renewed.loader(renew=None)

    assert renewals_of((loader,)) == ()


def test_words_for_people_stand_for_every_result() -> None:
    assert len({one.words for one in RenewalResult}) == len(RenewalResult)
