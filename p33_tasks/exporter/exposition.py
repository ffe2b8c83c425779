"""Metric families as text, in the two formats of Prometheus.

It encodes counters, gauges, histograms and infos, without timestamps and exemplars. A test compares
every byte with the library's own encoder, which checks each name and formats each label set anew: at 600 symbols that
was over half of a scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.utils import floatToGoString

_TEXT_TYPES = {"info": "gauge", "unknown": "untyped"}
_TEXT_SUFFIXES = {"counter": "_total", "info": "_info"}


def encode(families: Iterable[Metric], *, openmetrics: bool) -> bytes:
    """All families, in the OpenMetrics format 1.0 or in the text format 0.0.4."""
    numbers: dict[float, str] = {}
    labels: dict[tuple[tuple[str, str], ...], str] = {}
    lines: list[str] = []
    for family in families:
        lines += _head(family, openmetrics=openmetrics)
        for sample in family.samples:
            key = tuple(sample.labels.items())
            text = labels.get(key)
            if text is None:
                text = labels[key] = _labels(sample.labels)
            number = numbers.get(sample.value)
            if number is None:
                number = numbers[sample.value] = _number(sample.value)
            lines.append(f"{sample.name}{text} {number}\n")
    if openmetrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def _head(family: Metric, *, openmetrics: bool) -> tuple[str, str]:
    name, kind, text = family.name, family.type, family.documentation.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    else:
        name, kind = name + _TEXT_SUFFIXES.get(kind, ""), _TEXT_TYPES.get(kind, kind)
    return f"# HELP {name} {text}\n", f"# TYPE {name} {kind}\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # prometheus_client's own
