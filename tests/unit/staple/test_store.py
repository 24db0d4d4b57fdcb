"""Staples on disk: whole, durable, their owner's alone, and believed only when verified anew."""

from __future__ import annotations

import errno
import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import cache as once
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, MalformedError, UntrustedError
from certstatus.limits import MAX_CERTIFICATE_BYTES, MAX_RESPONSE_BYTES, MAX_STORED_STAPLES
from certstatus.ocsp import Unknown
from certstatus.pkix import Certificate
from certstatus.staple.held import Held, Origin, hold
from certstatus.staple.store import StapleStore
from certstatus.testing import Forge, TinyCA
from certstatus.verify import NoncePolicy, VerifyPolicy, verify_response
from tests.feeding import CA, DAY, DELEGATE, HOUR, NOW

LEAF = CA.issue_server().certificate
POLICY = VerifyPolicy()


def forge(leaf: Certificate = LEAF) -> Forge:
    return Forge.honest(CA, leaf.serial_number, DELEGATE)


@once
def held(leaf: Certificate = LEAF) -> Held:
    report = verify_response(forge(leaf).der, issuer=CA.certificate, certificate=leaf, now=NOW)
    found = hold(
        report.require(),
        leaf,
        CA.certificate,
        policy=POLICY,
        url="http://ocsp.example/",
        origin=Origin.RESPONDER,
        fresh_until=NOW + HOUR,
    )
    assert found is not None
    return found


def load(
    store: StapleStore, leaf: Certificate = LEAF, *issuers: Certificate, **settings: object
) -> Held | None:
    given = {"now": NOW, "policy": POLICY} | settings
    return store.load(leaf, issuers, **given)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> StapleStore:
    """Give a store that holds the leaf's staple."""
    store = StapleStore(tmp_path / "staples")
    store.keep(LEAF, held())
    return store


def file_of(store: StapleStore, leaf: Certificate = LEAF) -> Path:
    return store.directory / f"{leaf.fingerprint.hex()}.staple"


def test_what_is_kept_is_loaded_with_its_issuer(store: StapleStore) -> None:
    found = load(store)

    assert found is not None
    assert found.staple.der == held().staple.der
    assert (found.issuer, found.url, found.origin) == (
        CA.certificate,
        "http://ocsp.example/",
        Origin.DISK,
    )
    assert (found.end, found.fresh_until) == (held().end, NOW + HOUR)


def test_nothing_is_loaded_where_nothing_was_kept(store: StapleStore, tmp_path: Path) -> None:
    assert load(store, CA.issue_server().certificate) is None
    assert load(StapleStore(tmp_path / "elsewhere")) is None


def test_the_directory_and_its_files_are_their_owners_alone(store: StapleStore) -> None:
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert file_of(store).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in store.directory.iterdir()] == [file_of(store).name]


def test_the_file_is_json_and_der_and_nothing_to_execute(store: StapleStore) -> None:
    line, _, der = file_of(store).read_bytes().partition(b"\n")

    assert set(json.loads(line)) == {"format", "certificate", "issuer", "freshUntil", "url"}
    assert der == held().staple.der


def test_file_and_directory_are_flushed_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)

    StapleStore(tmp_path / "staples").keep(LEAF, held())

    assert len(flushed) == 2
    assert flushed[0].startswith(".new-")
    assert flushed[1] == "staples"


Damage = Callable[[bytes], bytes]


def told(**changes: object) -> Damage:
    """Change what stands in the first line."""

    def change(data: bytes) -> bytes:
        line, _, der = data.partition(b"\n")
        return json.dumps(json.loads(line) | changes).encode() + b"\n" + der

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"\x80\x04\x95pickle",
        lambda _: b"[" * 100_000,
        lambda _: b"[]\n",
        lambda data: data[:-1],
        lambda data: data.partition(b"\n")[0],
        lambda data: data + bytes(MAX_RESPONSE_BYTES),
        told(format=2),
        told(certificate="00"),
        told(issuer="!"),
        told(issuer=b64encode(b"no certificate").decode()),
        told(issuer=b64encode(TinyCA("Feeding CA").certificate.der).decode()),
        told(freshUntil="soon"),
        told(freshUntil=10**30),
    ],
)
def test_a_file_that_is_damaged_or_foreign_is_removed_and_told(
    store: StapleStore, damage: Damage
) -> None:
    file_of(store).write_bytes(damage(file_of(store).read_bytes()))

    with pytest.raises(MalformedError):
        load(store)

    assert list(store.directory.iterdir()) == []
    assert load(store) is None


@pytest.mark.parametrize(
    ("twist", "rule"),
    [
        (lambda one: one.but(sign=lambda _: b"no signature"), "O21"),
        (lambda one: one.but(signer=TinyCA("Feeding CA").issue_responder()), "O23"),
        (lambda _: forge(CA.issue_server().certificate), "O15"),
    ],
    ids=["signature", "stranger", "another certificate"],
)
@pytest.mark.rule("T12")
def test_a_stored_response_is_believed_only_when_verified_anew(
    store: StapleStore, twist: Callable[[Forge], Forge], rule: str
) -> None:
    line = file_of(store).read_bytes().partition(b"\n")[0]
    file_of(store).write_bytes(line + b"\n" + twist(forge()).der)

    with pytest.raises(UntrustedError) as caught:
        load(store)

    assert rule in [
        one.rule
        for one in caught.value.report.failures  # type: ignore[attr-defined]
    ]
    assert not file_of(store).exists()


def test_a_stored_unknown_is_removed(store: StapleStore) -> None:
    line = file_of(store).read_bytes().partition(b"\n")[0]
    file_of(store).write_bytes(line + b"\n" + forge().but(cert_status=Unknown()).der)

    with pytest.raises(UntrustedError, match="says unknown"):
        load(store)

    assert not file_of(store).exists()


@pytest.mark.parametrize("moment", [held().end, held().end + 9000 * DAY, NOW - 9000 * DAY])
def test_what_does_not_hold_now_is_left_for_a_clock_put_right(
    store: StapleStore, moment: object
) -> None:
    assert load(store, now=moment) is None

    assert load(store) is not None


def test_a_delegate_whose_own_status_must_be_asked_waits_for_the_network(
    store: StapleStore,
) -> None:
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=["http://ocsp.example/"])
    line = file_of(store).read_bytes().partition(b"\n")[0]
    file_of(store).write_bytes(line + b"\n" + forge().but(signer=delegate).der)

    assert load(store) is None
    assert file_of(store).exists()


def test_a_nonce_that_is_required_is_not_of_the_stored(store: StapleStore) -> None:
    assert load(store, policy=replace(POLICY, nonce=NoncePolicy.REQUIRED)) is not None


def test_a_staple_is_one_certificates_alone(store: StapleStore) -> None:
    other = CA.issue_server().certificate
    file_of(store).rename(file_of(store, other))

    with pytest.raises(MalformedError, match="another certificate"):
        load(store, other)


def test_a_given_issuer_goes_before_the_stored_one(store: StapleStore) -> None:
    found = load(store, LEAF, CA.certificate)

    assert found is not None
    assert found.issuer == CA.certificate


# --- the directory -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_directory_that_others_can_write_to_is_not_used(store: StapleStore, mode: int) -> None:
    store.directory.chmod(mode)

    with pytest.raises(ConfigError, match="written to by others"):
        load(store)
    with pytest.raises(ConfigError, match="written to by others"):
        store.keep(LEAF, held())


def test_a_directory_of_somebody_else_is_not_used(
    store: StapleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)

    with pytest.raises(ConfigError, match="belongs to another user"):
        load(store)


def test_a_file_in_the_way_of_the_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "staples").write_text("in the way")

    with pytest.raises(ConfigError, match="is no directory"):
        StapleStore(tmp_path / "staples").keep(LEAF, held())


def test_without_a_home_there_is_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "certstatus.staple.store.user_cache_path", lambda _: Path("~/.cache/certstatus")
    )

    with pytest.raises(ConfigError, match="this user has no home"):
        load(StapleStore())


def test_the_default_directory_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere/cache")

    assert StapleStore().directory == Path("/nowhere/cache/certstatus/staples")


def test_the_number_of_files_is_bounded_and_foreign_files_stay(tmp_path: Path) -> None:
    store = StapleStore(tmp_path / "staples")
    assert store._entries.max_entries == MAX_STORED_STAPLES == 10_000
    store._entries.max_entries = 3
    store.directory.mkdir(mode=0o700)
    foreign = store.directory / "notes.txt"
    foreign.touch()
    os.utime(foreign, (0, 0))

    for _ in range(6):
        leaf = CA.issue_server().certificate
        store.keep(leaf, held(leaf))

    assert len(list(store.directory.glob("*.staple"))) == 3
    assert foreign.exists()


def test_a_disk_that_takes_nothing_is_told_and_what_stood_there_stays(
    store: StapleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("certstatus.requestor.entries.Entries.write", refuse)

    with pytest.raises(ConfigError, match="can't be written to: No space left") as caught:
        store.keep(LEAF, held())

    assert caught.value.file == str(store.directory)
    assert "keep staples in memory" in (caught.value.remedy or "")
    assert load(store) is not None


def test_a_directory_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="can't be read: Not a directory"):
        load(StapleStore(tmp_path / "file" / "staples"))


def test_a_stored_response_is_verified_by_the_policys_own_rules(store: StapleStore) -> None:
    assert load(store, now=NOW + DAY) is not None
    assert load(store, now=NOW + DAY, policy=VerifyPolicy(max_age=HOUR)) is None


def test_the_largest_response_of_the_largest_issuer_is_read(store: StapleStore) -> None:
    largest = MAX_RESPONSE_BYTES + MAX_CERTIFICATE_BYTES * 4 // 3 + 4_096

    assert largest < store._entries._max_bytes < 2 * largest
