"""What ``p33 status`` and ``p33 up`` tell as JSON can be written, whatever is known of a symbol."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p33_tasks.cli.tables import symbol_json
from p33_tasks.domain import exact_json
from tests.factories import make_policy
from tests.unit.exporter.views import make_view


@pytest.mark.parametrize(("ratio", "told"), [(None, "null"), (1.0714, "1.071"), (2.0, "2")])
def test_a_symbols_volatility_ratio_is_an_exact_number(ratio: float | None, told: str) -> None:
    view = replace(make_view(), volatility_ratio=ratio)
    assert f'"volatility_ratio":{told}' in exact_json.dumps(symbol_json(view, make_policy()))
