"""``p33 forecast``: the scores of the forecasts, and the current warnings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import click

from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.session import open_session
from p33_tasks.cli.show import cell, console, print_json, print_lines
from p33_tasks.contract.forecast_status import ForecastStatus, decode_status, encode_status
from p33_tasks.store.scripts import translated_errors

OLD_SEC = 30
"""A forecaster writes its status every few seconds; an older one means that it ended or hangs."""


@click.group(short_help="Show the quality of the forecasts, and the warnings.")
def forecast() -> None:
    """Show how good the forecasts of `p33 forecaster` are, compared with the base rate.

    \b
    Example:
      p33 forecast status
    """


@forecast.command(short_help="Scores, calibration, hits, and warnings.")
@json_option
def status(as_json: bool) -> None:
    """Show Brier score and log loss of model and base rate, calibration in ten bins, hit rate and cost.

    The scores cover about the last 15 minutes; each prediction is scored before the model learns from it. The base rate
    predicts each action with its recent frequency. Exit 1 if no forecaster runs.

    \b
    Examples:
      p33 forecast status
      p33 forecast status --json | jq .warnings
    """
    session = open_session()
    with translated_errors():
        text = session.client.get(session.keys.forecast_status)
        seconds, _ = session.client.time()
    found = decode_status(text)
    age_sec = None if found is None else max(0, int(seconds) - found.ts_ms // 1000)
    if as_json:
        print_json({"age_sec": age_sec, "status": None if found is None else _document(found)})
    elif found is None or age_sec is None:
        click.echo("no forecaster has run here: set P33_FORECAST=on and start p33 forecaster")
    else:
        print_lines(console(), (cell(line, limit=400) for line in _lines(found, age_sec)))
    if age_sec is None or age_sec > OLD_SEC:
        raise click.exceptions.Exit(NO)


def _document(found: ForecastStatus) -> Any:
    return json.loads(encode_status(found), parse_float=Decimal)


def _lines(found: ForecastStatus, age_sec: int) -> Iterator[str]:
    totals = found.totals
    yield f"{'speaks' if found.speaks else 'silent'}: {found.why}"
    if age_sec > OLD_SEC:
        yield f"that was {age_sec} s ago: the forecaster stopped or hangs"
    left_out = f", {found.left_out} more than it has room for" if found.left_out else ""
    yield f"positions {found.positions}{left_out}; samples {totals['samples']}, plans {totals['plans']}"
    yield ""
    yield f"{'':<12} {'forecast':>9} {'base rate':>9}"
    yield f"{'Brier score':<12} {_figure(found.brier):>9} {_figure(found.base_brier):>9}"
    yield f"{'log loss':<12} {_figure(found.log_loss):>9} {_figure(found.base_log_loss):>9}"
    yield ""
    yield "calibration  forecast   came    predictions"
    for at, tenth in enumerate(found.tenths):
        if tenth.count >= 1:
            name = f"{at / 10:.1f} to {(at + 1) / 10:.1f}"
            yield f"{name}   {tenth.forecast:>7.3f} {tenth.came:>7.3f} {tenth.count:>11.0f}"
    yield ""
    rate = "no plan lately" if found.hit_rate is None else f"{found.hit_rate:.0%} of the plans lately"
    cost = "-" if found.cost is None else f"{found.cost:.1f}"
    yield f"forecast early enough: {rate}; {cost} forecasts per such plan (published from {found.limit:.2f} on)"
    yield (
        f"in all: {totals['published']} published, {totals['foreseen']} of {totals['plans']} plans forecast, "
        f"{totals['promoted']} issued from a prepared verdict, {totals['wishes']} earlier refreshes requested, "
        f"{totals['ignored']} entries ignored"
    )
    yield ""
    yield f"warnings now {len(found.warnings)}, in all {totals['warnings']}"
    for ahead in found.warnings:
        yield (
            f"{ahead.position}: a plan ({ahead.action}) is likely within 30 s ({ahead.probability:.0%}) and would be "
            f"denied: {ahead.reason}; it needs {ahead.words or 'no such state'}"
        )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
