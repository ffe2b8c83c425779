"""Which venues a run of the tests plays: some by default, all with ``--venues all``, or those that are named."""

from __future__ import annotations

from typing import Final

import pytest

from p33_tasks.demo.exchange.fronts.registry import FRONTS

SOME: Final = ("binanceusdm", "bybit")
"""One beside the default venue."""


def chosen_venues(config: pytest.Config) -> tuple[str, ...]:
    """By their exchange ids."""
    wanted: str = config.getoption("--venues")
    if wanted in {"some", "all"}:
        return SOME if wanted == "some" else tuple(FRONTS)
    return tuple(wanted.split(","))
