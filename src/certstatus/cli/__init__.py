"""The command ``certstatus``: one file per subcommand, imported when it is called."""

from __future__ import annotations

from certstatus.cli.frame import main

__all__ = ["main"]
