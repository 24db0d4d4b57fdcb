"""Certificate status in real TLS stacks: stapling, judging what was stapled, probing, faults."""

from __future__ import annotations

from certstatus.tls.checker import StatusChecker
from certstatus.tls.openssl import default_stapler, require_status, staple
from certstatus.tls.peer import Demand, PeerStatus, StapleReport, StatusPolicy, judge_peer
from certstatus.tls.stapling import Handed, StapleRequest, Stapling

__all__ = [
    "Demand",
    "Handed",
    "PeerStatus",
    "StapleReport",
    "StapleRequest",
    "Stapling",
    "StatusChecker",
    "StatusPolicy",
    "default_stapler",
    "judge_peer",
    "require_status",
    "staple",
]
