"""Check whether a Redis server can be used for the state or as a broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import redis

from p33_tasks.errors import ConfigurationError, StoreError, StoreUnavailableError
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import translated_errors

SECTIONS = ("server", "replication", "cluster")
WHICH_WORK = "Redis 6.2 to 8.x, or Valkey 8 or 9, as one primary with replicas (sentinel:// follows a failover)"

_IDENTITY = ("run_id", "master_replid")


def why_unfit(info: Mapping[str, Any]) -> str | None:
    """Why a server can't store the state, from INFO's sections ``server``, ``replication`` and ``cluster``.

    Returns:
        One sentence; None if the server can be used.
    """
    if is_cluster(info):
        return (
            "it is a Redis Cluster (cluster_enabled:1): one verdict touches keys of several hash slots in one script, "
            "which a cluster refuses"
        )
    missing = [name for name in _IDENTITY if not info.get(name)]
    if missing:
        return (
            f"its INFO shows no {' and no '.join(missing)}: without them a restart or a failover that forgot writes "
            "can't be noticed, and a permit could be consumed twice"
        )
    return None


def is_cluster(info: Mapping[str, Any]) -> bool:
    """Whether the server is a node of a cluster."""
    return str(info.get("cluster_enabled", 0)) == "1" or info.get("redis_mode") == "cluster"


def require_fit_servers(state_url: str, broker_url: str) -> None:
    """Check the servers before any work begins. A server that can't be reached now is not checked.

    Args:
        state_url: The state store.
        broker_url: Celery's broker; checked only if it is a Redis server.

    Raises:
        ConfigurationError: A server can't be used; the text gives the reason, and which servers can.
    """
    for what, url in (("the state store", state_url), ("the broker", broker_url)):
        if url.startswith("amqp"):
            continue
        info = _read_info(url, what)
        if info is None:
            continue
        reason = why_unfit(info) if what == "the state store" else _why_unfit_as_broker(info)
        if reason is not None:
            raise ConfigurationError(f"{what} can't be used: {reason}. Use {WHICH_WORK}")


def _why_unfit_as_broker(info: Mapping[str, Any]) -> str | None:
    return "it is a Redis Cluster, which Celery's transport can't use" if is_cluster(info) else None


def _read_info(url: str, what: str) -> Mapping[str, Any] | None:
    client = connect(url, retries=0)
    try:
        with translated_errors():
            return read_info(client)
    except StoreUnavailableError:
        return None
    except StoreError as error:
        raise ConfigurationError(f"{what} can't be judged: {error}. This login needs INFO; use {WHICH_WORK}") from None
    finally:
        client.close()


def read_info(client: redis.Redis) -> dict[str, Any]:
    """The sections of INFO that ``why_unfit`` needs.

    Raises:
        redis.RedisError: Redis is away, or refuses INFO.
    """
    pipeline = client.pipeline(transaction=False)
    for section in SECTIONS:
        pipeline.info(section)
    return {name: value for part in pipeline.execute() for name, value in part.items()}
