"""Checks whether this login may send a worker's commands. Each is tested without being executed."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import redis

from p33_tasks.cli.findings import Finding, Findings, listed
from p33_tasks.cli.session import Session
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.store.rights import Command, refused_commands

MAKE_ACL = "renew the ACL file (deployment/make-acl.sh), load it with ACL LOAD, then restart the workers"
_SHA = "0" * 40


def check_rights(session: Session) -> list[Finding]:
    """Findings about the state store's login, and about the broker's if that is Redis."""
    findings = Findings("rights")
    keys, symbol = session.keys, session.settings.allowlist[0]
    try:
        if refused_commands(session.client, [_read_plans(keys)]):
            findings.ok("worker's", f"not tried: {_login(session.settings.state_url)} is no worker's login")
            return findings.all
        lacking = refused_commands(session.client, worker_commands(keys, symbol))
    except redis.RedisError as error:
        findings.warn("worker's", f"can't be tried: {error}", "permit MULTI and DISCARD to this login")
        return findings.all
    if lacking:
        missing = listed(" ".join(command[:2]) for command in lacking)
        findings.fail("worker's", f"{_login(session.settings.state_url)} may not {missing}", MAKE_ACL)
    else:
        findings.ok("worker's", "the login has permission for every command that a worker sends to the state store")
    _check_queues(findings, session)
    return findings.all


def _check_queues(findings: Findings, session: Session) -> None:
    from p33_tasks.celery.queue_rights import acl_line, lacking_queues  # imports Celery, only for a worker's login
    from p33_tasks.tasks.job import queues

    settings = session.settings
    if settings.celery_broker_url.startswith("amqp"):
        return
    try:
        lacking = lacking_queues(settings, list(queues(settings)))
    except redis.RedisError as error:
        findings.warn("queues", f"can't be tried: {error}", "start the broker, or permit MULTI and DISCARD")
        return
    if lacking:
        lines = listed(acl_line(settings.key_prefix, queue) for queue in lacking)
        found = f"{_login(settings.celery_broker_url)} may not serve {listed(lacking)}; its ACL lacks {lines}"
        findings.fail("queues", found, MAKE_ACL)
    else:
        findings.ok("queues", "the broker's login has permission for each of them")


def _login(url: str) -> str:
    return unquote(urlsplit(url).username or "") or "the default user"


def _read_plans(keys: Keys) -> Command:
    return ("XREADGROUP", "GROUP", GROUP, "check", "STREAMS", keys.plans, ">")


def worker_commands(keys: Keys, symbol: str) -> list[Command]:
    """One command for each right that a worker needs in the state store."""
    return [
        _read_plans(keys),
        ("XREADGROUP", "GROUP", GROUP, "check", "STREAMS", keys.results, ">"),
        *(("XACK", key, GROUP, "0-1") for key in (keys.plans, keys.results)),
        *(("XCLAIM", key, GROUP, "check", "0", "0-1") for key in (keys.plans, keys.results)),
        *(("XRANGE", key, "-", "+") for key in (keys.plans, keys.results)),
        *(("XADD", key, "*", "a", "b") for key in (keys.decisions, keys.audit, keys.dead_letters)),
        ("EVALSHA", _SHA, "1", keys.snapshot(symbol)),
        ("SCRIPT", "LOAD", "return 1"),
        ("INFO", "server"),
        ("TIME",),
        ("EXISTS", keys.hold(symbol)),
        *(("HSET", key, "a", "b") for key in (keys.snapshot(symbol), keys.ledger(symbol), keys.fills(symbol))),
        *(("HSET", key, "a", "b") for key in (keys.market(symbol), keys.budget, keys.first_seen)),
        ("HINCRBY", keys.counters, "a", "1"),
        ("ZADD", keys.fill_times(symbol), "1", "a"),
        *(("SET", key, "a") for key in (keys.reservation(symbol), keys.permit("check"), keys.decision("check"))),
        *(("SET", key, "a") for key in (keys.epoch, keys.entry_copy("0-1"), keys.consumer_lease("check"))),
        *(("DEL", key) for key in (keys.permit("check"), keys.reservation(symbol), keys.entry_copy("0-1"))),
        ("EXPIRE", keys.ledger(symbol), "1"),
        ("PEXPIRE", keys.reservation(symbol), "1"),
        ("HGETALL", keys.consumed("check")),
    ]
