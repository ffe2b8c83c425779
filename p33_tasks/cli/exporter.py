"""``p33 exporter``: metrics of the whole cluster."""

from __future__ import annotations

import click


@click.command(short_help="Serve the whole cluster's metrics.")
def exporter() -> None:
    """Serve GET /metrics for the whole cluster on P33_METRICS_HOST:P33_METRICS_PORT, read from Redis.

    One is enough, whatever the number of workers; it counts nothing itself. SIGTERM and Ctrl-C end it.

    \b
    Examples:
      p33 exporter
      P33_METRICS_PORT=9045 p33 exporter
      curl -s localhost:8045/metrics | grep p33_permit_total
    """
    from p33_tasks.exporter import run
    from p33_tasks.settings import load_settings

    run(load_settings())
