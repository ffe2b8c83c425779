"""No message is decompressed.

Symptom: kombu decompresses a message before any check of it. Half a megabyte on the broker became 400 MB, and
    the worker's main process grew by 740 MB; a larger one would have ended it.
Versions: kombu 5.7.0.
Upstream: no issue found.
Test: tests/unit/celery/test_patches.py::test_kombu_decompresses_before_anybody_can_look
Delete when: kombu has a limit for decompressed messages, or a setting that refuses compressed ones.
"""

from __future__ import annotations

from typing import Any

import kombu.compression


def refuse_compression() -> None:
    """Replace every codec that kombu knows; ``refusal.problem_of`` then names the compressed message."""
    for name in kombu.compression.encoders():  # type: ignore[no-untyped-call]  # kombu has no types
        kombu.compression.register(_not_unpacked, _not_unpacked, name)  # type: ignore[no-untyped-call]  # as above


def _not_unpacked(_body: Any) -> Any:
    raise ValueError("compressed messages are not read")
