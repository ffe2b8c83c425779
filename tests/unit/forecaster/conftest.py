"""These tests need the extra ``forecast``, which the development lock brings."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("river") else ["test_*.py"]
