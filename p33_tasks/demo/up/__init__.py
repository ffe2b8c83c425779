"""``p33 up``: everything on this machine, and a view of it."""

from p33_tasks.demo.up.command import up

__all__ = ["up"]
