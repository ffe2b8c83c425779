"""The app's configuration: what each queue is, what travels, and how the broker is reached."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from types import SimpleNamespace

import pytest
from celery.schedules import schedule as every
from kombu import Connection

from p33_tasks.celery import signals
from p33_tasks.celery.broker import broker_of, management_url
from p33_tasks.celery.child_process import CHECK_SEC, HEALTHY_SEC, MAX_RESTART_SEC, Respawn
from p33_tasks.celery.config import make_app
from p33_tasks.celery.ingest_process import streams_of
from p33_tasks.settings import load_settings


def conf(**env: str):
    return make_app(load_settings(env)).conf


def test_each_queue_has_an_exchange_and_a_routing_key_of_its_own():
    """Declared without one, all three take the default queue's: one message lands in all of them."""
    queues = conf().task_queues
    assert all(q.exchange.name == q.routing_key == q.name for q in queues)
    assert {q.name for q in queues} >= {"p33.permits", "p33.ledger", "p33.snapshots"}


def test_each_task_has_its_queue():
    found = {task: route["queue"] for task, route in conf().task_routes.items()}
    assert found.items() >= {
        ("p33.evaluate_permit", "p33.permits"),
        ("p33.evaluate_permits", "p33.permits"),
        ("p33.apply_result", "p33.ledger"),
        ("p33.refresh_snapshot", "p33.snapshots"),
        ("p33.adapt_limits", "p33.snapshots"),
    }
    assert "p33.reconcile" not in found, "it is off"


@pytest.mark.parametrize("mode", ["observe", "repair"])
def test_reconciliation_has_a_queue_and_a_process_of_its_own_where_it_is_on(mode, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    found = conf(P33_RECONCILE_MODE=mode)
    assert "p33.reconcile" in {queue.name for queue in found.task_queues}
    assert found.task_routes["p33.reconcile"]["queue"] == "p33.reconcile"
    assert found.worker_concurrency == 3


@pytest.mark.parametrize("mode", ["off", "repair"])
def test_the_worker_that_refreshes_also_reconciles(mode):
    app = make_app(load_settings({"P33_RECONCILE_MODE": mode}))
    app.amqp.queues.select(["p33.snapshots"])
    signals.serve_companions(app)
    served = {"p33.snapshots", "p33.reconcile"} if mode == "repair" else {"p33.snapshots"}
    assert set(app.amqp.queues.consume_from) == served
    app.amqp.queues.select(["p33.permits"])
    signals.serve_companions(app)
    assert set(app.amqp.queues.consume_from) == {"p33.permits"}


def test_only_json_travels():
    found = conf()
    assert found.accept_content == ["json"]
    assert (found.task_serializer, found.event_serializer) == ("json", "json")


def test_the_engine_is_set_as_measured():
    found = conf()
    assert found.broker_transport_options == {
        "global_keyprefix": "quantum:",
        "socket_timeout": 3,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "ack_emulation": False,
    }
    assert found.worker_prefetch_multiplier == 1
    assert found.task_acks_late is False
    assert found.task_ignore_result is True
    assert found.worker_concurrency >= 2, "one process may wait for the exchange"
    assert found.worker_send_task_events is True
    assert found.task_send_sent_event is True
    assert found.worker_soft_shutdown_timeout > 0


def test_a_verdict_never_waits_behind_the_exchange_on_one_core(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert conf().worker_concurrency == 2


def test_the_schedule_has_one_refresh_per_symbol_and_period():
    schedule = conf(P33_ALLOWLIST="BTCUSDT,ETHUSDT", P33_POLL_SEC="2.5", P33_KEY_PREFIX="acct2").beat_schedule
    found = [entry for entry in schedule.values() if entry["task"] == "p33.refresh_snapshot"]
    assert [entry["kwargs"] for entry in found] == [
        {"symbol": "BTCUSDT", "prefix": "acct2"},
        {"symbol": "ETHUSDT", "prefix": "acct2"},
    ]
    assert {every(entry["schedule"]).seconds for entry in found} == {2.5}
    assert not any("expires" in entry["options"] for entry in schedule.values()), "it compares two hosts' clocks"


def test_the_brokers_keys_carry_the_accounts_prefix():
    assert conf(P33_KEY_PREFIX="acct2").broker_transport_options["global_keyprefix"] == "acct2:"


def test_redis_is_the_state_stores_server_next_database():
    assert (
        broker_of(load_settings({"REDIS_HOST": "r", "REDIS_PORT": "7000", "REDIS_DB": "3"})).url == "redis://r:7000/4"
    )


def test_sentinels_are_written_as_kombu_reads_them():
    broker = broker_of(load_settings({"P33_BROKER_URL": "sentinel://:pw@h1:26379;h2:26380/mymaster/2"}))
    assert broker.url == "sentinel://:pw@h1:26379/2;sentinel://:pw@h2:26380/2"
    assert broker.transport_options["master_name"] == "mymaster"
    connection = Connection(broker.url, transport_options=broker.transport_options)
    assert (connection.transport_cls, connection.virtual_host, connection.password) == ("sentinel", "2", "pw")
    assert [url.rpartition("@")[2] for url in connection.alt] == ["h1:26379/2", "h2:26380/2"]


def test_sentinels_of_the_state_store_lead_to_the_broker_too():
    broker = broker_of(load_settings({"P33_REDIS_URL": "sentinel://h1:26379;h2:26379/mymaster"}))
    assert broker.url == "sentinel://h1:26379/1;sentinel://h2:26379/1"


def test_amqp_gets_no_option_of_redis():
    """They would be arguments of its connection."""
    broker = broker_of(load_settings({"P33_BROKER_URL": "amqp://u:p@mq:5672/vhost"}))
    assert broker.url == "amqp://u:p@mq:5672/vhost"
    assert broker.transport_options == {"confirm_publish": True, "connect_timeout": 2}


VERIFIED = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


@pytest.mark.parametrize(
    ("env", "url", "expected"),
    [
        ({"REDIS_TLS": "true"}, "rediss://localhost:6379/1", VERIFIED),
        ({"P33_REDIS_URL": "rediss://h:1/0"}, "rediss://h:1/1", VERIFIED),
        (
            {"P33_BROKER_URL": "rediss://h:1/4?ssl_ca_certs=/dev/fd/0"},
            "rediss://h:1/4",
            {**VERIFIED, "ssl_ca_certs": "/dev/fd/0"},
        ),
        ({"P33_REDIS_URL": "sentinel://h:1/m", "REDIS_TLS": "true"}, "sentinel://h:1/1", VERIFIED),
        (
            {"P33_BROKER_URL": "amqps://u:p@mq:5671/v?ssl_ca_certs=/dev/fd/0"},
            "amqps://u:p@mq:5671/v",
            {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "mq", "ca_certs": "/dev/fd/0"},
        ),
        ({"REDIS_HOST": "h"}, "redis://h:6379/1", False),
        ({"P33_BROKER_URL": "amqp://mq//"}, "amqp://mq//", False),
    ],
)
def test_over_tls_every_certificate_is_verified_with_its_host_name(monkeypatch, env, url, expected):
    """By kombu's default ``rediss://`` verifies nothing, and py-amqp compares no name unless it is given one."""
    monkeypatch.setattr("p33_tasks.settings.urls.os.path.isfile", lambda _: True)
    monkeypatch.setattr("p33_tasks.settings.urls.os.access", lambda *_: True)
    found = conf(**env)
    assert (found.broker_url, found.broker_use_ssl) == (url, expected)


def test_the_sentinels_themselves_are_verified_too():
    broker = broker_of(load_settings({"P33_REDIS_URL": "sentinel://h:1/m", "REDIS_TLS": "true"}))
    options = broker.transport_options["sentinel_kwargs"]
    assert {name: options[name] for name in ("ssl", *VERIFIED)} == {"ssl": True, **VERIFIED}


def test_flower_asks_rabbitmq_over_tls_where_the_broker_is():
    """By its own default it sends the broker's login to port 15672 in the clear."""
    assert management_url(load_settings({"P33_BROKER_URL": "amqps://u:p@mq//"})) == "https://mq:15671/api/"
    assert management_url(load_settings({"P33_BROKER_URL": "amqp://u:p@mq//"})) is None


def test_importing_the_package_imports_neither_celery_nor_ccxt():
    code = "import sys, p33_tasks; assert not {'celery', 'ccxt', 'redis'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_a_worker_imports_celerys_consumer():
    """1.5 MB in the ingest, the beat and the exporter."""
    code = "import sys, p33_tasks.celery.ingest; assert 'celery.worker.consumer' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_app_imports_no_venues_reader():
    """A process serves one venue; the readers of six are 1 MB in each process."""
    code = "import sys, p33_tasks.celery, p33_tasks.tasks; print(*[name for name in sys.modules if 'venues' in name])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "p33_tasks.venues.okx.spec" in loaded
    assert [name for name in loaded if name.endswith((".venue", ".reader", ".orders"))] == []


def test_importing_the_app_does_not_import_ccxt():
    """Beat and the ingest import the task modules: 16 MB each for nothing."""
    code = "import sys, p33_tasks.celery, p33_tasks.tasks; assert 'ccxt' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_tasks_are_found_under_their_names():
    app = make_app(load_settings({}))
    app.loader.import_default_modules()
    assert {"p33.refresh_snapshot", "p33.apply_result", "p33.evaluate_permit", "p33.evaluate_permits"} <= set(app.tasks)


def test_no_task_may_hang_without_end():
    """A name server that never answers would hold a pool process for good."""
    app = make_app(load_settings({}))
    app.loader.import_default_modules()
    app.finalize()
    limits = {name: task.time_limit for name, task in app.tasks.items() if name.startswith("p33.")}
    assert all(limits.values())
    assert limits.items() >= {
        ("p33.evaluate_permit", 10),
        ("p33.evaluate_permits", 10),
        ("p33.apply_result", 10),
        ("p33.refresh_snapshot", 30),
        ("p33.reconcile", 60),
        ("p33.adapt_limits", 10),
        ("p33.prepare_permits", 30),
    }


@pytest.mark.parametrize(
    ("consumed", "streams"),
    [
        (("p33.permits", "p33.ledger", "p33.snapshots"), ("plans", "results")),
        (("p33.permits",), ("plans",)),
        (("p33.ledger",), ("results",)),
        (("p33.snapshots",), ()),
    ],
)
def test_the_streams_follow_the_queues(consumed, streams):
    assert streams_of(worker(consumed)) == streams


@pytest.mark.parametrize(("consumed", "loads"), [(("p33.snapshots",), True), (("p33.permits", "p33.ledger"), False)])
def test_ccxt_is_loaded_before_the_fork_only_where_snapshots_are_consumed(monkeypatch, consumed, loads):
    calls: list[str] = []
    monkeypatch.setattr(signals, "preload", calls.append)
    sender = worker(consumed)
    signals.on_worker_init(sender, "okx")
    assert calls == ["okx"] * loads
    assert sender.options == {"without_gossip": True, "without_mingle": True}


def test_every_process_of_the_pool_sends_short_failures(monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(signals, "shorten_failures", lambda: calls.append("short"))
    signals.on_worker_init(worker(("p33.permits",)), "okx")
    assert calls == ["short"]


def test_the_worker_keeps_the_clients_of_its_channels(monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(signals, "keep_clients", lambda: calls.append("kept"))
    signals.on_worker_init(worker(("p33.permits",)), "okx")
    assert calls == ["kept"]


def test_the_venue_is_imported_before_the_fork(monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(signals, "venue_entry", calls.append)
    signals.on_worker_init(worker(("p33.permits",)), "okx")
    assert calls == ["okx"]


def test_an_ingest_that_keeps_dying_is_started_ever_later():
    respawn = Respawn()
    delays = [respawn.next_delay(0.1) for _ in range(12)]
    assert delays[0] == CHECK_SEC
    assert delays == sorted(delays)
    assert delays[-1] == MAX_RESTART_SEC
    assert respawn.next_delay(HEALTHY_SEC) == 0, "one that had lived well comes back at once"
    assert respawn.next_delay(0.1) == CHECK_SEC


def worker(consumed: tuple[str, ...]) -> SimpleNamespace:
    queues = SimpleNamespace(consume_from=dict.fromkeys(consumed))
    return SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)), options={})
