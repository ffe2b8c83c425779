"""Showing what others wrote, in HTML: bounded, printable, escaped. Nothing from outside reaches a page another way."""

from __future__ import annotations

import html
from decimal import Decimal
from urllib.parse import quote, urlencode

from p33_tasks.domain.quantities import canonical, magnitude

MAX_CHARS = 120
MAX_PLAN_ID_CHARS = 1_000
"""No plan with a longer id was ever judged."""
_DOTS = frozenset({".", ".."})
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000


def esc(value: object, limit: int = MAX_CHARS) -> str:
    """Any value as HTML text or attribute."""
    return html.escape(printable(value, limit))


def printable(value: object, limit: int = MAX_CHARS) -> str:
    """What isn't printable as an escape, on one line, at most ``limit`` characters of it.

    Also direction marks, which would let a plan_id turn the text around it, and lone surrogates, which can't be sent.
    """
    text = str(value)
    if len(text) > limit:
        text = f"{text[:limit]}…({len(text)} characters)"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def plan_link(plan_id: str, limit: int = 40) -> str:
    """A link to a plan's story, whatever its id holds; of an id that no plan can have, the text alone."""
    if len(plan_id) > MAX_PLAN_ID_CHARS:
        return f'<span class="id">{esc(plan_id, limit)}</span>'
    return f'<a class="id" href="{plan_path(plan_id)}">{esc(plan_id, limit) or "(empty)"}</a>'


def plan_path(plan_id: str) -> str:
    """The address of a plan's story; a browser would take ``..`` in a path for the folder above."""
    if plan_id in _DOTS or not plan_id:
        return "/plan?" + html.escape(urlencode({"id": plan_id}))
    return "/plan/" + quote(plan_id, safe="", errors="surrogateescape")


def amount(value: Decimal | None, unknown: str) -> str:
    """A signed quantity with its side, exact."""
    if value is None:
        return f'<span class="soft">{unknown}</span>'
    if value == 0:
        return '<span class="soft">flat</span>'
    return f"{'long' if value > 0 else 'short'} {esc(canonical(magnitude(value)))}"


def seconds(milliseconds: int) -> str:
    """Milliseconds as seconds, e.g. ``1.2 s``."""
    return f"{milliseconds / 1000:.1f} s"


def ago(milliseconds: int) -> str:
    """How long ago, to read: ``4 s``, ``12 min``, ``3 h``, ``2 d``."""
    if milliseconds < 10_000:  # noqa: PLR2004 - tenths of a second matter where plans are judged within one
        return f"{max(0, milliseconds) / 1000:.1f} s ago"
    for unit_ms, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if milliseconds >= unit_ms:
            return f"{milliseconds // unit_ms} {unit} ago"
    return f"{milliseconds // 1000} s ago"


def mark(kind: str) -> str:
    """A sign that is told by its shape as well as by its colour: go, stop, wait."""
    return f'<span class="mark {kind}" aria-hidden="true">{_SHAPES[kind]}</span> '


_SHAPES = {"go": "●", "stop": "■", "wait": "◆", "none": "○"}
