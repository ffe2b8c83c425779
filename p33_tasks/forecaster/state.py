"""The learned state as JSON: plain numbers, since reading a replaced pickle would run foreign code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from p33_tasks.contract.forecast_status import TOTALS
from p33_tasks.domain.statistics import Statistics
from p33_tasks.errors import CorruptStateError
from p33_tasks.forecaster.evaluation import Bin, Scores
from p33_tasks.forecaster.features import MEANS_SEC, Track
from p33_tasks.forecaster.hazard import Hazard
from p33_tasks.forecaster.issuing import LEAST_LIMIT, MOST_LIMIT, Issuer
from p33_tasks.forecaster.learner import KEPT_PLANS, MODEL, MOST_POSITIONS, Learner
from p33_tasks.forecaster.mixing import Mixture
from p33_tasks.forecaster.model import PlanModel
from p33_tasks.forecaster.numbers import finite, positive, whole

VERSION = 3
"""A state of another version is ignored and the model starts new: raise it when features, model or format change."""
MAX_CHARS = 8_000_000
MAX_ID_CHARS = 41
"""Of an entry's id: two numbers of 64 bits."""
_SCORES = ("weight", "brier", "base_brier", "log_loss", "base_log_loss", "published", "plans", "foreseen")
_MARKS = ("mark", "fast", "fast_weight", "slow", "slow_weight", "observed_sec")


@dataclass(slots=True, kw_only=True)
class Learned:
    """The state that is kept over a restart."""

    learner: Learner
    read: dict[str, str] = field(default_factory=dict)  # stream to the last entry read
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOTALS, 0))


def beginning() -> Learned:
    """The state of a new forecaster."""
    return Learned(learner=Learner(PlanModel(), Scores(), Issuer()))


def encode_state(learned: Learned) -> str:
    """The state as one line of JSON. Samples without an outcome are left out: events during a restart are unknown."""
    learner = learned.learner
    document = {
        "version": VERSION,
        "model": learner.model.to_numbers(),
        "scores": asdict(learner.scores),
        "limit": learner.issuer.limit,
        "speaks": learner.issuer.speaks,
        "tracks": {position: _track(track) for position, track in learner.tracks.items()},
        "hazards": {name: hazard.to_numbers() for name, hazard in learner.hazards.items()},
        "losses": learner.mixture.losses,
        "judged_ms": learner.mixture.at_ms,
        "read": learned.read,
        "totals": learned.totals,
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def decode_state(text: str) -> Learned:
    """The state from its JSON.

    Raises:
        CorruptStateError: It is of another version, or damaged; no part of it is used.
    """
    try:
        return _decoded(text)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise CorruptStateError(f"the forecaster's state can't be read: {type(error).__name__}: {error}") from error


def _decoded(text: str) -> Learned:
    if len(text) > MAX_CHARS:
        raise ValueError(f"{len(text)} characters, at most {MAX_CHARS}")
    found = json.loads(text)
    if found["version"] != VERSION:
        raise ValueError(f"version {found['version']!r:.20}, this program reads {VERSION}")
    model = PlanModel.from_numbers(found["model"])
    tracks = {position: _decoded_track(track) for position, track in found["tracks"].items()}
    hazards = {name: Hazard.from_numbers(found["hazards"][name], kept) for name, kept in KEPT_PLANS.items()}
    mixture = Mixture(
        {name: positive(found["losses"].get(name, 0.0)) for name in (*KEPT_PLANS, MODEL)}, whole(found["judged_ms"])
    )
    if len(tracks) > MOST_POSITIONS:
        raise ValueError(f"{len(tracks)} positions, at most {MOST_POSITIONS}")
    limit = min(MOST_LIMIT, max(LEAST_LIMIT, finite(found["limit"])))
    issuer = Issuer(limit=limit, speaks=found["speaks"] is True)
    return Learned(
        learner=Learner(model, _scores(found["scores"]), issuer, tracks=tracks, hazards=hazards, mixture=mixture),
        read={str(stream): _entry_id(entry_id) for stream, entry_id in found["read"].items()},
        totals={name: whole(found["totals"][name]) for name in TOTALS},
    )


def _track(track: Track) -> dict[str, Any]:
    marks = track.marks
    return {
        "opened_ms": track.opened_ms,
        "is_long": track.is_long,
        "most_amount": track.most_amount,
        "best_return": track.best_return,
        "means": track.means,
        "seen_ms": track.seen_ms,
        "planned_ms": track.planned_ms,
        "was_denied": track.was_denied,
        "marks": {"mark_ms": marks.mark_ms, **{name: getattr(marks, name) for name in _MARKS}},
    }


def _decoded_track(found: Mapping[str, Any]) -> Track:
    numbers: dict[str, Any] = {name: positive(found["marks"][name]) for name in _MARKS}
    marks = Statistics(mark_ms=whole(found["marks"]["mark_ms"]), **numbers)
    means = tuple(map(finite, found["means"]))
    if len(means) not in {0, len(MEANS_SEC)} or positive(found["most_amount"]) == 0:
        raise ValueError("not a position's track")
    return Track(
        opened_ms=whole(found["opened_ms"]),
        is_long=found["is_long"] is True,
        most_amount=positive(found["most_amount"]),
        best_return=finite(found["best_return"]),
        marks=marks,
        means=means,
        seen_ms=whole(found["seen_ms"]),
        planned_ms=whole(found["planned_ms"]),
        was_denied=found["was_denied"] is True,
    )


def _scores(found: Mapping[str, Any]) -> Scores:
    sums: dict[str, Any] = {name: positive(found[name]) for name in _SCORES}
    scores = Scores(
        at_ms=whole(found["at_ms"]),
        samples=whole(found["samples"]),
        came={str(action)[:8]: positive(count) for action, count in found["came"].items()},
        **sums,
    )
    if len(found["bins"]) != len(scores.bins):
        raise ValueError("not the bins of the scores")
    scores.bins = [
        Bin(**{name: positive(one[name]) for name in ("count", "probability", "came")}) for one in found["bins"]
    ]
    return scores


def _entry_id(value: Any) -> str:
    ms, _, sequence = value.partition("-")
    if not (
        ms.isascii() and ms.isdecimal() and sequence.isascii() and sequence.isdecimal() and len(value) <= MAX_ID_CHARS
    ):
        raise ValueError("not an entry id")
    return str(value)
