"""The variables of the venues: their API keys, and the switch to their test environment.

Each has a field, created from the specs of ``VENUES``; the field's name is the variable's in lower case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, create_model
from pydantic_settings import BaseSettings

from p33_tasks.venues.build import venue_specs

OWN_VARIABLES = frozenset({"P33_API_KEY", "P33_API_SECRET", "P33_API_PASSWORD", "P33_TESTNET"})
"""The variables of every venue without its own; ``Settings`` has fields for them."""


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for spec in venue_specs().values():
        for pair in spec.credentials:
            for variable in (pair.key, pair.secret, pair.password):
                if variable is not None and variable not in OWN_VARIABLES:
                    fields[variable.lower()] = (SecretStr | None, Field(None, alias=variable))
        switch = spec.testnet_variable
        if switch not in OWN_VARIABLES:
            fields[switch.lower()] = (bool, Field(default=True, alias=switch))
    return fields


API_SECRETS = tuple(
    dict.fromkeys(
        pair.secret.lower()
        for spec in venue_specs().values()
        for pair in spec.credentials
        if pair.secret not in OWN_VARIABLES
    )
)
"""The fields of secrets, each after the field of its key."""

if TYPE_CHECKING:
    VenueVariables = BaseSettings
else:
    VenueVariables = create_model("VenueVariables", __base__=BaseSettings, **_fields())
