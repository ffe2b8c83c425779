"""The simulator as a process, its counts, and its speed."""

import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import pytest

from p33_tasks.demo.exchange.client import SimControl, SimControlError
from tests.support.signed_http import send, signed
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

COMMAND = [sys.executable, "-m", "p33_tasks.demo.exchange"]
RISK = "/fapi/v2/positionRisk"


def start(*arguments: str) -> tuple[subprocess.Popen[str], SimControl]:
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:")
    return process, SimControl(line.split()[-1])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0_even_while_a_request_hangs(signum):
    process, sim = start()
    with process:
        sim.fault(body="hang")
        with pytest.raises(TimeoutError):
            send(sim, "GET", "/fapi/v1/time", timeout_sec=0.2)
        process.send_signal(signum)
        assert process.wait(5) == 0


def test_it_ends_when_its_parent_was_killed():
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'p33_tasks.demo.exchange', '--exit-with-parent'],"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, child.stdout.readline().split()[-1], flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().split()
        SimControl(url).state()
        parent.kill()
        parent.wait(5)
        wait_until(lambda: not _alive(int(pid)), "the simulator ends after its parent")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--symbols", "NOPEUSDT=1"], "not listed"),
        (["--symbols", "BTCUSDT=much"], "must be a decimal"),
        (["--symbols", "BTCUSDT=NaN"], "finite"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(arguments, text):
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 2
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_said(process):
    port = str(urllib.parse.urlsplit(process.base_url).port)
    result = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


def test_options_reach_it():
    with running_simulator(symbols={"SOLUSDT": "7"}, latency_ms=50, api_key="K", api_secret="S") as sim:
        assert str(sim.position("SOLUSDT")) == "7"
        assert sim.state()["faults"]["latency_ms"] == 50
        sim.fault(latency_ms=0)
        sim.clear_faults()
        assert sim.state()["faults"]["latency_ms"] == 50
        assert signed(sim, "GET", RISK).status == 200
        assert signed(SimControl(sim.base_url), "GET", RISK).code == -2015
    with pytest.raises(SimControlError, match="no simulator answers"):
        sim.state()


def test_weights_are_counted_in_the_header_and_per_endpoint(sim):
    header = int(signed(sim, "GET", RISK).headers["X-MBX-USED-WEIGHT-1M"])
    assert header >= 5
    send(sim, "GET", "/fapi/v1/premiumIndex")
    send(sim, "GET", "/fapi/v1/premiumIndex", query="symbol=BTCUSDT")
    order = signed(sim, "POST", "/fapi/v1/order", symbol="BTCUSDT")
    assert order.code == -1102
    assert {"X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M"} <= set(order.headers)
    counts = sim.requests()
    weights = {name: (use.count, use.weight) for name, use in counts.endpoints.items()}
    assert weights == {
        "GET /fapi/v2/positionRisk": (1, 5),
        "GET /fapi/v1/premiumIndex": (2, 11),
        "POST /fapi/v1/order": (1, 0),
    }
    assert (counts.total, counts.weight, counts.count("GET /nothing")) == (4, 16, 0)
    assert counts.endpoints["POST /fapi/v1/order"].statuses == {400: 1}
    times = [at_ms for use in counts.endpoints.values() for at_ms in use.times_ms]
    assert all(counts.since_ms <= at_ms <= counts.now_ms for at_ms in times)


def test_prices_move_by_themselves_and_stay_where_they_are_put(sim):
    def mark():
        return send(sim, "GET", "/fapi/v1/premiumIndex", query="symbol=BTCUSDT").json()["markPrice"]

    first = mark()
    wait_until(lambda: mark() != first, "the mark price moves")
    sim.set_price("BTCUSDT", "50000")
    assert mark() == "50000.00000000"
    assert sim.state()["prices"]["BTCUSDT"] == "50000.00000000"
    sim.set_price("BTCUSDT", "67500", moving=True)


def test_600_position_rows_take_milliseconds(sim):
    """The bench's 600 symbols measure the service, so the venue must not be what is slow."""
    durations = []
    for _ in range(10):
        began = time.perf_counter()
        assert len(signed(sim, "GET", RISK).json()) == 612
        durations.append(time.perf_counter() - began)
    assert min(durations) < 0.05


def test_it_listens_on_loopback_only(process):
    port = urllib.parse.urlsplit(process.base_url).port
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    addresses = {line.split()[1] for line in listening if line.split()[1].endswith(f":{port:04X}")}
    assert addresses == {f"0100007F:{port:04X}"}
