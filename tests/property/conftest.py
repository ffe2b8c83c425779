"""Hypothesis on a busy machine: no deadline for one example, the failing one printed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("p33", deadline=None, print_blob=True)
settings.load_profile("p33")
