"""The configuration of CONTRACT section 2: environment variables over an env file, checked as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from p33_tasks.domain.models import Policy
from p33_tasks.errors import ConfigurationError

DEFAULT_ENV_FILE = Path("/etc/quantum/position-state-brain.env")
MAX_STALE_THRESHOLD_SEC = 60
"""A hard ceiling: a limit that was raised "temporarily" to 300 s was still there 16 days later."""

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_:/.-]{0,39}")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STATE_SCHEMES = ("redis", "rediss", "sentinel", "unix")
_BROKER_SCHEMES = ("redis", "rediss", "sentinel", "amqp", "amqps")

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Every setting, by its environment variable. Built by ``load_settings``; immutable."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    log_level: LogLevel = Field("INFO", alias="P33_LOG_LEVEL")
    log_format: Literal["text", "json"] = Field("text", alias="P33_LOG_FORMAT")

    redis_host: str = Field("localhost", alias="REDIS_HOST", min_length=1)
    redis_port: int = Field(6379, alias="REDIS_PORT", ge=1, le=65535)
    redis_db: int = Field(0, alias="REDIS_DB", ge=0)
    redis_username: str | None = Field(None, alias="REDIS_USERNAME")
    redis_password: SecretStr | None = Field(None, alias="REDIS_PASSWORD")
    redis_tls: bool = Field(default=False, alias="REDIS_TLS")
    redis_url: SecretStr | None = Field(None, alias="P33_REDIS_URL")
    broker_url: SecretStr | None = Field(None, alias="P33_BROKER_URL")
    key_prefix: str = Field("quantum", alias="P33_KEY_PREFIX")

    poll_sec: Decimal = Field(Decimal(5), alias="P33_POLL_SEC", ge=Decimal("0.1"), le=MAX_STALE_THRESHOLD_SEC)
    allowlist: Annotated[tuple[str, ...], NoDecode] = Field(("BTCUSDT",), alias="P33_ALLOWLIST", min_length=1)
    stale_threshold_sec: Decimal = Field(Decimal(10), alias="P33_STALE_THRESHOLD_SEC", gt=0, le=MAX_STALE_THRESHOLD_SEC)
    cooldown_sec: Decimal = Field(Decimal(15), alias="P33_COOLDOWN_SEC", ge=0, le=86_400)
    qty_tolerance_pct: Decimal = Field(Decimal("1.0"), alias="P33_QTY_TOLERANCE_PCT", ge=0, le=10)
    position_epsilon: Decimal = Field(Decimal("0.0001"), alias="P33_POSITION_EPSILON", gt=0, le=1)
    permit_ttl_sec: int = Field(60, alias="P33_PERMIT_TTL", ge=1, le=3600)
    plan_max_age_sec: Decimal = Field(Decimal(60), alias="P33_PLAN_MAX_AGE_SEC", gt=0, le=86_400)
    ledger_bootstrap: Literal["deny", "adopt"] = Field("deny", alias="P33_LEDGER_BOOTSTRAP")

    metrics_port: int = Field(8045, alias="P33_METRICS_PORT", ge=0, le=65535)
    metrics_host: str = Field("127.0.0.1", alias="P33_METRICS_HOST", min_length=1)

    exchange: str = Field("binanceusdm", alias="P33_EXCHANGE", pattern=r"^[a-z0-9]+$")
    exchange_base_url: str | None = Field(None, alias="P33_EXCHANGE_BASE_URL")
    binance_api_key: SecretStr | None = Field(None, alias="BINANCE_API_KEY")
    binance_api_secret: SecretStr | None = Field(None, alias="BINANCE_API_SECRET")
    binance_testnet_api_key: SecretStr | None = Field(None, alias="BINANCE_TESTNET_API_KEY")
    binance_testnet_api_secret: SecretStr | None = Field(None, alias="BINANCE_TESTNET_API_SECRET")
    binance_testnet: bool = Field(default=True, alias="BINANCE_TESTNET")
    venue_api_key: SecretStr | None = Field(None, alias="P33_API_KEY")
    venue_api_secret: SecretStr | None = Field(None, alias="P33_API_SECRET")
    venue_api_password: SecretStr | None = Field(None, alias="P33_API_PASSWORD")

    governor_permit_key: str = Field("{prefix}:permit:governor:{plan_id}", alias="P33_GOVERNOR_PERMIT_KEY")
    permit_signing_key: SecretStr | None = Field(None, alias="P33_PERMIT_SIGNING_KEY", min_length=16)
    ingest: Literal["on", "off"] = Field("on", alias="P33_INGEST")

    # --- reading ----------------------------------------------------------------------------------------------------

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic-settings' own hook
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, dotenv_settings)

    @field_validator("log_level", "log_format", "ledger_bootstrap", "ingest", mode="before")
    @classmethod
    def _any_case(cls, value: object, info: Any) -> object:
        if not isinstance(value, str):
            return value
        return value.strip().upper() if info.field_name == "log_level" else value.strip().lower()

    @field_validator("allowlist", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        symbols = tuple(dict.fromkeys(part.strip().upper() for part in value.split(",") if part.strip()))
        for symbol in symbols:
            if not _SYMBOL.fullmatch(symbol):
                raise ValueError(f"{symbol[:50]!r} is no symbol; use the venue's ids, e.g. BTCUSDT,ETHUSDT")
        return symbols

    @field_validator("key_prefix")
    @classmethod
    def _plain_prefix(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            raise ValueError("use 1 to 64 letters, digits, '.', '_' or '-'")
        return value

    @field_validator("redis_url")
    @classmethod
    def _state_url(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value, _STATE_SCHEMES)

    @field_validator("broker_url")
    @classmethod
    def _broker_url(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value, _BROKER_SCHEMES)

    @field_validator("exchange_base_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("use scheme and host, e.g. http://127.0.0.1:8088 or https://proxy.example")
        return value.rstrip("/")

    @field_validator("governor_permit_key")
    @classmethod
    def _template(cls, value: str) -> str:
        if "{plan_id}" not in value or re.sub(r"\{(plan_id|prefix)\}", "", value).count("{"):
            raise ValueError("must contain {plan_id}, and may contain {prefix}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.stale_threshold_sec <= self.poll_sec:
            raise ValueError(
                f"P33_STALE_THRESHOLD_SEC={self.stale_threshold_sec} must be greater than "
                f"P33_POLL_SEC={self.poll_sec}, or every snapshot is stale before the next one comes"
            )
        return self

    # --- derived ----------------------------------------------------------------------------------------------------

    @cached_property
    def policy(self) -> Policy:
        """The limits, in the domain's units."""
        return Policy(
            allowlist=frozenset(self.allowlist),
            stale_threshold_ms=_ms(self.stale_threshold_sec),
            cooldown_ms=_ms(self.cooldown_sec),
            qty_tolerance_pct=self.qty_tolerance_pct,
            position_epsilon=self.position_epsilon,
            plan_max_age_ms=_ms(self.plan_max_age_sec),
            permit_ttl_ms=self.permit_ttl_sec * 1000,
            poll_ms=_ms(self.poll_sec),
        )

    @property
    def state_url(self) -> str:
        """The state store as one URL, password included: never log it."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        credentials = ""
        if self.redis_password is not None:
            user = quote(self.redis_username or "", safe="")
            credentials = f"{user}:{quote(self.redis_password.get_secret_value(), safe='')}@"
        host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
        scheme = "rediss" if self.redis_tls else "redis"
        return f"{scheme}://{credentials}{host}:{self.redis_port}/{self.redis_db}"

    @property
    def celery_broker_url(self) -> str:
        """The broker as one URL, password included: the state store's server, next DB, unless told otherwise."""
        if self.broker_url is not None:
            return self.broker_url.get_secret_value()
        return next_db(self.state_url)

    @property
    def api_credentials(self) -> tuple[SecretStr | None, SecretStr | None]:
        """API key and secret of the venue in use."""
        if not self.exchange.startswith("binance"):
            return self.venue_api_key, self.venue_api_secret
        return (
            self.binance_api_key or self.binance_testnet_api_key,
            self.binance_api_secret or self.binance_testnet_api_secret,
        )


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration.

    Args:
        environ: For choosing the env file; values themselves are read from the process's environment.

    Raises:
        ConfigurationError: Listing every problem at once. No secret's value is in it.
    """
    environ = os.environ if environ is None else environ
    named = environ.get("P33_ENV_FILE")
    env_file = Path(named) if named else DEFAULT_ENV_FILE
    if named and not os.access(env_file, os.R_OK):
        raise ConfigurationError(f"P33_ENV_FILE={named}: no such readable file; create it or unset the variable")
    try:
        return Settings(_env_file=env_file if os.access(env_file, os.R_OK) else None)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, environ)) from None


def next_db(url: str) -> str:
    """The same Redis server's next database (of a sentinel URL too)."""
    head, _, tail = url.partition("?")
    parts = urlsplit(head)
    if parts.scheme == "sentinel":
        return url
    db = int(parts.path.strip("/") or 0)
    moved = urlunsplit((parts.scheme, parts.netloc, f"/{db + 1}", "", ""))
    return f"{moved}?{tail}" if tail else moved


def _ms(seconds: Decimal) -> int:
    return int(seconds * 1000)


def _checked_url(value: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    if value is None:
        return None
    scheme = value.get_secret_value().split("://", 1)[0].lower()
    if scheme not in schemes or "://" not in value.get_secret_value():
        allowed = ", ".join(f"{name}://" for name in schemes)
        raise ValueError(f"a URL that begins with one of {allowed}")
    return value


_SECRET_NAMES = re.compile(r"PASSWORD|SECRET|KEY$|_URL$")


def _explain(error: ValidationError, environ: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=True):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        what = problem["msg"].removeprefix("Value error, ")
        if not name:
            lines.append(f"  {what}")
            continue
        found = environ.get(name)
        masked = name not in {"P33_GOVERNOR_PERMIT_KEY", "P33_EXCHANGE_BASE_URL"} and _SECRET_NAMES.search(name)
        shown = "(from the env file)" if found is None else "********" if masked else repr(found[:80])
        lines.append(f"  {name}={shown}: {what}")
    return "The configuration is not usable:\n" + "\n".join(lines)
