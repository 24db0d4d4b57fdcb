"""Signing in advance: one process's share, the crew of processes, the keeper beside a server."""

from __future__ import annotations

from certstatus.presign.crew import Crew
from certstatus.presign.desk import Job, claims_database
from certstatus.presign.keeper import keep_fresh
from certstatus.presign.process import Done, Ended, Message, Started
from certstatus.presign.tally import Problem, Tally

__all__ = [
    "Crew",
    "Done",
    "Ended",
    "Job",
    "Message",
    "Problem",
    "Started",
    "Tally",
    "claims_database",
    "keep_fresh",
]
