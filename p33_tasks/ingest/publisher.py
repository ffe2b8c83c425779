"""Protocol: what the ingest needs from a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from p33_tasks.errors import P33Error
from p33_tasks.ingest.handlers import TaskMessage


class Publisher(Protocol):
    """Sends tasks."""

    def publish(self, messages: Sequence[TaskMessage]) -> None:
        """Send messages together; those that can't be sent are sent again after their entries' idle time.

        Raises:
            PublishError: The broker is away.
        """

    def waiting(self, task: str) -> int:
        """Number of messages in the queue of this task; 0 if the broker can't report it.

        Raises:
            PublishError: The broker is away.
        """

    def tell(self) -> None:
        """Send task events for the tasks sent, if an interval is over; may be called often.

        Raises:
            PublishError: The broker is away; the events are sent when it is back.
        """

    def end(self) -> None:
        """Send the remaining events if that is possible at once, and close the connection."""


class PublishError(P33Error):
    """The broker can't be reached; the entries stay pending and are sent again."""
