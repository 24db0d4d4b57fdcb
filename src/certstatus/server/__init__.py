"""Sockets, processes, logs and numbers around the faces that answer."""

from __future__ import annotations
