"""What the stream entries say: one parser for every dialect in the field (CONTRACT section 4).

Pure functions. ``parse_plan`` and ``parse_task_plan`` give a ``Plan``, ``parse_result`` an ``ExecutionResult``;
all raise ``InvalidMessageError``, and nothing else, for an entry that belongs on the dead-letter stream.
"""

from __future__ import annotations

from p33_tasks.streams.plans import is_executable, issued_ms_of, parse_plan, parse_task_plan
from p33_tasks.streams.results import parse_result

__all__ = ["is_executable", "issued_ms_of", "parse_plan", "parse_result", "parse_task_plan"]
