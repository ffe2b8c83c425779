"""Shows the whole cluster from Redis: metrics for Prometheus, health for a supervisor, a page for people."""

import p33_tasks.bootstrap.structlog_alone  # noqa: F401 - before anything imports structlog
from p33_tasks.exporter.server import run

__all__ = ["run"]
