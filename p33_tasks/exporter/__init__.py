"""Shows the whole cluster from Redis: metrics for Prometheus, health for a supervisor, a page for people."""

from p33_tasks.exporter.server import run

__all__ = ["run"]
