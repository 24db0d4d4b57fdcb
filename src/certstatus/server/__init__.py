"""Sockets, processes, logs and numbers around the faces that answer."""

from __future__ import annotations

from certstatus.server.admin import Check
from certstatus.server.aside import Calls, Helper
from certstatus.server.http import HTTPLimits, Listener, Server
from certstatus.server.log import AccessLog, Logger, make_logger, wants_json
from certstatus.server.worker import Factory, Service, Settings, Tools
from certstatus.server.workers import Patience, Ready, serve

__all__ = [
    "AccessLog",
    "Calls",
    "Check",
    "Factory",
    "HTTPLimits",
    "Helper",
    "Listener",
    "Logger",
    "Patience",
    "Ready",
    "Server",
    "Service",
    "Settings",
    "Tools",
    "make_logger",
    "serve",
    "wants_json",
]
