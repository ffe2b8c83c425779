"""What a pure function said of one case is said again.

Many states of the world hold the same Redis: what only depends on Redis is worked out once for each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Act = TypeVar("Act", bound=Callable[..., Any])


def of_one_case(act: Act) -> Act:
    """The case comes first; the answers are forgotten when another one asks."""
    said: dict[tuple[Any, ...], Any] = {}
    asking: list[object] = [None]

    @wraps(act)
    def known(c: object, *facts: Any) -> Any:
        if asking[0] is not c:
            asking[0] = c
            said.clear()
        try:
            return said[facts]
        except KeyError:
            answer = said[facts] = act(c, *facts)
            return answer

    return known  # type: ignore[return-value]  # the same arguments and answers
