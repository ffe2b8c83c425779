"""The example env file: every setting with its default, readable by us and by systemd."""

from __future__ import annotations

import re
from pathlib import Path

from p33_tasks.settings import Settings, load_settings
from tests.deployment.cluster import ROOT

EXAMPLE = ROOT / "config" / "position-state-brain.env.example"
LINE = re.compile(r"#?([A-Z][A-Z0-9_]+)=(.*)")


def variables() -> dict[str, str]:
    found = [match.groups() for line in EXAMPLE.read_text().splitlines() if (match := LINE.fullmatch(line))]
    names = [name for name, _ in found]
    assert len(names) == len(set(names))
    return dict(found)


def test_it_names_every_setting_and_nothing_else() -> None:
    assert set(variables()) == {str(field.alias) for field in Settings.model_fields.values()}


def test_every_value_is_the_default(tmp_path: Path) -> None:
    """With all of its lines in force, nothing is different."""
    everything = tmp_path / "all.env"
    everything.write_text("\n".join(f"{name}={value}" for name, value in variables().items()))
    assert load_settings({"P33_ENV_FILE": str(everything)}) == load_settings({"P33_ENV_FILE": "/dev/null"})
    for field in Settings.model_fields.values():
        shown = variables()[str(field.alias)]
        assert (shown == "") == (field.default is None)


def test_as_shipped_it_changes_nothing_and_holds_no_secret() -> None:
    lines = EXAMPLE.read_text().splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    secret = re.compile("SECRET|PASSWORD|_KEY$")
    assert not any(value for name, value in variables().items() if secret.search(name) and "{" not in value)


def test_systemd_reads_each_line_as_we_do() -> None:
    """No comment behind a value, no quotes, no spaces around the equals sign."""
    for name, value in variables().items():
        assert value == value.strip(), name
        assert not re.search(r"""["'\\#$]""", value), name
