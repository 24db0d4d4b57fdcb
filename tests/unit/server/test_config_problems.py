"""What is wrong with a configuration is told all at once, with line, key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from certstatus.errors import ConfigError, WrongSetting
from certstatus.server.config import load_config


def wrong(tmp_path: Path, text: str) -> tuple[WrongSetting, ...]:
    file = tmp_path / "certstatus.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert caught.value.file == str(file)
    assert caught.value.line == caught.value.settings[0].line
    return caught.value.settings


AUTHORITY = """\
[[authority]]
certificate = "ca.pem"
[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"
[[authority.source]]
index = "index.txt"
"""


def test_every_wrong_setting_is_told_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = (
        AUTHORITY.replace("index =", "indx =") + "[[authority]]\nnonce = 1\n[server]\nport = -1\n"
    )

    found = wrong(tmp_path, text)

    assert [(one.line, one.key) for one in found] == [
        (7, "authority.0.source.0.indx"),
        (8, "authority.1.certificate"),
        (8, "authority.1.signer"),
        (8, "authority.1.source"),
        (9, "authority.1.nonce"),
        (11, "server.port"),
    ]


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        (("index =", "indx ="), "is no setting, and has the value 'index.txt'", "write index"),
        (("index =", "file ="), "is no setting", "there are database, index, crl,"),
        (('certificate = "ca.pem"\n', ""), "is missing", "write certificate = …"),
        (
            ('[[authority.source]]\nindex = "index.txt"\n', ""),
            "is missing",
            "write a table [[authority.source]]",
        ),
        (
            ('"ca.pem"\n', '"ca.pem"\ndual_hash = "often"\n'),
            "not 'often'",
            "write true or false",
        ),
        (
            ('"ca.pem"\n', '"ca.pem"\ncompromised_since = 2026-01-01T00:00:00\n'),
            "not 2026-01-01",
            "with its zone",
        ),
        (('"ca.pem"\n', '"ca.pem"\nvalidity = "soon"\n'), "write 45s, 30m, 12h or 4d, not", ""),
        (('"ca.pem"\n', '"ca.pem"\nnonce = "maybe"\n'), "'echo', 'ignore' or 'require'", ""),
        (('"ca.pem"\n', '"ca.pem"\nname = 3\n'), "valid string, not 3", "certstatus serve --help"),
    ],
)
def test_a_wrong_setting_tells_its_value_and_what_to_write(
    tmp_path: Path, change: tuple[str, str], message: str, remedy: str
) -> None:
    (one, *others) = wrong(tmp_path, AUTHORITY.replace(*change))

    assert message in one.message
    assert remedy in one.remedy
    assert not others


def test_what_may_be_a_secret_is_not_shown(tmp_path: Path) -> None:
    text = AUTHORITY.replace('"responder.key"', '"responder.key"\npasword = "geheim"')
    text = text.replace('"index.txt"', '"index.txt"\nurl = "postgresql://me:geheim@db/status"')

    told = " ".join(map(str, wrong(tmp_path, text)))

    assert "pasword" in told
    assert "postgresql://…@db/status" in told
    assert "geheim" not in told
