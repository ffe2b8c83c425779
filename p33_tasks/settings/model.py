"""The settings with values derived from them: the policy, the URLs, the venue."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from p33_tasks.contract.fingerprints import marks_of
from p33_tasks.domain.limits import MAX_COOLDOWN_MS
from p33_tasks.domain.models import Policy
from p33_tasks.redis_url import with_tls
from p33_tasks.settings.notify import checked_routes
from p33_tasks.settings.urls import next_db
from p33_tasks.settings.variables import Variables, ms_of
from p33_tasks.venues.build import venue_spec
from p33_tasks.venues.spec import VenueSpec


class Settings(Variables):
    """Every setting, and values derived from it. Built by ``load_settings``; immutable.

    Built directly, it has only the given values: ``Settings(P33_POLL_SEC="2")``.
    """

    @cached_property
    def policy(self) -> Policy:
        """The limits, in the domain's units."""
        return Policy(
            allowlist=frozenset(self.allowlist),
            stale_threshold_ms=ms_of(self.stale_threshold_sec),
            cooldown_ms=ms_of(self.cooldown_sec),
            qty_tolerance_pct=self.qty_tolerance_pct,
            position_epsilon=self.position_epsilon,
            plan_max_age_ms=ms_of(self.plan_max_age_sec),
            permit_ttl_ms=self.permit_ttl_sec * 1000,
            poll_ms=ms_of(self.poll_sec),
            market_max_age_ms=self.venue.markets_max_age_ms,
            read_lag_ms=self.venue.read_lag_ms,
            accept_old_life=self.accept_old_life,
            subtract_resting=self.subtract_resting,
        )

    @cached_property
    def order_prefix(self) -> str:
        """The prefix of the client order ids of our own orders."""
        return self.own_order_prefix or self.venue.client_order_ids.own_prefix

    @cached_property
    def notify_routes(self) -> Mapping[str, tuple[str, ...]]:
        """The notification addresses (secrets), by the name of an event of reconciliation; empty: no notifications."""
        return {} if self.notify is None else checked_routes(self.notify.get_secret_value())

    @property
    def prepares(self) -> bool:
        """Whether verdicts are prepared: never with signed permits, since a signature covers the final bytes."""
        return self.prepare == "on" and self.permit_signing_key is None

    @property
    def cooldown_max_ms(self) -> int:
        """The longest cooldown that ``P33_COOLDOWN_MODE=adaptive`` sets, milliseconds."""
        longest = 4 * self.cooldown_sec if self.cooldown_max_sec is None else self.cooldown_max_sec
        return min(ms_of(longest), MAX_COOLDOWN_MS)

    @property
    def state_url(self) -> str:
        """The state store as one URL, password included: never log it."""
        if self.redis_url is not None:
            return with_tls(self.redis_url.get_secret_value()) if self.redis_tls else self.redis_url.get_secret_value()
        credentials = ""
        if self.redis_password is not None:
            user = quote(self.redis_username or "", safe="")
            credentials = f"{user}:{quote(self.redis_password.get_secret_value(), safe='')}@"
        host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
        scheme = "rediss" if self.redis_tls else "redis"
        return f"{scheme}://{credentials}{host}:{self.redis_port}/{self.redis_db}"

    @property
    def celery_broker_url(self) -> str:
        """The broker as one URL, password included; by default the next database of the state store's server."""
        if self.broker_url is not None:
            return self.broker_url.get_secret_value()
        return next_db(self.state_url)

    @property
    def marks(self) -> dict[str, str]:
        """Values that other processes compare with their own settings; no secret."""
        keys = {
            "signing_key": self.permit_signing_key,
            "reconcile_key": self.reconcile_key,
            "task_key": self.task_key,
        }
        texts = {name: None if key is None else key.get_secret_value() for name, key in keys.items()}
        return marks_of(prefix=self.key_prefix, broker_url=self.celery_broker_url, **texts)

    @property
    def venue(self) -> VenueSpec:
        """The spec of the configured venue."""
        return venue_spec(self.exchange)

    @property
    def testnet(self) -> bool:
        """Whether the venue's test environment is used."""
        return bool(self._value_of(self.venue.testnet_variable))

    @property
    def api_credentials(self) -> tuple[SecretStr | None, SecretStr | None]:
        """API key and secret of the configured venue: the first pair of its variables that is set."""
        for pair in self.venue.credentials:
            key: SecretStr | None = self._value_of(pair.key)
            if key is not None:
                return key, self._value_of(pair.secret)
        return None, None

    def _value_of(self, variable: str) -> Any:
        return next(getattr(self, name) for name, field in type(self).model_fields.items() if field.alias == variable)
