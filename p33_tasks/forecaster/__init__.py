"""Forecasts: a separate process with a model that predicts plans. No worker imports it, no verdict depends on it."""

import p33_tasks.bootstrap.structlog_alone  # noqa: F401 - before anything imports structlog
