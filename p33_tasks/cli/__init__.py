"""The ``p33`` command. Its commands are found by name and imported when they are called, one module each."""

from p33_tasks.cli.root import main

__all__ = ["main"]
