"""A configuration is right, or its error names file, key and remedy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError
from certstatus.server.config import Config, load_config
from certstatus.signing import PKCS11URI, Profile

SMALLEST = """
[[authority]]
certificate = "ca.pem"
[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"
[[authority.source]]
index = "index.txt"
"""


def load(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "certstatus.toml"
    file.write_text(text, "utf-8")
    return load_config(file)


def test_the_smallest_configuration_has_careful_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, SMALLEST)

    (authority,) = config.authority
    assert authority.unlisted is None
    assert authority.nonce is None
    assert authority.policy.nonce_mode == "echo"
    assert authority.validity == timedelta(days=4)
    assert config.server.host == "127.0.0.1"
    assert config.server.admin_port is None
    assert config.requests.signatures == "ignore"


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    text = SMALLEST + '[[authority.source]]\ndatabase = "status.db"\n'
    config = load(tmp_path, text)

    (authority,) = config.authority
    assert authority.certificate == tmp_path / "ca.pem"
    assert authority.signer[0].key == tmp_path / "responder.key"
    assert authority.source[0].index == tmp_path / "index.txt"
    assert authority.source[1].database == str(tmp_path / "status.db")


@pytest.mark.parametrize(
    ("written", "names"),
    [('"ca.crl"', ["ca.crl"]), ('["full.crl", "delta.crl"]', ["full.crl", "delta.crl"])],
)
def test_crls_are_one_path_or_several(tmp_path: Path, written: str, names: list[str]) -> None:
    text = SMALLEST.replace('index = "index.txt"', f'crl = {written}\ncrl_issuers = ["root.pem"]')
    (source,) = load(tmp_path, text).authority[0].source

    assert source.crl == tuple(tmp_path / name for name in names)
    assert source.crl_issuers == (tmp_path / "root.pem",)


@pytest.mark.parametrize("key", ["crl", "upstream"])
def test_an_empty_list_is_no_source(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"source\.0\.{key}: .*at least 1 item"):
        load(tmp_path, SMALLEST.replace('index = "index.txt"', f"{key} = []"))


@pytest.mark.parametrize(
    ("written", "urls"),
    [
        ('"http://a.example/"', ("http://a.example/",)),
        (
            '["http://a.example/", "http://b.example/ocsp"]',
            ("http://a.example/", "http://b.example/ocsp"),
        ),
    ],
)
def test_an_upstream_is_one_url_or_several_in_order(
    tmp_path: Path, written: str, urls: tuple[str, ...]
) -> None:
    text = f'upstream = {written}\nupstream_refresh = "30s"'

    (source,) = load(tmp_path, SMALLEST.replace('index = "index.txt"', text)).authority[0].source

    assert source.upstream == urls
    assert source.upstream_refresh == timedelta(seconds=30)


def test_every_setting_of_an_upstream_is_read(tmp_path: Path) -> None:
    text = """upstream = "http://a.example/"
upstream_signers = ["trusted.pem"]
upstream_negative = "1m"
upstream_jitter = 0.25
upstream_url_time = "1s"
upstream_time = "2s"
allow_sha1 = true
crl_id = true
archive_cutoff = true
entry_extensions = "rfc"
"""

    (source,) = load(tmp_path, SMALLEST.replace('index = "index.txt"', text)).authority[0].source

    assert source.upstream_signers == (tmp_path / "trusted.pem",)
    assert source.upstream_negative == timedelta(minutes=1)
    assert source.upstream_jitter == 0.25
    assert (source.upstream_url_time, source.upstream_time) == (
        timedelta(seconds=1),
        timedelta(seconds=2),
    )
    assert source.allow_sha1
    assert source.crl_id


# --- proxies ---------------------------------------------------------------------------------

PROXY = """[[proxy]]
certificate = ["ca1.pem", "ca2.pem"]
upstream = "http://ocsp.example/"
"""


def test_a_proxy_needs_no_authority_beside_it(tmp_path: Path) -> None:
    config = load(tmp_path, PROXY + 'nonce = "forward"\n')

    (proxy,) = config.proxy
    assert config.authority == ()
    assert proxy.certificate == (tmp_path / "ca1.pem", tmp_path / "ca2.pem")
    assert proxy.upstream == ("http://ocsp.example/",)
    assert proxy.nonce == "forward"
    assert proxy.service_locator == ()


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("", "authority", "is missing: write a table [[authority]], [[proxy]] or [scvp]"),
        (PROXY.replace("upstream", "upstrem"), "proxy.0.upstrem", "is no setting"),
        (PROXY.replace('upstream = "http://ocsp.example/"', ""), "proxy.0", "name upstream, or"),
        (PROXY + 'service_locator = "http://a/"\n', "proxy.0", "name upstream, or"),
        (PROXY + "allow_private = true\n", "proxy.0", "allow_private goes with service_locator"),
        (PROXY + 'nonce = "echo"\n', "proxy.0.nonce", "'ignore' or 'forward'"),
        (PROXY.replace("[[proxy]]", "[proxy]"), "proxy", "must be a list: [[proxy]]"),
        (PROXY + "validity = 4\n", "proxy.0.validity", "is no setting"),
    ],
)
def test_a_wrong_key_of_a_proxy_is_named(tmp_path: Path, text: str, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert key in str(caught.value)
    assert message in str(caught.value)


def test_a_database_url_stays_as_it_is(tmp_path: Path) -> None:
    text = SMALLEST.replace('index = "index.txt"', 'database = "sqlite:////srv/status.db"')

    assert load(tmp_path, text).authority[0].source[0].database == "sqlite:////srv/status.db"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("4d", timedelta(days=4)),
    ],
)
def test_lengths_of_time_are_written_with_their_unit(
    tmp_path: Path, text: str, length: timedelta
) -> None:
    named = SMALLEST.replace(
        "[[authority.signer]]", f'validity = "{text}"\nbackdate = "0s"\n[[authority.signer]]'
    )

    assert load(tmp_path, named).authority[0].validity == length


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (("[[authority]]", "[[autority]]"), "autority", "is no setting"),
        (("[[authority]]", "[authority]"), "authority", "must be a list: [[authority]]"),
        (
            ("[[authority.signer]]", "compromised_since = 2026-01-01\n[[authority.signer]]"),
            "compromised_since",
            "timezone",
        ),
        (("[[authority]]", "[server]"), "certificate", "is no setting"),
        (('index = "index.txt"', 'indx = "index.txt"'), "authority.0.source.0", "is no setting"),
        (('index = "index.txt"', ""), "authority.0.source.0", "exactly one"),
        (
            ('index = "index.txt"', 'index = "index.txt"\nupstream_refresh = "1m"'),
            "authority.0.source.0",
            "upstream_refresh goes with upstream",
        ),
        (
            ('index = "index.txt"', 'index = "index.txt"\nallow_sha1 = true'),
            "authority.0.source.0",
            "allow_sha1 goes with crl or upstream",
        ),
        (
            ('index = "index.txt"', 'upstream = "http://a/"\ncrl_url = "http://a/ca.crl"'),
            "authority.0.source.0",
            "crl_url goes with crl",
        ),
        (
            ('index = "index.txt"', 'upstream = "http://a/"\nupstream_jitter = 1.5'),
            "upstream_jitter",
            "less than or equal to 0.9",
        ),
        (
            ('index = "index.txt"', 'upstream = "http://a/"\nupstream_time = "0s"'),
            "upstream_time",
            "must be longer than 0s",
        ),
        (('key = "responder.key"', ""), "authority.0.signer.0", "name certificate and key"),
        (("[[authority.signer]]", "nonce = 1\n[[authority.signer]]"), "nonce", "echo"),
        (
            ("[[authority.signer]]", 'validity = "soon"\n[[authority.signer]]'),
            "authority.0.validity",
            "45s, 30m, 12h or 4d",
        ),
        (("[[authority]]", "[server]\nport = 70000\n[[authority]]"), "server.port", "65535"),
        (
            ("[[authority]]", '[requests]\nsignatures = "require"\n[[authority]]'),
            "requests",
            "whom to believe",
        ),
        (
            ('index = "index.txt"', 'index = "index.txt"\nissued = "issued.txt"'),
            "source",
            "issued goes with crl",
        ),
        (
            (
                'index = "index.txt"',
                'index = "index.txt"\npartitions = ["http://ca.example/1.crl"]',
            ),
            "source",
            "partitions goes with crl",
        ),
        (
            ('index = "index.txt"', 'index = "index.txt"\ncrt_signers = ["trees.pem"]'),
            "source",
            "crt_signers goes with crt",
        ),
        (
            ('index = "index.txt"', 'index = "index.txt"\ncrt = "ca.tree"'),
            "source",
            "exactly one of database, index, crl, crt, upstream",
        ),
    ],
)
def test_a_wrong_key_is_named_with_its_file_and_what_to_write(
    tmp_path: Path, change: tuple[str, str], key: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, SMALLEST.replace(*change, 1))

    told = str(caught.value)
    assert told.startswith(str(tmp_path / "certstatus.toml"))
    assert key in told
    assert message in told
    assert "at least 1 item" not in told
    assert caught.value.exit_code == 78


def test_malformed_toml_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2"):
        load(tmp_path, SMALLEST.replace("[[authority]]", "[[authority"))


def test_a_file_that_is_not_there_or_no_text_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="can't be read"):
        load_config(tmp_path / "binary.toml")


# --- profiles --------------------------------------------------------------------------------


def of_profile(profile: str, setting: str = "", source: str = "") -> str:
    """Write a configuration under a profile, with one setting of authority or source more."""
    text = SMALLEST.replace(
        "[[authority.signer]]", f'profile = "{profile}"\n{setting}\n[[authority.signer]]'
    )
    return text.replace('index = "index.txt"', source or 'index = "index.txt"')


@pytest.mark.parametrize(
    ("profile", "said", "rule", "remedy"),
    [
        ("rfc9919", ('responder_id = "by-name"',), "L5", "write by-key"),
        ("rfc9919", ('unlisted = "unknown"',), "L6", "write unauthorized"),
        ("cabf", ('unlisted = "extended-revoke"',), "B4", "write unknown or unauthorized"),
        ("cabf", ('validity = "7h"',), "B2", "write 4d"),
        ("cabf", ('validity = "11d"',), "B2", "write 4d"),
        ("cabf", ("", 'index = "i.txt"\nentry_extensions = "rfc"'), "B5", 'write "cabf"'),
        ("cabf", ("", 'crl = "ca.crl"\nallow_sha1 = true'), "B7", "signed anew"),
    ],
)
def test_what_contradicts_a_must_of_the_profile_is_named_with_file_and_remedy(
    tmp_path: Path, profile: str, said: tuple[str, ...], rule: str, remedy: str
) -> None:
    load(tmp_path, of_profile("rfc6960", *said))
    with pytest.raises(ConfigError, match=remedy) as caught:
        load(tmp_path, of_profile(profile, *said))

    assert f"[{rule}]" in str(caught.value)
    assert caught.value.file == str(tmp_path / "certstatus.toml")
    assert caught.value.key == "authority.0"


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_can_be_named_alone(tmp_path: Path, profile: Profile) -> None:
    assert load(tmp_path, of_profile(profile)).authority[0].policy.profile is profile


def test_the_profile_says_what_is_not_set_and_gives_way_to_what_is(tmp_path: Path) -> None:
    plain = load(tmp_path, of_profile("rfc9919")).authority[0].policy
    told = load(tmp_path, of_profile("rfc9919", 'nonce = "echo"\nunlisted = "good"'))

    assert (plain.nonce_mode, plain.unlisted_mode) == ("ignore", "unauthorized")
    own = told.authority[0].policy
    assert (own.nonce_mode, own.unlisted_mode) == ("echo", "good")


# --- keys in tokens --------------------------------------------------------------------------


def signed_by(key: str, more: str = "") -> str:
    return SMALLEST.replace('key = "responder.key"', f'key = "{key}"\n{more}')


def test_a_key_may_be_named_by_a_pkcs11_uri(tmp_path: Path) -> None:
    uri = "pkcs11:token=t;object=ocsp?module-path=/a.so&pin-source=/pin"

    (signer,) = load(tmp_path, signed_by(uri)).authority[0].signer
    assert signer.place == PKCS11URI(
        token="t", label="ocsp", module_path="/a.so", pin_source="/pin"
    )

    (signer,) = load(tmp_path, signed_by(uri, 'module = "b.so"')).authority[0].signer
    assert signer.place == PKCS11URI(
        token="t", label="ocsp", module_path=str(tmp_path / "b.so"), pin_source="/pin"
    )


@pytest.mark.parametrize(
    ("key", "more", "problem"),
    [
        ("pkcs11:token=t", "", "names no key"),
        ("pkcs11:object=k?pin-value=hunter2", "", "holds a PIN in clear"),
        ("responder.key", 'module = "b.so"', "module goes with a pkcs11: URI"),
    ],
)
def test_a_wrong_pkcs11_uri_is_named_and_not_shown(
    tmp_path: Path, key: str, more: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        load(tmp_path, signed_by(key, more))

    assert "hunter2" not in str(caught.value)


# --- renewal ---------------------------------------------------------------------------------


def renewed_by(renew: str, more: str = "") -> str:
    """Write a configuration whose signer is renewed so."""
    return SMALLEST.replace(
        'key = "responder.key"', f'key = "responder.key"\n{more}\nrenew = {{ {renew} }}'
    )


def test_renewal_by_the_cas_key_has_files_beside_the_configuration(tmp_path: Path) -> None:
    text = renewed_by('ca_key = "ca.key", ca_password_file = "pw", life = "20d"')
    (signer,) = load(tmp_path, text).authority[0].signer

    assert signer.renew is not None
    assert signer.renew.ca_key == tmp_path / "ca.key"
    assert signer.renew.ca_password_file == tmp_path / "pw"
    assert signer.renew.life == timedelta(days=20)
    assert signer.renew.new_key is False


def test_renewal_by_a_command_leaves_its_words_as_they_are(tmp_path: Path) -> None:
    text = renewed_by('command = ["/usr/bin/renew", "certificate", "key"]', 'renew_before = "7d"')
    (signer,) = load(tmp_path, text).authority[0].signer

    assert signer.renew is not None
    assert signer.renew.command == ("/usr/bin/renew", "certificate", "key")
    assert signer.renew_before == timedelta(days=7)


@pytest.mark.parametrize(
    ("renew", "more", "problem"),
    [
        ("new_key = true", "", "name command, or ca_key"),
        ('command = ["a"], ca_key = "ca.key"', "", "name command, or ca_key"),
        ("command = []", "", "at least 1 item"),
        ('command = ["./renew"]', "", "write its whole path"),
        ('command = [""]', "", "write its whole path"),
        ('command = ["renew"], life = "20d"', "", "life goes with ca_key"),
        ('command = ["renew"]', 'renew_before = "4d"', "at least a day more than validity"),
        ('ca_key = "ca.key"', 'renew_before = "30d"', "write a third of life"),
    ],
)
def test_a_renewal_that_can_not_work_is_named(
    tmp_path: Path, renew: str, more: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, renewed_by(renew, more))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ('key = "k"\ncertificate = "c"\nrenew_before = "9d"', "renew_before goes with renew"),
        ('pkcs12 = "s.p12"\nrenew = { command = ["a"] }', "in files of their own"),
        (
            'key = "pkcs11:object=k"\ncertificate = "c"\nrenew = {command = ["a"], new_key = true}',
            "a key in a token stays",
        ),
    ],
)
def test_what_renewal_goes_with_is_named(tmp_path: Path, settings: str, problem: str) -> None:
    text = SMALLEST.replace('certificate = "responder.pem"\nkey = "responder.key"', settings)
    assert settings in text

    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, text)


# --- signing in advance -------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["", '[store]\nurl = "memory:"\n'])
def test_signing_in_advance_needs_a_store_that_others_see(tmp_path: Path, store: str) -> None:
    with pytest.raises(ConfigError, match="presign: needs a store that other processes see"):
        load(tmp_path, f"{store}[presign]\n{SMALLEST}")

    config = load(tmp_path, f'[store]\nurl = "lmdb:answers"\n[presign]\nlease = "5s"\n{SMALLEST}')
    assert config.presign is not None
    assert config.presign.lease == timedelta(seconds=5)
    assert config.presign.verify_signatures == "all"


@pytest.mark.parametrize(
    "text",
    [
        'lease = "0s"',
        "cert_ids = []",
        'cert_ids = ["md5"]',
        'verify_signatures = "none"',
        "x = 1",
    ],
)
def test_a_wrong_wish_for_signing_in_advance_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"presign\.{text.split(maxsplit=1)[0]}"):
        load(tmp_path, f'[store]\nurl = "lmdb:answers"\n[presign]\n{text}\n{SMALLEST}')
