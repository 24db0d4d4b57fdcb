"""Several sources: the order decides, and no doubt becomes good."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from certstatus.errors import SourceError
from certstatus.limits import MAX_STACK_JOINS
from certstatus.ocsp import CertID, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import Answer, EventKind, Known, NotOurs, Stack, Unlisted
from certstatus.testing import TinyCA
from tests.books import DAY, NOW, Watcher, ask, at_hand, edition
from tests.desk import Says

REVOKED_AT = NOW - DAY


def good(origin: str = "x", **more: Any) -> Known:
    return replace(Known(cert_status=Good(), this_update=NOW, origin=origin), **more)


def revoked(origin: str = "x", reason: CRLReason | None = CRLReason.SUPERSEDED) -> Known:
    return Known(cert_status=Revoked(REVOKED_AT, reason), this_update=NOW, origin=origin)


def unlisted(*, lists_issued: bool = False, **more: Any) -> Unlisted:
    return replace(Unlisted(this_update=NOW, origin="x", lists_issued=lists_issued), **more)


NOT_OURS = NotOurs(origin="x")
DOWN = SourceError("down")


def stacked(ca: TinyCA, *answers: Answer | Exception, observer: Watcher | None = None) -> Answer:
    """Ask a stack of sources that say this, the highest authority first."""
    return ask(Stack(*map(Says, answers), observer=observer), ca, 1)


@pytest.mark.parametrize(
    "answers",
    [
        (good(), revoked("low")),
        (good(), DOWN),
        (NOT_OURS, good(), revoked("low")),
        (unlisted(), good()),
        (unlisted(lists_issued=True), NOT_OURS, good()),
    ],
)
def test_the_first_that_knows_decides_for_good(
    ca: TinyCA, answers: tuple[Answer | Exception, ...]
) -> None:
    assert stacked(ca, *answers) == good()


@pytest.mark.parametrize(
    "answers",
    [
        (revoked(), good("low")),
        (revoked(), good("low"), good("lowest")),
        (unlisted(), revoked(), good("low")),
        (unlisted(lists_issued=True), revoked()),
        (NOT_OURS, revoked()),
        (DOWN, revoked()),
        (DOWN, DOWN, revoked(), good("low")),
        (DOWN, unlisted(), revoked()),
    ],
)
def test_a_lower_source_never_makes_good_of_revoked(
    ca: TinyCA, answers: tuple[Answer | Exception, ...]
) -> None:
    assert stacked(ca, *answers) == revoked()


@pytest.mark.parametrize(
    "answers",
    [
        (DOWN, good()),
        (DOWN, unlisted()),
        (DOWN, NOT_OURS),
        (DOWN, good(), revoked("low")),
        (unlisted(), DOWN),
        (unlisted(lists_issued=True), DOWN, good()),
        (NOT_OURS, DOWN, good()),
        (DOWN,),
    ],
)
def test_a_higher_source_that_cannot_know_now_means_try_later(
    ca: TinyCA, answers: tuple[Answer | Exception, ...]
) -> None:
    """A lower one may call good what the higher one has revoked."""
    with pytest.raises(SourceError, match="down"):
        stacked(ca, *answers)


def test_an_issuer_is_not_ours_only_when_it_is_nobodys(ca: TinyCA) -> None:
    assert stacked(ca, NOT_OURS, NOT_OURS) == NotOurs(origin="stack")
    assert stacked(ca, NOT_OURS, unlisted()) == unlisted()


@pytest.mark.rule("C10")
def test_never_issued_when_any_source_lists_what_was_issued(ca: TinyCA) -> None:
    assert stacked(ca, unlisted(), unlisted()) == unlisted()
    assert stacked(ca, unlisted(), unlisted(lists_issued=True)) == unlisted(lists_issued=True)
    assert stacked(ca, unlisted(lists_issued=True), unlisted()) == unlisted(lists_issued=True)


@pytest.mark.rule("C5")
def test_what_a_higher_source_leaves_out_no_lower_one_makes_good(ca: TinyCA) -> None:
    gap = unlisted(is_covered=False)

    assert stacked(ca, gap, good()) == gap
    assert stacked(ca, gap, revoked()) == revoked()
    assert stacked(ca, good(), gap) == good()
    assert stacked(ca, unlisted(lists_issued=True), gap) == replace(gap, lists_issued=True)
    assert stacked(ca, gap, unlisted(lists_issued=True)) == replace(gap, lists_issued=True)


@pytest.mark.rule("C9", "O19")
def test_good_is_as_old_as_what_it_rests_on(ca: TinyCA) -> None:
    """A CRL above an index: good means that the CRL, as old as it is, does not list it."""
    crl = unlisted(this_update=NOW - DAY, next_update=NOW + DAY)

    assert stacked(ca, crl, good()) == good(this_update=NOW - DAY, next_update=NOW + DAY)
    assert stacked(ca, crl, unlisted(lists_issued=True)) == replace(crl, lists_issued=True)
    later = good(this_update=NOW - 2 * DAY, next_update=NOW + 2 * DAY)
    assert stacked(ca, crl, later) == replace(later, next_update=NOW + DAY)


@pytest.mark.rule("O19")
def test_revoked_keeps_its_own_times(ca: TinyCA) -> None:
    assert stacked(ca, unlisted(this_update=NOW - DAY, next_update=NOW), revoked()) == revoked()


def test_every_source_is_asked_about_the_same_certificate(ca: TinyCA) -> None:
    sources = [Says(revoked()), Says(good()), Says(DOWN)]
    ask(Stack(*sources), ca, 7)

    assert [source.asked for source in sources] == [[CertID.of(ca.certificate, 7)]] * 3


def test_a_disagreement_is_told_with_its_facts(ca: TinyCA) -> None:
    watcher = Watcher()
    with capture_logs() as logs:
        stacked(ca, unlisted(), good("database"), revoked("crl"), good("index"), observer=watcher)

    assert watcher.kinds == [EventKind.DISAGREEMENT]
    assert logs[0]["log_level"] == "warning"
    assert watcher.events[0].detail == "the sources differ in status; the first in order decides"
    assert watcher.events[0].facts == {
        "serial": "01",
        "issuer_key_hash": CertID.of(ca.certificate, 1).issuer_key_hash.hex(),
        "decided_by": "database",
        "decided": "good",
        "dissenter": "crl",
        "dissent": "revoked (2026-11-20 12:00:00Z, superseded)",
    }


def test_other_facts_of_one_revocation_are_told_too(ca: TinyCA) -> None:
    watcher = Watcher()
    stacked(ca, revoked("a"), revoked("b", CRLReason.KEY_COMPROMISE), observer=watcher)

    assert "time or reason" in watcher.events[0].detail


@pytest.mark.parametrize(
    "answers", [(good(), good("low")), (revoked(), unlisted(), NOT_OURS), (good(), DOWN)]
)
def test_no_contradiction_is_no_disagreement(
    ca: TinyCA, answers: tuple[Answer | Exception, ...]
) -> None:
    watcher = Watcher()
    stacked(ca, *answers, observer=watcher)

    assert watcher.events == []


def test_another_error_is_not_swallowed(ca: TinyCA) -> None:
    with pytest.raises(ZeroDivisionError):
        stacked(ca, good(), ZeroDivisionError())


def test_a_stack_is_a_source_and_needs_one() -> None:
    assert Stack(Says(good()), name="all").name == "all"
    with pytest.raises(ValueError, match="at least one"):
        Stack()


# --- at hand --------------------------------------------------------------------------------


class Near(Says):
    """Says it at hand too, of certificates of one CA; what it raises is not at hand."""

    def __init__(self, answer: Answer | Exception, ca: TinyCA) -> None:
        super().__init__(answer)
        self.issuer = ca.certificate

    def edition(self, now: datetime) -> object | None:
        del now
        return None if isinstance(self.answer, Exception) else self.answer

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        del serial_number, now
        assert not callable(self.answer)
        return None if isinstance(self.answer, Exception) else self.answer


def near(ca: TinyCA, *answers: Answer | Exception) -> Stack:
    return Stack(*(Near(one, ca) for one in answers))


@pytest.mark.parametrize(
    "answers",
    [
        (good(),),
        (unlisted(this_update=NOW - DAY, next_update=NOW + DAY), good()),
        (unlisted(this_update=NOW - DAY), unlisted(lists_issued=True)),
        (unlisted(is_covered=False), good()),
        (unlisted(), revoked()),
        (revoked(), unlisted()),
        (good(), good("low")),
    ],
)
def test_at_hand_the_order_decides_as_it_does_for_status(
    ca: TinyCA, answers: tuple[Answer, ...]
) -> None:
    stack = near(ca, *answers)
    said = ask(stack, ca, 1)

    assert at_hand(stack, 1) == said
    assert at_hand(stack, 1) is at_hand(stack, 2)


def test_where_one_source_has_to_wait_the_stack_does(ca: TinyCA) -> None:
    assert at_hand(near(ca, DOWN, revoked()), 1) is None
    assert at_hand(near(ca, good(), DOWN), 1) is None
    assert at_hand(Stack(Near(good(), ca), Says(good())), 1) is None


def test_a_disagreement_is_left_to_status_which_tells_it(ca: TinyCA) -> None:
    watcher = Watcher()
    stack = Stack(Near(revoked(), ca), Near(good(), ca), observer=watcher)

    assert at_hand(stack, 1) is None
    assert watcher.kinds == []
    ask(stack, ca, 1)
    assert watcher.kinds == [EventKind.DISAGREEMENT]


@pytest.mark.rule("O1")
def test_a_stack_over_two_cas_is_not_at_hand(ca: TinyCA, other_ca: TinyCA) -> None:
    """The same serial number is another certificate under each of them."""
    mixed = Stack(Near(unlisted(), ca), Near(revoked(), other_ca))

    assert mixed.issuer is None
    assert at_hand(mixed, 1) is None
    assert near(ca, good(), unlisted()).issuer == ca.certificate


def test_a_stack_of_stacks_is_at_hand(ca: TinyCA) -> None:
    assert at_hand(Stack(near(ca, unlisted()), near(ca, good())), 1) == good()


def test_what_is_remembered_of_joins_is_bounded(ca: TinyCA) -> None:
    """Sources that never say the same object twice must not fill the memory."""
    source = Near(good(), ca)
    stack = Stack(Near(unlisted(), ca), source)
    for number in range(2 * MAX_STACK_JOINS + 1):
        source.answer = good(str(number))
        assert at_hand(stack, 1) == good(str(number))
        assert len(stack._joins) <= MAX_STACK_JOINS
    source.answer = revoked()
    for _ in range(MAX_STACK_JOINS + 1):
        source.answer = replace(source.answer)
        assert at_hand(stack, 1) == revoked()
    assert len(stack._joins) == 1


def test_the_edition_of_a_stack_is_that_of_all_its_sources(ca: TinyCA) -> None:
    parts = [Near(good(), ca), Near(unlisted(), ca)]
    stack = Stack(*parts)
    first = edition(stack)
    assert first is edition(stack) is not None

    parts[1].answer = revoked()
    second = edition(stack)
    assert second is edition(stack)
    assert second is not None
    assert second is not first
    parts[0].answer = DOWN
    assert edition(stack) is None
    assert edition(Stack(Near(good(), ca), Says(good()))) is None
