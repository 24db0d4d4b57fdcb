"""``python -m certstatus`` is the command."""

from __future__ import annotations

from certstatus.cli import main

if __name__ == "__main__":
    main()
