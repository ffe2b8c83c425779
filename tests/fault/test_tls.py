"""TLS to Redis with a certificate of a real authority (our own): state store, broker, and who is not trusted."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.fault.record import Effort, Record
from tests.fault.world import FLAT, READING, running_world
from tests.support.redis_server import RedisServer, free_port, running_redis, server_binary
from tests.support.tls import make_certificates
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(certificates: Path) -> Iterator[tuple[RedisServer, int]]:
    """A server that also listens with TLS, and that port."""
    binary = server_binary("system")
    if binary is None or not _speaks_tls(binary):
        pytest.skip("no redis-server with TLS on this machine")
    port = free_port()
    options = ("--tls-port", str(port), "--tls-auth-clients", "no")
    files = {"--tls-cert-file": "server.crt", "--tls-key-file": "server.key", "--tls-ca-cert-file": "ca.crt"}
    options += tuple(text for name, file in files.items() for text in (name, str(certificates / file)))
    with running_redis("system", options=options) as found:
        yield found, port


def _speaks_tls(binary: str) -> bool:
    return "libssl" in subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("way", ["P33_REDIS_URL", "REDIS_TLS"])
def test_the_whole_chain_works_over_tls_and_nothing_goes_in_the_clear(
    server: tuple[RedisServer, int], certificates: Path, record: Record, effort: Effort, way: str
) -> None:
    """By a URL that names the authority, or by REDIS_TLS with an authority that the machine trusts."""
    if way == "REDIS_TLS" and not effort.is_long:
        pytest.skip("only in the long run: --faults=long")
    plain, port = server
    plain.client().flushall()
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={certificates / 'ca.crt'}&ssl_cert_reqs=required"
    connect = lambda: redis.Redis.from_url(url, socket_timeout=10, **READING)  # noqa: E731 - one expression, used once
    trusting = {"REDIS_TLS": "true", "REDIS_HOST": "localhost", "REDIS_PORT": str(port)}
    trusting["SSL_CERT_FILE"] = str(certificates / "ca.crt")
    settings = {"P33_REDIS_URL": url} if way == "P33_REDIS_URL" else trusting
    with running_world(server=plain, connect=connect, workers=1, settings=settings) as world:
        verdict_ms = world.verdict_ms(FLAT[0], f"tls-{uuid.uuid4().hex}")
        clients = plain.client().client_list()
        own = plain.client().client_id()
    in_the_clear = [c for c in clients if not c["laddr"].endswith(f":{port}") and c["cmd"] != "client|list"]
    assert not [c for c in in_the_clear if c["id"] != str(own)], in_the_clear
    record.add("tls", f"workers, beat, apply layer over TLS by {way}", tried=1, held=1, verdict_ms=[verdict_ms])


def test_a_certificate_of_a_stranger_is_refused(
    server: tuple[RedisServer, int], certificates: Path, record: Record, effort: Effort
) -> None:
    if not effort.is_long:
        pytest.skip("only in the long run: --faults=long")
    plain, port = server
    plain.client().flushall()
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={certificates / 'stranger.crt'}&ssl_cert_reqs=required"
    with running_world(
        server=plain, workers=1, beat=False, apply=True, wait=False, settings={"P33_REDIS_URL": url}
    ) as world:
        worker, executor = world.programs["worker1"], world.programs["apply"]
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in worker.logs(), "the worker refuses", timeout_sec=30)
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in executor.logs(), "the apply layer too", timeout_sec=30)
        assert not world.client.exists("quantum:p33:refresh")
    record.add("tls", "a stranger's certificate", tried=1, held=1)
