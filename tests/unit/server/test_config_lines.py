"""A setting is found on its line, whatever TOML stands around it."""

from __future__ import annotations

import pytest

from certstatus.server.config_lines import line_of

TEXT = '''\
# [server] in a comment
[server]
port = 1

[[authority]]
certificate = "a"
crls = [
  "x",

  "y"]
text = """
certificate = 1
[[authority]]
"""
signer = [{ certificate = "q", key = "k" },
  { certificate = "r" }]
[[authority.source]]
index = "i"

[[authority.source]]
crl = "c"
[[authority]]
certificate = "b"
[authority.deep.er]
"certificate" = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("server",), 2),
        (("server", "port"), 3),
        (("authority",), 5),
        (("authority", 0), 5),
        (("authority", 0, "certificate"), 6),
        (("authority", 0, "crls"), 7),
        (("authority", 0, "crls", 1), 7),
        (("authority", 0, "text"), 11),
        (("authority", 0, "signer", 1, "certificate"), 15),
        (("authority", 0, "source", 0), 17),
        (("authority", 0, "source", 0, "index"), 18),
        (("authority", 0, "source", 1), 20),
        (("authority", 1), 22),
        (("authority", 1, "certificate"), 23),
        (("authority", 1, "deep", "er", "certificate"), 25),
    ],
)
def test_a_setting_stands_where_its_statement_begins(
    path: tuple[str | int, ...], line: int
) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("server", "prt"), 2),
        (("authority", 1, "signer"), 22),
        (("authority", 0, "crls", 7), 7),
        (("authority", 0, "certificate", "inner"), 6),
    ],
)
def test_what_is_missing_stands_where_its_table_does(
    path: tuple[str | int, ...], line: int
) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize("path", [(), ("nothing",), (0,)])
def test_what_the_whole_file_lacks_has_no_line(path: tuple[str | int, ...]) -> None:
    assert line_of(TEXT, path) is None


@pytest.mark.parametrize("text", ["a = 1\r\nb = 2\r\n", "a = 'x\u2028y'\nb = 2", "a=1\nb=2"])
def test_lines_end_as_toml_ends_them(text: str) -> None:
    assert line_of(text, ("b",)) == 2
