"""People are told once or never; what is lost is counted, and holds nothing up."""

from __future__ import annotations

from collections import Counter

import pytest

from p33_tasks.ports import ReconcileEvent
from p33_tasks.services import notify
from p33_tasks.services.notify import LATEST_MS, NotifyService

FIELDS = {"event": "held", "position": "BTCUSDT", "class": "external", "before": "0.04", "after": "0.04", "why": "x"}


class Store:
    """Events that are claimed once."""

    def __init__(self, *events: ReconcileEvent) -> None:
        self.events = list(events)
        self.counted: Counter[str] = Counter()

    def claim(self) -> tuple[ReconcileEvent, ...]:
        found, self.events = tuple(self.events), []
        return found

    def count(self, outcome: str, number: int) -> None:
        self.counted[outcome] += number


class Sender:
    """Takes what it is sent, or doesn't."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.sent: list[tuple[str, str, str]] = []

    def send(self, address: str, title: str, text: str) -> bool:
        self.sent.append((address, title, text))
        return self.takes


def event(age_ms: int = 0, **fields: str) -> ReconcileEvent:
    return ReconcileEvent(entry_id="5-0", age_ms=age_ms, fields={**FIELDS, **fields})


def test_an_event_is_told_to_each_of_its_addresses_and_to_nobody_twice() -> None:
    store, sender = Store(event(), event(event="repaired")), Sender()
    service = NotifyService(store, sender, {"held": ("json://a", "json://b")}, account="quantum")
    assert [service.send(), service.send()] == [2, 0]
    assert [address for address, _, _ in sender.sent] == ["json://a", "json://b"]
    _, title, text = sender.sent[0]
    assert title == "quantum: BTCUSDT held"
    assert text == "class: external\nbefore: 0.04\nafter: 0.04\nwhy: x\nevent 5-0"
    assert store.counted == {"sent": 2}


def test_what_nobody_takes_is_counted_and_not_tried_again() -> None:
    store, sender = Store(event()), Sender(takes=False)
    service = NotifyService(store, sender, {"held": ("json://a",)}, account="quantum")
    assert [service.send(), service.send()] == [0, 0]
    assert len(sender.sent) == 1
    assert store.counted == {"lost": 1}


def test_old_news_is_lost_unsent() -> None:
    store, sender = Store(event(age_ms=LATEST_MS + 1)), Sender()
    assert NotifyService(store, sender, {"held": ("json://a",)}, account="quantum").send() == 0
    assert (sender.sent, store.counted) == ([], {"lost": 1})


def test_a_slow_address_ends_with_the_tasks_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, notify.MOST_SEC + 1, notify.MOST_SEC + 2])
    monkeypatch.setattr(notify.time, "monotonic", lambda: next(moments))
    store, sender = Store(event(), event(), event()), Sender()
    assert NotifyService(store, sender, {"held": ("json://a",)}, account="quantum").send() == 1
    assert store.counted == {"sent": 1, "lost": 2}
