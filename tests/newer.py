"""A newer libssl than the machine's own, as the pycurl wheel brings it: Python and openssl run on it unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

__all__ = ["newer_libssl", "on_newer_libssl"]


def newer_libssl(directory: Path) -> dict[str, str]:
    """Return the environment in which a program runs on it, with links made in ``directory``.

    The dynamic linker finds it by the names under which the machine's own is known.
    """
    bundled = Path(str(distribution("pycurl").locate_file("pycurl.libs")))
    for name in ("libssl", "libcrypto"):
        (file,) = bundled.glob(f"{name}-*.so.3")
        link = directory / f"{name}.so.3"
        if not link.exists():
            link.symlink_to(file)
    return {**os.environ, "LD_LIBRARY_PATH": f"{directory}:{bundled}"}


def on_newer_libssl(program: str, directory: Path, *arguments: str) -> str:
    """Run a Python program on the newer libssl, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=newer_libssl(directory),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
