"""Checks whether Redis is suitable for this service, in a few round trips; writes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import redis

from p33_tasks.cli.findings import Finding, Findings, Grade, listed
from p33_tasks.cli.session import Session, place_of
from p33_tasks.contract.keys import Keys
from p33_tasks.domain.models import Leg
from p33_tasks.errors import ConfigurationError, StoreError, StoreUnavailableError
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import translated_errors
from p33_tasks.store.server import SECTIONS, WHICH_WORK, is_cluster, why_unfit

UNUSABLE = "kind of server"
MIN_VERSION = (6, 2)
MAX_CLOCK_OFFSET_MS = 1_000
MAX_MEMORY_SHARE = 0.8

Info = dict[str, Any]


def check_redis(session: Session) -> list[Finding]:
    """All findings about the state store; only the first if it can't be reached."""
    findings = Findings("redis")
    try:
        with translated_errors():
            pipeline = session.client.pipeline(transaction=False)
            pipeline.time()
            for section in (*SECTIONS, "memory", "persistence"):
                pipeline.info(section)
            before_ms = time.time() * 1000
            (sec, micros), *infos = pipeline.execute()
            after_ms = time.time() * 1000
            info: Info = {name: value for part in infos for name, value in part.items()}
            unfit = why_unfit(info)
            wrong = list(_wrong_types(session)) if unfit is None else []
    except StoreError as error:
        refused = isinstance(error.__cause__, redis.AuthenticationError) or not isinstance(error, StoreUnavailableError)
        note = findings.fail if refused else findings.away
        note("reachable", f"{session.redis_place}: {error}", _way_in(error))
        return findings.all
    if unfit is not None:
        findings.fail(UNUSABLE, f"{session.redis_place}: {unfit}", f"use {WHICH_WORK}")
        return findings.all
    _check_server(findings, session, info)
    _check_memory(findings, info)
    _check_persistence(findings, info)
    _check_replication(findings, session)
    _check_clock(findings, int(sec) * 1000 + int(micros) / 1000, before_ms, after_ms)
    if wrong:
        fix = "check each with TYPE, find out who wrote it, then RENAME it; plans of these symbols are denied"
        findings.fail("keys of ours", f"of another type: {listed(wrong)}", fix)
    else:
        findings.ok("keys of ours", f"under {session.keys.prefix!r}, none holds another type")
    return findings.all


def _way_in(error: StoreError) -> str:
    if isinstance(error.__cause__, redis.AuthenticationError):
        return "set REDIS_USERNAME and REDIS_PASSWORD (or P33_REDIS_URL) to a login that this server knows"
    if "DB index" in str(error):
        return "set REDIS_DB to a database that this server has; the broker takes the next one"
    return "start Redis there, or set REDIS_HOST, REDIS_PORT, REDIS_PASSWORD (or P33_REDIS_URL)"


def _check_server(findings: Findings, session: Session, info: Info) -> None:
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    found = f"{session.redis_place}, version {version}, run {str(info.get('run_id'))[:8]}"
    wanted = ".".join(map(str, MIN_VERSION))
    grade = Grade.OK if numbers >= MIN_VERSION else Grade.FAIL
    findings.add("reachable", grade, found, f"use Redis {wanted} or newer, or Valkey")
    if info.get("role") != "master":
        fix = "point REDIS_HOST at the primary, or use sentinel://h1:26379;h2:26379/NAME in P33_REDIS_URL"
        findings.fail("role", f"{info.get('role')}: can't be written to", fix)


def _check_memory(findings: Findings, info: Info) -> None:
    policy, limit, used = info.get("maxmemory_policy"), int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    size = f"{used // 2**20} MB used, " + (f"limit {limit // 2**20} MB" if limit else "no limit")
    if policy != "noeviction":
        fix = "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf: an evicted ledger or hold is gone"
        findings.add("eviction", Grade.FAIL if limit else Grade.WARN, f"maxmemory-policy {policy}, {size}", fix)
    elif limit and used >= limit:
        findings.fail(
            "eviction", f"full: noeviction, {size}", "raise maxmemory now: until then Redis stores no verdict"
        )
    elif limit and used > MAX_MEMORY_SHARE * limit:
        findings.warn("eviction", f"noeviction, {size}", "raise maxmemory: when Redis is full, no plan gets a verdict")
    else:
        findings.ok("eviction", f"noeviction, {size}")


def _check_persistence(findings: Findings, info: Info) -> None:
    fix = "appendonly yes, appendfsync everysec in redis.conf (now: CONFIG SET appendonly yes)"
    if not int(info.get("aof_enabled", 0)):
        findings.warn("persistence", "AOF is off: a restart loses ledgers, holds and verdicts", fix)
    elif info.get("aof_last_write_status") == "err" or info.get("aof_last_bgrewrite_status") == "err":
        findings.fail("persistence", "AOF is on, and its last write failed", "check the disk and the Redis log")
    else:
        findings.ok("persistence", "AOF is on")
    if info.get("rdb_last_bgsave_status") == "err":
        findings.fail("snapshots on disk", "the last BGSAVE failed: Redis may refuse writes", "check its log and disk")


def _check_replication(findings: Findings, session: Session) -> None:
    """Check ``repl-backlog-ttl``: when a backlog is freed, a new replication history begins, so a new life."""
    try:
        found = session.client.config_get("repl-backlog-ttl").get("repl-backlog-ttl")
    except redis.RedisError:  # a role that may not read the configuration: no finding
        return
    if found is not None and str(found) != "0":
        fix = "CONFIG SET repl-backlog-ttl 0, and the same in redis.conf of every node"
        note = f"repl-backlog-ttl {found}: {found} s after the last replica or backup left, every permit becomes void"
        findings.warn("replication", note, fix)


def _check_clock(findings: Findings, redis_ms: float, before_ms: float, after_ms: float) -> None:
    # The round trip's time can't be distinguished from an offset.
    offset = max(before_ms - redis_ms, redis_ms - after_ms, 0.0)
    found = f"{offset:.0f} ms apart from this host's"
    fix = "run NTP on both hosts; ages use only Redis's clock, but logs and the exchange's times are compared with it"
    findings.add("clock", Grade.OK if offset <= MAX_CLOCK_OFFSET_MS else Grade.WARN, found, fix)


def _wrong_types(session: Session) -> Iterator[str]:
    wanted = dict(_expected_types(session.keys, session.settings.allowlist))
    pipeline = session.client.pipeline(transaction=False)
    for key in wanted:
        pipeline.type(key)
    for (key, kind), found in zip(wanted.items(), pipeline.execute(), strict=True):
        if found not in {"none", kind}:
            yield f"{key} is a {found}, not a {kind}"


def _expected_types(keys: Keys, symbols: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in (keys.plans, keys.results, keys.dead_letters, keys.decisions, keys.audit, keys.position_changes):
        yield key, "stream"
    for key in (keys.counters, keys.refresh, keys.budget, keys.first_seen, keys.results_first_seen):
        yield key, "hash"
    for symbol in symbols:
        for key in (keys.fills(symbol), keys.market(symbol), keys.limits(symbol)):
            yield key, "hash"
        yield keys.fill_times(symbol), "zset"
        for leg in Leg:
            for key in (keys.snapshot(symbol, leg), keys.ledger(symbol, leg), keys.adaptive_limits(symbol, leg)):
                yield key, "hash"
            for key in (keys.reservation(symbol, leg), keys.ledger_origin(symbol, leg)):
                yield key, "string"
    yield keys.epoch, "string"


def check_broker(session: Session) -> list[Finding]:
    """Whether Celery's broker answers."""
    findings = Findings("broker")
    url = session.settings.celery_broker_url
    fix = "start the broker, or correct P33_BROKER_URL"
    try:
        if url.startswith("amqp"):
            _ask_amqp(session.settings)
        else:
            client = connect(url, retries=0)
            try:
                if is_cluster(client.info("cluster")):
                    findings.fail(
                        UNUSABLE,
                        f"{place_of(url)}: a Redis Cluster, which Celery's transport can't use",
                        f"use {WHICH_WORK}, or RabbitMQ",
                    )
                    return findings.all
                client.ping()
            finally:
                client.close()
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        note = findings.fail if isinstance(error, redis.AuthenticationError) else findings.away
        note("reachable", f"{place_of(url)}: {error}", fix)
    except (redis.RedisError, ConfigurationError) as error:
        findings.fail("reachable", f"{place_of(url)}: {error}", fix)
    else:
        findings.ok("reachable", place_of(url))
    return findings.all


def _ask_amqp(settings: Settings) -> None:
    """Connect and log in once. Raises OSError for any failure."""
    from kombu.connection import Connection
    from kombu.exceptions import KombuError

    from p33_tasks.celery.broker import broker_of

    broker = broker_of(settings)
    connection: Any = Connection(broker.url, ssl=broker.use_ssl or False, connect_timeout=2)  # type: ignore[no-untyped-call]  # kombu leaves it untyped
    try:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except (KombuError, *connection.connection_errors, *connection.channel_errors) as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        connection.release()
