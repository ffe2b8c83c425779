"""Makes foreign text bounded and printable. Templates escape it; all text on a page passes through here."""

from __future__ import annotations

from urllib.parse import quote, urlencode

MAX_CHARS = 120
MAX_PLAN_ID_CHARS = 1_000
"""No plan with a longer id was ever judged."""
_DOTS = frozenset({".", ".."})
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_TENTHS_BELOW_MS = 10_000
"""Below this age tenths of a second are shown, since plans are judged within a second."""


class Shown(str):
    """Text that is bounded and printable already; a template still escapes it."""

    __slots__ = ()


def shown(value: object, limit: int = MAX_CHARS) -> Shown:
    """Any value as text of at most ``limit`` characters, on one line."""
    return Shown(printable(value, limit))


def printable(value: object, limit: int = MAX_CHARS) -> str:
    """The text on one line, unprintable characters as escapes, at most ``limit`` characters.

    Also escaped: direction marks, which could reverse the text around a plan_id, and lone surrogates, which can't be
    encoded.
    """
    text = str(value)
    if len(text) > limit:
        text = f"{text[:limit]}…({len(text)} characters)"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def plan_path(plan_id: str) -> Shown:
    """The address of a plan's page; ``..`` is escaped, since a browser would resolve it in a path."""
    if plan_id in _DOTS or not plan_id:
        return address("/plan", id=plan_id)
    return Shown("/plan/" + quote(plan_id, safe="", errors="surrogateescape"))


def address(path: str, **query: str) -> Shown:
    """A path of this service with a query; empty values are left out, except of ``id``."""
    kept = {name: value for name, value in query.items() if value or name == "id"}
    return Shown(path + ("?" + urlencode(kept, errors="replace") if kept else ""))


def seconds(milliseconds: int) -> str:
    """Milliseconds as seconds, e.g. ``1.2 s``."""
    return f"{milliseconds / 1000:.1f} s"


def ago(milliseconds: int) -> str:
    """An age as text: ``4.0 s ago``, ``12 min ago``, ``3 h ago``, ``2 d ago``."""
    if milliseconds < _TENTHS_BELOW_MS:
        return f"{max(0, milliseconds) / 1000:.1f} s ago"
    unit_ms, unit = next(pair for pair in _UNITS if milliseconds >= pair[0])
    return f"{milliseconds // unit_ms} {unit} ago"
