"""``p33 exporter``: metrics of the whole cluster."""

from __future__ import annotations

import click


@click.command(short_help="Serve the whole cluster's metrics.")
def exporter() -> None:
    """Serve metrics, health and the operator page for the whole cluster. All data is read from Redis.

    Listens on P33_METRICS_HOST:P33_METRICS_PORT: /metrics, /healthz, /readyz (503 with the reasons), the operator page
    at / and a plan's history at /plan/PLAN_ID. One exporter is enough for any number of workers. SIGTERM and Ctrl-C
    stop it.

    \b
    Examples:
      p33 exporter
      P33_METRICS_PORT=9045 p33 exporter
      curl -s localhost:8045/metrics | grep p33_permit_total
      curl -s localhost:8045/readyz
    """
    from p33_tasks.exporter import run
    from p33_tasks.settings import load_settings

    run(load_settings())
