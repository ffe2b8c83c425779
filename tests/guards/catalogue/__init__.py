"""Every guard, by the part of the product that it stands in."""

from __future__ import annotations

from tests.guards.catalogue.alive import ALIVE
from tests.guards.catalogue.barrier import BARRIER
from tests.guards.catalogue.bitget import BITGET
from tests.guards.catalogue.broker import BROKER
from tests.guards.catalogue.command_line import COMMAND_LINE
from tests.guards.catalogue.consuming import CONSUMING
from tests.guards.catalogue.control import CONTROL
from tests.guards.catalogue.dead_letters import DEAD_LETTERS
from tests.guards.catalogue.detection import DETECTION
from tests.guards.catalogue.emergency import EMERGENCY
from tests.guards.catalogue.forecasting import FORECASTING
from tests.guards.catalogue.fronts import FRONTS
from tests.guards.catalogue.gate import GATE
from tests.guards.catalogue.holding import HOLDING
from tests.guards.catalogue.hosts import HOSTS
from tests.guards.catalogue.hyperliquid import HYPERLIQUID
from tests.guards.catalogue.issuing import ISSUING
from tests.guards.catalogue.legs import LEGS
from tests.guards.catalogue.life import LIFE
from tests.guards.catalogue.limits import LIMITS
from tests.guards.catalogue.messages import MESSAGES
from tests.guards.catalogue.neighbours import NEIGHBOURS
from tests.guards.catalogue.orders import ORDERS
from tests.guards.catalogue.permits import PERMITS
from tests.guards.catalogue.prepared import PREPARED
from tests.guards.catalogue.quantities import QUANTITIES
from tests.guards.catalogue.reading import READING
from tests.guards.catalogue.reconciliation import RECONCILIATION
from tests.guards.catalogue.recording import RECORDING
from tests.guards.catalogue.refreshing import REFRESHING
from tests.guards.catalogue.resting import RESTING
from tests.guards.catalogue.rules import RULES
from tests.guards.catalogue.scripts import SCRIPTS
from tests.guards.catalogue.secrets import SECRETS
from tests.guards.catalogue.servers import SERVERS
from tests.guards.catalogue.snapshots import SNAPSHOTS
from tests.guards.catalogue.texts import TEXTS
from tests.guards.catalogue.tls import TLS
from tests.guards.catalogue.unknown_outcomes import UNKNOWN_OUTCOMES
from tests.guards.catalogue.venue_folders import VENUE_FOLDERS
from tests.guards.catalogue.venue_results import VENUE_RESULTS
from tests.guards.catalogue.venues import EXCHANGE
from tests.guards.guard import Guard

GUARDS: tuple[Guard, ...] = (
    *(*RULES, *QUANTITIES, *LIMITS),
    *(
        *ISSUING,
        *PERMITS,
        *CONSUMING,
        *RECORDING,
        *BARRIER,
        *UNKNOWN_OUTCOMES,
        *LIFE,
        *LEGS,
        *HOLDING,
        *EMERGENCY,
        *PREPARED,
        *FORECASTING,
    ),
    *(*RECONCILIATION, *RESTING),
    *(*SNAPSHOTS, *REFRESHING, *EXCHANGE, *VENUE_FOLDERS, *BITGET, *GATE, *HYPERLIQUID, *VENUE_RESULTS, *ORDERS),
    *(*READING, *DEAD_LETTERS, *MESSAGES, *BROKER, *CONTROL, *NEIGHBOURS, *FRONTS),
    *(*SECRETS, *HOSTS, *TEXTS, *TLS, *SCRIPTS, *SERVERS, *ALIVE, *DETECTION, *COMMAND_LINE),
)
