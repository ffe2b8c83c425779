"""The ``p33`` command. Each command has one module, which is found by name and imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> None:
    """The entry point ``p33``; with the base install alone it prints what to install."""
    try:
        from p33_tasks.cli.root import main as command
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("p33_tasks"):
            raise
        sys.stderr.write(f"p33 needs {error.name}: pip install '/path/to/this/checkout[service]'\n")
        raise SystemExit(2) from None
    command(args)
