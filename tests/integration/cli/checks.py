"""The findings of ``p33 check``, by area and name."""

from __future__ import annotations

from typing import Any

from p33_tasks.demo.exchange.client import SimControl
from tests.integration.cli.conftest import KEY, Call, document


def findings(call: Call, *arguments: str, exit_code: int = 1, **env: str) -> dict[str, dict[str, Any]]:
    result = call("check", "--json", *arguments, **env)
    assert result.exit_code == exit_code, result.output
    return {f"{row['area']}: {row['what']}": row for row in document(result)["findings"]}


def exchange(call: Call, sim: SimControl, *, exit_code: int = 1, **env: str) -> dict[str, dict[str, Any]]:
    """The exchange's findings; workers are missing in these tests, so the answer is no anyway."""
    found = findings(call, exit_code=exit_code, P33_EXCHANGE_BASE_URL=sim.base_url, **{**KEY, **env})
    return {what: row for what, row in found.items() if row["area"] == "exchange"}
