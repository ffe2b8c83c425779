"""An executor's type checker sees the client's types: the package is marked ``py.typed``."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

GOOD = """
from decimal import Decimal
from typing import Literal
from p33_tasks.apply import AsyncPermitClient, Consumed, ExecutedOrder, OrderSide, PermitClient
from p33_tasks.apply.testing import FakePermitClient

def act(client: PermitClient) -> None:
    permit = client.wait_and_consume("p", "BTCUSDT")
    quantity: Decimal = permit.safe_close_qty
    side: OrderSide = permit.order_side
    leg: Literal["BOTH", "LONG", "SHORT"] = permit.position_side
    before: int = permit.place_before_ms
    reveal_type(permit)

async def act_later(client: AsyncPermitClient) -> Consumed:
    return await client.consume("p", "BTCUSDT")
"""
WRONG = """
from p33_tasks.apply import PermitClient

def act(client: PermitClient) -> float:
    return client.consume("p", "BTCUSDT").safe_close_qty
"""


def check(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "executor.py"
    file.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "/dev/null", "--cache-dir", folder / "cache"]
    return subprocess.run([*command, file], capture_output=True, text=True, timeout=110, check=False, cwd=folder)


def test_the_types_are_published() -> None:
    assert resources.files("p33_tasks").joinpath("py.typed").is_file()


def test_an_executors_type_checker_sees_the_permits_fields(tmp_path: Path) -> None:
    good = check(GOOD, tmp_path)
    assert good.returncode == 0, good.stdout
    assert 'Revealed type is "p33_tasks.apply.consuming.Consumed"' in good.stdout
    wrong = check(WRONG, tmp_path)
    assert wrong.returncode == 1
    assert 'got "Decimal", expected "float"' in wrong.stdout
