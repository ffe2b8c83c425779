"""Prepares a run with the demo's settings, and reports its result."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from p33_tasks.cli import tables
from p33_tasks.cli.session import Session
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.contract.keys import Keys
from p33_tasks.demo.names import DemoKeys
from p33_tasks.demo.up import demo
from p33_tasks.demo.up.folder import RunFolder
from p33_tasks.demo.up.ports import claim_port, elsewhere
from p33_tasks.demo.up.redis_server import own_redis
from p33_tasks.demo.up.run import Plan, Run, tail_lines
from p33_tasks.demo.up.summary import Outcome, summary_of
from p33_tasks.demo.up.view import Lines, Picture, Silent, View
from p33_tasks.demo.up.watchers import watchers
from p33_tasks.settings import load_settings
from p33_tasks.store.connection import connect

FIRST_SECONDS = (
    "note     denies in the first 10 s are normal: no_exchange_snapshot until the first refresh, "
    "reconcile_required_missing_ledger until Redis has run for 6 s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The command line."""

    for_sec: float | None
    as_json: bool
    with_producer: bool
    with_executor: bool
    exchange: str
    hedge: bool = False


def settings_line(env_file: Path) -> str:
    """The line with the path of the demo's settings; ``deployment/proof.sh`` parses it."""
    return f"settings {env_file}"


def launch_demo(request: Request, folder: RunFolder) -> bool:
    """Run the demo. Returns whether it succeeded.

    Raises:
        Failure: No Redis program can be started here.
    """
    with own_redis(folder.path / "redis") as server:
        exchange_url, env_file = f"http://127.0.0.1:{claim_port()}", folder.path / "demo.env"
        variables = demo.demo_settings(
            redis_url=server.url(0),
            broker_url=server.url(1),
            exchange_url=exchange_url,
            metrics_port=claim_port(demo.USUAL_METRICS_PORT),
            exchange=request.exchange,
        )
        demo.write_env_file(env_file, variables)
        p33 = demo.write_p33(folder.path / "p33", env_file)
        settings = load_settings({"P33_ENV_FILE": str(env_file)})
        port = settings.metrics_port
        beside = list(watchers())
        without = {
            demo.PRODUCER: not request.with_producer,
            demo.STRATEGY: not request.with_producer,
            demo.EXECUTOR: not request.with_executor,
        }
        children = [
            child
            for child in demo.demo_children(exchange_url, request.exchange, hedge=request.hedge)
            if not without.get(child.name)
        ]
        children += [watcher.child for watcher in beside if watcher.child is not None]
        plan = Plan(
            session=Session(settings=settings, keys=Keys(settings.key_prefix), client=connect(settings.state_url)),
            children=children,
            env=demo.child_environment(env_file),
            cwd=folder.path,
            logs_folder=folder.logs,
            places=(
                f"demo     {len(children)} processes, logs in {folder.logs}",
                f"redis    separate, version {server.version}, port {server.port};  exchange  {exchange_url}",
                f"metrics  http://127.0.0.1:{port}/{elsewhere(port, demo.USUAL_METRICS_PORT)}",
                *(watcher.place for watcher in beside),
                settings_line(env_file),
                FIRST_SECONDS,
                f"status   in another terminal: {shlex.quote(str(p33))} status",
            ),
            for_sec=request.for_sec,
            simulator_url=exchange_url,
            own_executor=not request.with_executor,
            own_redis=server.process,
            cases_key=DemoKeys(settings.key_prefix).cases,
            after="0",
        )
        return _run(plan, request, folder)


def _run(plan: Plan, request: Request, folder: RunFolder) -> bool:
    run = Run(plan, _view(plan, request))
    outcome = run.run()
    summary = summary_of(outcome)
    tails = tail_lines(run.logs, outcome.processes)
    folder.keep_logs = bool(tails)
    if tails:
        click.echo("\n".join(escaped(line, limit=500) for line in tails), err=True)
        click.echo(f"the logs are kept in {folder.logs}", err=True)
    if request.as_json:
        print_json({**summary, "logs": str(folder.logs) if folder.keep_logs else None})
    else:
        _print_summary(summary, outcome)
    # A run without a duration is normally ended by hand.
    return bool(summary["ok"]) or (request.for_sec is None and not tails and not outcome.error)


def _view(plan: Plan, request: Request) -> View:
    if request.as_json:
        click.echo(f"p33 up: logs in {plan.logs_folder}", err=True)
        return Silent()
    return Picture(plan.session.settings.policy) if sys.stdout.isatty() else Lines()


def _print_summary(summary: dict[str, Any], outcome: Outcome) -> None:
    screen = console()
    if outcome.overview is not None:
        screen.print(tables.symbols_table(outcome.overview, outcome.policy, width=screen.width))
    lines = [cell(f"{summary['ran_sec']} s: {outcome.tally.counts_text()}", "bold", limit=1_000)]
    lines += [cell(f"  {number:>5}  {reason}") for reason, number in summary["denied_by_reason"].items()]
    if (forecast := summary["forecast"]) is not None:
        foreseen = f"forecasts: {forecast['foreseen']} of {forecast['plans']} plans foreseen"
        ahead = f"{forecast['promoted']} issued as prepared, {forecast['warnings']} warnings ahead"
        lines.append(cell(f"{foreseen}, {ahead}; {forecast['why']}", limit=400))
    if summary["adapted_cooldowns"]:
        longest = max(summary["adapted_cooldowns"].values(), key=lambda found: found["longest_sec"])
        lengthened = f"cooldowns lengthened: {len(summary['adapted_cooldowns'])}, up to {longest['longest_sec']} s"
        lines.append(cell(f"{lengthened} by {longest['by']}", limit=400))
    for case in summary["cases"]["other"][:10]:
        expected, got = (", ".join(filter(None, pair)) for pair in _expected_and_got(case))
        where, plan = (
            f" on {case['symbol']}" if case["symbol"] else "",
            f" ({case['plan_id']})" if case["plan_id"] else "",
        )
        why = f": {case['why']}" if case["why"] else ""
        text = f"case {case['case']!r}{where}: expected {expected}; got {got}{plan}{why}"
        lines.append(cell(text, "yellow", limit=400))
    for plan_id, why in list(summary["allowed_and_refused"].items())[:10]:
        lines.append(cell(f"allowed and not executed: {plan_id}: {why}", "yellow", limit=400))
    lines += [cell(f"not well: {reason}", "red", limit=600) for reason in summary["reasons"]]
    print_lines(screen, lines)


def _expected_and_got(case: dict[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    return (case["expected"], case["expected_outcome"]), (case["got"], case["outcome"])
