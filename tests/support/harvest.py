"""A simulated account in simulated time: prices that wander, and a harvest rule with noise that closes what has gained.

For the forecaster's judgement: the learner is the one that runs live, only its clock is ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from p33_tasks.domain.models import Leg
from p33_tasks.forecaster.evaluation import Scores
from p33_tasks.forecaster.features import Sight
from p33_tasks.forecaster.hazard import HORIZON_SEC
from p33_tasks.forecaster.issuing import Issuer
from p33_tasks.forecaster.learner import Learner
from p33_tasks.forecaster.model import PlanModel

BEGIN_MS = 1_800_000_000_000
REFRESH_SEC = 5
"""As ``P33_POLL_SEC``: positions are seen, and verdicts prepared, so often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """How the market moves, and what the rule does."""

    volatility: float = 0.0003  # of a price, per root second
    target: float = 0.006  # gain at which half is closed, and from twice of which all is
    stop: float = 0.008  # loss at which all is closed
    noise: float = 0.0004  # standard deviation of what the rule sees, around the gain
    looks_every_sec: int = 10  # the rule's own period
    acts: float = 0.5  # the probability that it acts on what it sees
    trailing: float = 0.0  # above 0: instead of the target, all is closed at this loss from the best gain
    lasts_sec: float = math.inf  # and after this time at the latest
    random_every_sec: float = 0.0  # above 0: no rule, plans at random with this mean time between two of a position


@dataclass(slots=True, kw_only=True)
class Held:
    """One simulated position; ``amount`` 0: flat until ``opens_sec``."""

    mark: float
    amount: float = 0.0
    entry: float = 0.0
    rung: int = 0  # how often a part was closed
    opens_sec: float = 0.0  # when it is opened, or was
    best: float = 0.0  # its best gain
    ordered_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A closing plan."""

    position: str
    action: str
    at_ms: int


@dataclass
class Account:
    """Positions and their rule, one simulated second after the other."""

    seed: int
    positions: int
    regime: Regime = field(default_factory=Regime)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.second = 0
        self._held = {f"S{n:03d}USDT": Held(mark=math.exp(self._random.uniform(-2, 8))) for n in range(self.positions)}

    @property
    def now_ms(self) -> int:
        return BEGIN_MS + self.second * 1000

    def step(self) -> Iterator[Plan]:
        """A second passes; the plans that came in it."""
        self.second += 1
        for at, (position, held) in enumerate(self._held.items()):
            held.mark *= math.exp(self._random.gauss(0, self.regime.volatility))
            if held.amount == 0:
                if self.second >= held.opens_sec:
                    self._open(held)
                continue
            action = self._wanted(held, looks=(self.second + at) % self.regime.looks_every_sec == 0)
            if action:
                at_ms = self.now_ms - self._random.randrange(1000)
                self._close(held, action)
                yield Plan(position=position, action=action, at_ms=at_ms)

    def sights(self) -> list[Sight]:
        """What the refresh of this second shows."""
        return [
            Sight(
                position=position,
                symbol=position,
                leg=Leg.BOTH,
                amount=held.amount,
                entry=held.entry,
                mark=held.mark,
                ts_ms=self.now_ms,
                ordered_ms=held.ordered_ms,
            )
            for position, held in self._held.items()
            if held.amount
        ]

    def _open(self, held: Held) -> None:
        held.amount = self._random.choice((-1, 1)) * self._random.uniform(0.5, 2)
        held.entry, held.rung = held.mark, 0
        held.opens_sec, held.best = self.second, 0.0

    def _wanted(self, held: Held, *, looks: bool) -> str:
        regime, chance = self.regime, self._random.random()
        if regime.random_every_sec:
            return (
                ("0.5" if chance * regime.random_every_sec < 0.5 else "1")
                if chance < 1 / regime.random_every_sec
                else ""
            )
        if not looks:
            return ""
        gain = self._gain(held)
        held.best = max(held.best, gain)
        seen = gain + self._random.gauss(0, regime.noise)
        if chance >= regime.acts:
            return ""
        if regime.trailing:
            is_late = self.second - held.opens_sec >= regime.lasts_sec
            return "1" if is_late or seen <= held.best - regime.trailing else ""
        if seen <= -regime.stop or seen >= 2 * regime.target:
            return "1"
        return "0.5" if seen >= regime.target * (1 + held.rung / 3) else ""

    def _gain(self, held: Held) -> float:
        return math.copysign(1, held.amount) * math.log(held.mark / held.entry)

    def _close(self, held: Held, action: str) -> None:
        held.ordered_ms = self.now_ms
        if action == "1":
            held.amount, held.opens_sec = 0.0, self.second + self._random.expovariate(1 / 30)
        else:
            held.amount /= 2
            held.rung += 1


class PlainScores(Scores):
    """Scores that also keep sums without any weighting, of one stretch of time."""

    __slots__ = ("plain",)

    def add(self, probabilities: Mapping[str, float], came: str | None, at_ms: int) -> None:
        self._age(at_ms)
        before = (self.brier, self.base_brier)
        super().add(probabilities, came, at_ms)
        self.plain.samples += 1
        self.plain.brier += self.brier - before[0]
        self.plain.base_brier += self.base_brier - before[1]


@dataclass(slots=True, kw_only=True)
class Stretch:
    """What came of a stretch of time, each sample counted alike."""

    samples: int = 0
    brier: float = 0.0
    base_brier: float = 0.0
    plans: int = 0
    prepared: int = 0  # a refresh lay between a living forecast and its plan
    published: int = 0
    evaluations: int = 0  # refreshes at which a forecast lived: what the preparing task did

    @classmethod
    def of(cls, stretches: Iterable[Stretch]) -> Stretch:
        """All of them together."""
        found = cls()
        for stretch in stretches:
            for name in cls.__slots__:
                setattr(found, name, getattr(found, name) + getattr(stretch, name))
        return found

    @property
    def ratio(self) -> float:
        """Brier score over the base rate's."""
        return self.brier / self.base_brier if self.base_brier else math.inf

    @property
    def share(self) -> float:
        """Of the plans, those that were prepared."""
        return self.prepared / self.plans if self.plans else 0.0

    @property
    def cost(self) -> float:
        """Forecasts per prepared plan."""
        return self.published / self.prepared if self.prepared else math.inf

    def summary(self) -> str:
        """One line."""
        return (
            f"{self.samples} samples, {self.plans} plans; Brier {self.ratio:.3f} of the base rate's; "
            f"{self.share:.0%} prepared at {self.cost:.2f} forecasts "
            f"({self.evaluations / max(1, self.prepared):.1f} evaluations) a prepared plan"
        )


class Judge:
    """Runs an account and a learner side by side. No refresh that the forecaster wishes for is granted."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.scores = PlainScores()
        self.learner = Learner(PlanModel(), self.scores, Issuer())
        self._living: dict[tuple[str, str], list[int]] = {}  # the seconds in which forecasts were published
        self._refreshed = 0

    def run(self, hours: float) -> Stretch:
        """So much simulated time."""
        found = self.scores.plain = Stretch()
        for _ in range(round(hours * 3600)):
            for plan in self.account.step():
                found.plans += 1
                published = self._living.pop((plan.position, plan.action), [])
                found.prepared += any(at < self._refreshed for at in published)
                self.learner.plan(plan.position, plan.action, plan.at_ms)
            if self.account.second % REFRESH_SEC == 0:
                self._refresh(found)
        return found

    def _refresh(self, found: Stretch) -> None:
        self._refreshed = second = self.account.second
        for key, published in list(self._living.items()):
            self._living[key] = [at for at in published if second < at + HORIZON_SEC]
        found.evaluations += sum(map(bool, self._living.values()))  # one verdict, however many forecasts of it
        for issue in self.learner.look(self.account.sights(), self.account.now_ms).issues:
            self._living.setdefault((issue.sight.position, issue.action), []).append(second)
            found.published += 1
