"""What the ingest needs of a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from p33_tasks.errors import P33Error
from p33_tasks.ingest.handlers import TaskMessage


class Publisher(Protocol):
    """Sends tasks."""

    def publish(self, messages: Sequence[TaskMessage]) -> None:
        """Send them in one go; those that can't be sent are sent again when their entries were idle for too long.

        Raises:
            PublishError: The broker is away.
        """

    def waiting(self, task: str) -> int:
        """How many messages wait where tasks of this name go; 0 where the broker can't tell.

        Raises:
            PublishError: The broker is away.
        """

    def tell(self) -> None:
        """Tell listeners of the tasks that were sent; called often, does it when it is time.

        Raises:
            PublishError: The broker is away; they are told when it is back.
        """

    def end(self) -> None:
        """Tell what is left, if that can be done at once, and let the connection go."""


class PublishError(P33Error):
    """The broker can't be reached; the entries stay pending and are sent again."""
