"""Why a request as a whole is not answered: a CVStatusCode with its reason (RFC 5055 §4.4)."""

from __future__ import annotations

from certstatus.scvp import CVStatusCode

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818 - it ends an answer: the reply is an error, and no defect
    """An error status that a rule asks for, on its way up to the reply."""

    def __init__(self, code: CVStatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
