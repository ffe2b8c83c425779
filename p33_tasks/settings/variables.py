"""Every setting of CONTRACT section 2: its variable, its default, and its allowed values."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from p33_tasks.contract.names import (
    DEFAULT_GOVERNOR_KEY,
    DEFAULT_PREFIX,
    checked_governor_key,
    checked_prefix,
    checked_signing_key,
)
from p33_tasks.contract.positions import looks_like_a_leg
from p33_tasks.domain.reconciling import ExternalPolicy, Mode
from p33_tasks.settings.notify import checked_routes
from p33_tasks.settings.urls import BROKER_SCHEMES, STATE_SCHEMES, checked_url, has_host, path_of
from p33_tasks.settings.venue_variables import API_SECRETS, VenueVariables
from p33_tasks.venues.build import venue_spec, venue_specs

MAX_STALE_THRESHOLD_SEC = 60
"""A hard ceiling: a limit that was raised "temporarily" to 300 s was still there 16 days later."""


DEFAULT_EXCHANGE = next(iter(venue_specs()))

_SYMBOL = re.compile(r"[^\s|{}]{1,40}")
_HOST = r"^[A-Za-z0-9_.:-]+$"
_LINK = r"^https?://[!-~]{1,500}$"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Variables(VenueVariables):
    """Every setting, by its environment variable, with its allowed values."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    log_level: LogLevel = Field("INFO", alias="P33_LOG_LEVEL")
    log_format: Literal["text", "json"] = Field("text", alias="P33_LOG_FORMAT")

    redis_host: str = Field("localhost", alias="REDIS_HOST", pattern=_HOST)
    redis_port: int = Field(6379, alias="REDIS_PORT", ge=1, le=65535)
    redis_db: int = Field(0, alias="REDIS_DB", ge=0)
    redis_username: str | None = Field(None, alias="REDIS_USERNAME")
    redis_password: SecretStr | None = Field(None, alias="REDIS_PASSWORD")
    redis_tls: bool = Field(default=False, alias="REDIS_TLS")
    redis_url: SecretStr | None = Field(None, alias="P33_REDIS_URL")
    broker_url: SecretStr | None = Field(None, alias="P33_BROKER_URL")
    key_prefix: str = Field(DEFAULT_PREFIX, alias="P33_KEY_PREFIX")

    exchange: str = Field(DEFAULT_EXCHANGE, alias="P33_EXCHANGE", pattern=r"^[a-z0-9]+$")  # first: others depend on it
    poll_sec: Decimal = Field(
        Decimal(5), alias="P33_POLL_SEC", ge=Decimal("0.1"), le=MAX_STALE_THRESHOLD_SEC, decimal_places=3
    )
    allowlist: tuple[str, ...] = Field(("BTCUSDT",), alias="P33_ALLOWLIST", min_length=1)
    stale_threshold_sec: Decimal = Field(
        Decimal(10), alias="P33_STALE_THRESHOLD_SEC", gt=0, le=MAX_STALE_THRESHOLD_SEC, decimal_places=3
    )
    cooldown_sec: Decimal = Field(Decimal(15), alias="P33_COOLDOWN_SEC", ge=0, le=86_400, decimal_places=3)
    cooldown_mode: Literal["fixed", "adaptive"] = Field("fixed", alias="P33_COOLDOWN_MODE")
    cooldown_max_sec: Decimal | None = Field(None, alias="P33_COOLDOWN_MAX_SEC", ge=0, le=86_400, decimal_places=3)
    qty_tolerance_pct: Decimal = Field(Decimal("1.0"), alias="P33_QTY_TOLERANCE_PCT", ge=0, le=10, decimal_places=12)
    position_epsilon: Decimal = Field(Decimal("0.0001"), alias="P33_POSITION_EPSILON", gt=0, le=1, decimal_places=20)
    permit_ttl_sec: int = Field(60, alias="P33_PERMIT_TTL", ge=1, le=3600)
    plan_max_age_sec: Decimal = Field(Decimal(60), alias="P33_PLAN_MAX_AGE_SEC", gt=0, le=86_400, decimal_places=3)
    ledger_bootstrap: Literal["deny", "adopt"] = Field("deny", alias="P33_LEDGER_BOOTSTRAP")

    metrics_port: int = Field(8045, alias="P33_METRICS_PORT", ge=0, le=65535)
    metrics_host: str = Field("127.0.0.1", alias="P33_METRICS_HOST", pattern=_HOST)
    flower_url: str | None = Field(None, alias="P33_FLOWER_URL", pattern=_LINK)
    runbook_url: str | None = Field(None, alias="P33_RUNBOOK_URL", pattern=_LINK)

    exchange_base_url: str | None = Field(None, alias="P33_EXCHANGE_BASE_URL")
    venue_api_key: SecretStr | None = Field(None, alias="P33_API_KEY")
    venue_api_secret: SecretStr | None = Field(None, alias="P33_API_SECRET")
    venue_api_password: SecretStr | None = Field(None, alias="P33_API_PASSWORD")
    venue_testnet: bool = Field(default=True, alias="P33_TESTNET")

    governor_permit_key: str = Field(DEFAULT_GOVERNOR_KEY, alias="P33_GOVERNOR_PERMIT_KEY")
    permit_signing_key: SecretStr | None = Field(None, alias="P33_PERMIT_SIGNING_KEY")
    runtime_dir: str | None = Field(None, alias="P33_RUNTIME_DIR", pattern=r"^/")
    accept_old_life: bool = Field(default=False, alias="P33_ACCEPT_OLD_LIFE")
    hold_on_breach: bool = Field(default=True, alias="P33_HOLD_ON_BREACH")
    task_key: SecretStr | None = Field(None, alias="P33_TASK_KEY")
    reconcile_key: SecretStr | None = Field(None, alias="P33_RECONCILE_KEY")
    ingest: Literal["on", "off"] = Field("on", alias="P33_INGEST")
    reconcile_mode: Mode = Field(Mode.OFF, alias="P33_RECONCILE_MODE")
    reconcile_external: ExternalPolicy = Field(ExternalPolicy.HOLD, alias="P33_RECONCILE_EXTERNAL")
    prepare: Literal["on", "off"] = Field("off", alias="P33_PREPARE")
    prepare_max: int = Field(600, alias="P33_PREPARE_MAX", ge=1, le=5_000)
    forecast: Literal["on", "off"] = Field("off", alias="P33_FORECAST")
    subtract_resting: bool = Field(default=False, alias="P33_SUBTRACT_RESTING")
    notify: SecretStr | None = Field(None, alias="P33_NOTIFY")
    own_order_prefix: str | None = Field(None, alias="P33_OWN_ORDER_PREFIX", pattern=r"^[.A-Z:/a-z0-9_-]{1,16}$")

    # --- reading ----------------------------------------------------------------------------------------------------

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic-settings' own hook
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # load_settings collects the variables itself, so that an error can name the value and its source.
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _is_utf8(cls, value: object) -> object:
        # A byte that is not UTF-8 is read as a lone surrogate, which no connection and no log can encode.
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("holds bytes that are not UTF-8")
        return value

    @field_validator(
        "log_level",
        "log_format",
        "ledger_bootstrap",
        "ingest",
        "reconcile_mode",
        "reconcile_external",
        "cooldown_mode",
        "prepare",
        "forecast",
        mode="before",
    )
    @classmethod
    def _any_case(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        return value.strip().upper() if info.field_name == "log_level" else value.strip().lower()

    @field_validator("allowlist", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # Only ASCII letters are changed to upper case: others could become another symbol's letters.
        named = (part.strip() for part in value.split(",") if part.strip())
        symbols = tuple(dict.fromkeys(part.upper() if part.isascii() else part for part in named))
        if not symbols:
            raise ValueError("name at least one symbol, e.g. BTCUSDT")
        for symbol in symbols:
            # The venue decides which symbols exist: p33 check names one that it doesn't list, and its plans are denied.
            if not _SYMBOL.fullmatch(symbol) or not symbol.isprintable():
                raise ValueError(
                    f"{symbol[:50]!r} can't be a symbol: use 1 to 40 printable characters without blanks, '|', '{{' or "
                    "'}', the venue's own ids, e.g. BTCUSDT,ETHUSDT"
                )
            if looks_like_a_leg(symbol):
                raise ValueError(f"{symbol[:50]!r} names a leg; name the symbol alone, both legs are read")
        return symbols

    @field_validator("key_prefix")
    @classmethod
    def _plain_prefix(cls, value: str) -> str:
        return checked_prefix(value)

    @field_validator("redis_url")
    @classmethod
    def _state_url(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        checked = checked_url(value, STATE_SCHEMES)
        if checked is not None and info.data.get("redis_tls") and checked.get_secret_value().startswith("redis://"):
            raise ValueError("write rediss://, or remove REDIS_TLS=true: this URL has no TLS")
        return checked

    @field_validator("broker_url")
    @classmethod
    def _broker_url(cls, value: SecretStr | None) -> SecretStr | None:
        return checked_url(value, BROKER_SCHEMES)

    @field_validator("exchange")
    @classmethod
    def _has_a_strict_reader(cls, value: str) -> str:
        if value not in venue_specs():
            supported = ", ".join(sorted(venue_specs()))
            raise ValueError(f"this venue is not supported; supported: {supported}")
        return value

    @field_validator("poll_sec")
    @classmethod
    def _within_the_request_budget(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        exchange = info.data.get("exchange")
        if exchange is None:
            return value
        spec, poll_ms = venue_spec(exchange), ms_of(value)
        own, needed = spec.requests.own_weight_per_minute, spec.weight_per_minute(poll_ms)
        if needed > own:
            raise ValueError(
                f"{60_000 / poll_ms:g} refreshes a minute of weight {spec.refresh_weight}, and the market rules, "
                f"take {needed:g} of request weight a minute; this service takes at most {own} of {exchange}'s "
                f"{spec.requests.weight_per_minute}: use at least {Decimal(spec.least_poll_ms).scaleb(-3)}"
            )
        return value

    @field_validator("subtract_resting")
    @classmethod
    def _can_read_resting(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        exchange, poll_sec = info.data.get("exchange"), info.data.get("poll_sec")
        if not value or exchange is None or poll_sec is None:
            return value
        spec = venue_spec(exchange)
        if not spec.resting:
            can = ", ".join(sorted(name for name, spec in venue_specs().items() if spec.resting))
            raise ValueError(f"{exchange} isn't asked for all open orders at once; only {can} is")
        own, left = spec.requests.own_weight_per_minute, spec.weight_per_minute(ms_of(poll_sec)) + spec.resting_weight
        if left > own:
            raise ValueError(
                f"with one reading of the open orders (weight {spec.resting_weight}) this service needs {left:g} of "
                f"request weight a minute, and takes at most {own}: use a longer P33_POLL_SEC"
            )
        return value

    @field_validator("notify")
    @classmethod
    def _routes_of_known_events(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            checked_routes(value.get_secret_value())
        return value

    @field_validator("exchange_base_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        plain = "?" not in value and "#" not in value and "@" not in value
        if value.split("://")[0] not in {"http", "https"} or not plain or not has_host(value) or path_of(value):
            raise ValueError("use scheme and host, e.g. http://127.0.0.1:8088 or https://proxy.example")
        return value.rstrip("/")

    @field_validator("venue_testnet")
    @classmethod
    def _is_there(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        exchange, base_url = info.data.get("exchange"), info.data.get("exchange_base_url", "")
        if exchange is not None and (
            problem := venue_spec(exchange).no_such_environment(testnet=value, base_url=base_url)
        ):
            raise ValueError(problem)
        return value

    @field_validator("permit_signing_key", "task_key", "reconcile_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            checked_signing_key(value.get_secret_value())
        return value

    @field_validator(*API_SECRETS, "venue_api_secret")
    @classmethod
    def _whole_credentials(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        key = (info.field_name or "").replace("_secret", "_key")
        exchange = info.data.get("exchange")
        if value is None and exchange is not None and venue_spec(exchange).account is not None:
            return None  # its API key is a public address, which is enough for reading
        if (value is None) != (info.data.get(key) is None):
            raise ValueError(f"set both this and {cls.model_fields[key].alias}, or neither")
        return value

    @field_validator("governor_permit_key")
    @classmethod
    def _template(cls, value: str, info: ValidationInfo) -> str:
        return checked_governor_key(value, info.data.get("key_prefix", DEFAULT_PREFIX))

    @field_validator("stale_threshold_sec")
    @classmethod
    def _above_the_poll_period(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        poll_sec = info.data.get("poll_sec")
        if poll_sec is not None and value <= poll_sec:
            raise ValueError(
                f"must be greater than P33_POLL_SEC={poll_sec}, or every snapshot is stale before the next one comes"
            )
        return value

    @field_validator("cooldown_max_sec")
    @classmethod
    def _not_below_the_cooldown(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        cooldown_sec = info.data.get("cooldown_sec")
        if value is not None and cooldown_sec is not None and value < cooldown_sec:
            raise ValueError(f"must not be below P33_COOLDOWN_SEC={cooldown_sec}: a cooldown is only lengthened")
        return value


def ms_of(seconds: Decimal) -> int:
    """Seconds as milliseconds."""
    return int(seconds * 1000)
