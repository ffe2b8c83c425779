"""Forecasts: a model learns which plans come, in a process of its own. No worker imports it, no verdict rests on it."""

import p33_tasks.bootstrap.structlog_alone  # noqa: F401 - before anything imports structlog
