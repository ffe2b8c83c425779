"""The root of ``p33``: the list of commands, each imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import click

from p33_tasks.cli.failures import reported_failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command: its module, and its line in the overview (without importing it)."""

    place: str  # "module:name"
    summary: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Start": {
        "up": Entry(
            place="p33_tasks.demo.up:up", summary="Start everything on this machine, with a simulated exchange."
        ),
        "exporter": Entry(place="p33_tasks.cli.exporter:exporter", summary="Serve the whole cluster's metrics."),
        "ingest": Entry(place="p33_tasks.cli.ingest:ingest", summary="Read the streams in a separate process."),
        "forecaster": Entry(
            place="p33_tasks.cli.forecaster:forecaster", summary="Learn to forecast plans, and publish forecasts."
        ),
    },
    "Look": {
        "alive": Entry(place="p33_tasks.cli.alive:alive", summary="Local liveness probe, for a supervisor."),
        "check": Entry(place="p33_tasks.cli.check:check", summary="Find problems of this deployment, with the fix."),
        "status": Entry(
            place="p33_tasks.cli.status:status", summary="One table: exchange, ledger and drift per symbol."
        ),
        "watch": Entry(place="p33_tasks.cli.watch:watch", summary="Follow verdicts live, one line each."),
        "explain": Entry(place="p33_tasks.cli.explain:explain", summary="Explain why a plan was allowed or denied."),
        "forecast": Entry(
            place="p33_tasks.cli.forecast:forecast", summary="Show the quality of the forecasts, and the warnings."
        ),
        "deadletters": Entry(
            place="p33_tasks.cli.deadletters:deadletters", summary="List unreadable entries, or retry them."
        ),
        "replay": Entry(
            place="p33_tasks.cli.replay:replay", summary="Evaluate recorded verdicts again, or with other limits."
        ),
        "proof": Entry(
            place="p33_tasks.demo.scenarios.proof:proof", summary="Run the five acceptance cases on a simulator."
        ),
    },
    "Act": {
        "ledger": Entry(
            place="p33_tasks.cli.ledger:ledger", summary="Show a ledger, or adopt the exchange's position."
        ),
        "limits": Entry(place="p33_tasks.cli.limits:limits", summary="Show, set or clear limits of one symbol."),
        "hold": Entry(place="p33_tasks.cli.hold:hold", summary="Stop a symbol, or release it."),
        "reconcile": Entry(
            place="p33_tasks.cli.reconcile:reconcile", summary="Show or release holds that the service set."
        ),
        "emergency-close": Entry(
            place="p33_tasks.cli.emergency:emergency_close",
            summary="Close a position in spite of ledger or hold.",
        ),
    },
}
"""A new command needs one line here, and one module."""


class Commands(click.Group):
    """Imports a command when it is called; ``p33 --help`` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of the overview."""
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command; None for an unknown name."""
        for section in SECTIONS.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name].place.partition(":")
                command: click.Command = getattr(_imported(module), attribute)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with similar names if there is no such command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            names = self.list_commands(ctx)
            raise click.UsageError(f"{error.message} There are: {', '.join(names)}.", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the overview of commands."""
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.summary) for name, entry in section.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Call the command; an error is shown as a sentence, without a traceback."""
        with reported_failures():
            return super().invoke(ctx)


def _imported(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("p33_tasks"):
            raise
        extra = "demo" if module.startswith("p33_tasks.demo") else "service"
        raise click.UsageError(
            f"this command needs {error.name}: pip install '/path/to/this/checkout[{extra}]'"
        ) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="position-state-brain", prog_name="p33")
def cli() -> None:
    """P3.3 Position State Brain: checks every reduce-only order before it is sent, and allows or denies it.

    \b
    Try it (no setup; uses a separate Redis and a simulated exchange):
      p33 up                       start everything
      p33 up --for 60 --json       run for 60 s, print one JSON summary, exit 0 if every case passed

    \b
    With a deployment (settings from the environment or /etc/quantum/position-state-brain.env):
      p33 check                    find problems, with the fix
      p33 status                   every symbol in one table
      p33 explain abc5f1f59a4df545 why this plan was denied, and what to do

    \b
    Exit codes of every command:
      0  fine
      1  the answer is no
      2  wrong usage, or settings that can't be used (a login that Redis refuses, too)
      3  Redis, the broker or the exchange can't be reached: try again
    """


def main(args: Sequence[str] | None = None) -> None:
    """The entry point ``p33``."""
    cli.main(args=None if args is None else list(args), prog_name="p33")
