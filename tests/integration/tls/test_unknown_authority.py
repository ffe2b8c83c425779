"""A server whose certificate nobody vouches for is sent nothing: no AUTH, no command, by no program of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from p33_tasks.apply import PermitClient, PermitRefused
from p33_tasks.cli.queue_metrics import celery_exporter_command
from tests.deployment.cluster import environment, program, running
from tests.support.redis_server import RedisServer, free_port, running_redis
from tests.support.tls import TlsServer, make_certificates, running_tls
from tests.support.waiting import wait_until

LOGIN = "p33-brain:geheim-hunter2"
TRIES = 2
"""Connections until nobody can say that the first one was an accident."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def impostor(request: pytest.FixtureRequest, certificates: Path) -> Iterator[TlsServer]:
    """Of an authority that nobody knows; or, where a test asks for it, of the right authority, for another host."""
    name = getattr(request, "param", "stranger")
    with running_tls(certificates / f"{name}.crt", certificates / f"{name}.key") as server:
        yield server


another_host = pytest.mark.parametrize("impostor", ["other-host"], indirect=True)


def command_of(what: str) -> list[str]:
    celery = [program("celery"), "-A", "p33_tasks"]
    commands = {
        "worker": [*celery, "worker", "-c", "1"],
        "beat": [*celery, "beat", "--pidfile="],
        "flower": [*celery, "flower", "--conf=flower.conf"],
        "celery-exporter": celery_exporter_command(port=free_port()),
        "exporter": [program("p33"), "exporter"],
        "ingest": [program("p33"), "ingest"],
    }
    command = commands[what]
    if command is None:
        pytest.skip(f"no {sys.prefix}-celery-exporter: make it with `make celery-exporter`")
    return command


def of_state(port: int, _: RedisServer, ca: str) -> dict[str, str]:
    return {"P33_REDIS_URL": f"rediss://{LOGIN}@localhost:{port}/0{ca}"}


def of_broker(port: int, state: RedisServer, ca: str) -> dict[str, str]:
    return {"P33_REDIS_URL": state.url(), "P33_BROKER_URL": f"rediss://{LOGIN}@localhost:{port}/1{ca}"}


def of_sentinels(port: int, _: RedisServer, ca: str) -> dict[str, str]:
    return {"P33_REDIS_URL": f"sentinel://{LOGIN}@localhost:{port}/m{ca}", "REDIS_TLS": "true"}


def of_amqp(port: int, state: RedisServer, ca: str) -> dict[str, str]:
    return {"P33_REDIS_URL": state.url(), "P33_BROKER_URL": f"amqps://{LOGIN}@localhost:{port}//{ca}"}


def by_redis_tls(port: int, _: RedisServer, ca: str) -> dict[str, str]:
    user, _, password = LOGIN.partition(":")
    trusted = {"SSL_CERT_FILE": ca.partition("=")[2]}
    return {"REDIS_TLS": "true", "REDIS_HOST": "localhost", "REDIS_PORT": str(port), "REDIS_USERNAME": user,
            "REDIS_PASSWORD": password, **trusted}  # fmt: skip


@pytest.mark.parametrize("server", [of_state, of_broker, of_sentinels, of_amqp, by_redis_tls])
@pytest.mark.parametrize("what", ["worker", "beat", "flower", "celery-exporter", "exporter", "ingest"])
def test_an_unverified_server_is_sent_nothing(
    impostor: TlsServer, redis_server: RedisServer, certificates: Path, tmp_path: Path, server, what: str
) -> None:
    refuses(impostor, redis_server, certificates, tmp_path, server, what)


@another_host
@pytest.mark.parametrize(
    ("server", "what"),
    [(of_state, "exporter"), (of_broker, "worker"), (of_broker, "celery-exporter"), (of_amqp, "celery-exporter")],
)
def test_a_certificate_of_another_host_is_no_better(
    impostor: TlsServer, redis_server: RedisServer, certificates: Path, tmp_path: Path, server, what: str
) -> None:
    """redis-py 5, which celery-exporter has, compares no host name by itself; nor does py-amqp."""
    refuses(impostor, redis_server, certificates, tmp_path, server, what)


def refuses(
    impostor: TlsServer, redis_server: RedisServer, certificates: Path, tmp_path: Path, server, what: str
) -> None:
    if what == "exporter" and server in {of_broker, of_amqp}:
        pytest.skip("the exporter has no broker")
    ours = server(impostor.port, redis_server, f"?ssl_ca_certs={certificates / 'ca.crt'}")
    if what == "ingest" and "P33_BROKER_URL" in ours:
        pytest.skip("it connects to the broker with the first plan; the worker's tests have it")
    env = environment(**ours, FLOWER_PORT=str(free_port()), P33_METRICS_PORT=str(free_port()))
    log = tmp_path / "log"
    with running(command_of(what), env, log) as process:

        def has_tried() -> bool:
            # A worker looks at the server with a client of its own first; the broker's transport comes after that.
            own_look = what == "worker" and "Cannot connect to" not in log.read_text() and impostor.saw_nothing()
            return process.poll() is not None or (impostor.attempts >= TRIES and not own_look)

        wait_until(has_tried, f"it tries: {log}", timeout_sec=40)
        if impostor.attempts == 0:
            pytest.fail(f"it never connected: {log.read_text()[-2000:]}")
    assert impostor.saw_nothing(), bytes(impostor.received)[:200]


@pytest.mark.parametrize("impostor", ["stranger", "other-host"], indirect=True)
@pytest.mark.parametrize("server", [of_state, of_sentinels])
def test_nor_does_an_executor_send_it_anything(
    impostor: TlsServer, redis_server: RedisServer, certificates: Path, server
) -> None:
    ca = f"?ssl_ca_certs={certificates / 'ca.crt'}"
    client = PermitClient(server(impostor.port, redis_server, ca)["P33_REDIS_URL"])
    with pytest.raises(PermitRefused, match="missing_permit_or_redis"):
        client.consume("a-plan", "BTCUSDT")
    assert impostor.attempts
    assert impostor.saw_nothing()


@pytest.mark.parametrize("server", [of_state, by_redis_tls])
def test_a_server_of_the_named_authority_is_served(
    redis_server: RedisServer, certificates: Path, tmp_path: Path, server
) -> None:
    """The same options, and what they name is there: the worker connects both ways, and beat's refresh is taken."""
    certificate = certificates / "server.crt", certificates / "server.key"
    with running_tls(*certificate, forward_to=redis_server.port) as tls:
        ours = server(tls.port, redis_server, f"?ssl_ca_certs={certificates / 'ca.crt'}")
        ours = {name: value.replace(f"{LOGIN}@", "") for name, value in ours.items() if name != "REDIS_PASSWORD"}
        log = tmp_path / "log"
        with running(command_of("worker"), environment(**ours), log):
            wait_until(lambda: " ready." in log.read_text(), f"the worker is ready: {log}", timeout_sec=30)
            wait_until(lambda: b"XREADGROUP" in tls.received, f"the ingest reads: {log}", timeout_sec=30)
            wait_until(lambda: b"BRPOP" in tls.received, f"the worker waits for tasks: {log}", timeout_sec=30)
