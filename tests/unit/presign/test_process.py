"""What one process tells another survives the way."""

from __future__ import annotations

import pytest

from certstatus.presign import Done, Ended, Message, Problem, Started, Tally
from certstatus.presign.process import decode, encode

PROBLEM = Problem(
    authority="Zoë's CA",
    serial_number=2**159,
    form="sha1, ed25519",
    is_defect=True,
    detail="line\nbreak",
    rules=("B2", "L3"),
)


@pytest.mark.parametrize(
    "message",
    [
        Started(authority="CA", total=3, forms=2),
        Done(authority="CA", counts=Tally(signed=3).counts()),
        PROBLEM,
        Ended(exit_code=78, error="what", hint="do"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_message_is_one_line_and_comes_out_as_it_went_in(message: Message) -> None:
    line = encode(message)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


def test_counts_add_up() -> None:
    total = Tally(signed=1, fresh=2)
    total += Tally.of(Tally(signed=3, failed=1).counts())

    assert total == Tally(signed=4, fresh=2, failed=1)
