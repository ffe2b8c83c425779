"""Signs of life, and what ``p33 alive`` makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from p33_tasks.bootstrap import alive as module
from p33_tasks.bootstrap.alive import MAIN, POOL, Sign, read_signs, runtime_dir
from p33_tasks.cli.root import cli


def run(folder: Path, *arguments: str) -> tuple[int, dict]:
    result = CliRunner().invoke(cli, ["alive", "--json", *arguments], env={"P33_RUNTIME_DIR": str(folder)})
    return result.exit_code, json.loads(result.stdout)


def sign(folder: Path, role: str = "beat", *parts: str, **more) -> Sign:
    shown = Sign(folder=folder, role=role, **more)  # type: ignore[arg-type]  # a role
    shown.begin()
    shown._due = 0
    shown.show(MAIN, *parts)
    return shown


def rewrite(folder: Path, **changed: object) -> None:
    [path] = folder.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def test_a_process_that_gave_a_sign_just_now_is_alive(tmp_path: Path) -> None:
    sign(tmp_path / "new" / "folder")
    code, found = run(tmp_path / "new" / "folder", "--max-age", "30")
    assert (code, found["alive"]) == (0, True)
    [process] = found["processes"]
    assert (process["role"], process["pid"], process["problems"]) == ("beat", os.getpid(), [])
    assert process["age_sec"].keys() == {"main"}


def test_an_old_sign_is_none_and_the_limit_is_the_callers(tmp_path: Path) -> None:
    sign(tmp_path)
    rewrite(tmp_path, seen_ms={"main": int(time.monotonic() * 1000) - 20_000})
    assert run(tmp_path, "--max-age", "30")[0] == 0
    code, found = run(tmp_path, "--max-age", "10")
    assert code == 1
    assert "allowed are 10.0 s" in found["processes"][0]["problems"][0]


def test_a_sign_from_the_future_is_of_another_boot(tmp_path: Path) -> None:
    sign(tmp_path)
    rewrite(tmp_path, seen_ms={"main": int(time.monotonic() * 1000) + 60_000})
    assert run(tmp_path)[0] == 1


def test_nothing_that_runs_here_is_not_alive(tmp_path: Path) -> None:
    assert run(tmp_path / "absent")[0] == 1
    assert run(tmp_path)[0] == 1
    sign(tmp_path).end()
    assert run(tmp_path)[0] == 1
    sign(tmp_path)
    assert run(tmp_path, "--of", "worker")[0] == 1


def test_a_worker_needs_main_loop_pool_and_ingest(tmp_path: Path) -> None:
    sign(tmp_path, "worker", has_ingest=True)
    assert run(tmp_path)[1]["processes"][0]["problems"] == ["pool: no sign", "ingest: no sign"]
    sign(tmp_path, "worker", POOL, has_ingest=True)
    assert run(tmp_path)[1]["processes"][0]["problems"] == ["ingest: no sign"]
    sign(tmp_path, "ingest", of=os.getpid())
    code, found = run(tmp_path)
    assert code == 0
    assert found["processes"][0]["age_sec"].keys() == {"main", "pool", "ingest"}


def test_a_worker_without_streams_needs_no_ingest(tmp_path: Path) -> None:
    sign(tmp_path, "worker", POOL)
    assert run(tmp_path)[0] == 0


def test_another_workers_ingest_is_not_this_ones(tmp_path: Path) -> None:
    sign(tmp_path, "worker", POOL, has_ingest=True)
    sign(tmp_path, "ingest", of=1)
    assert run(tmp_path)[0] == 1


def test_what_a_dead_process_left_is_ignored_and_removed_at_the_next_start(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    sign(tmp_path)
    [path] = tmp_path.glob("*.json")
    for name, changed in (("worker-1.json", {"pid": int(dead.stdout)}), ("worker-2.json", {"started": "1"})):
        (tmp_path / name).write_text(json.dumps({**json.loads(path.read_text()), "role": "worker", **changed}))
    (tmp_path / "x.json").write_text("{")
    code, found = run(tmp_path)
    assert (code, len(found["processes"])) == (0, 1)
    sign(tmp_path)
    assert [p.name for p in tmp_path.glob("*.json")] == [path.name]


def test_a_folder_that_can_not_be_written_ends_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    sign(tmp_path / "file" / "folder")
    assert read_signs(tmp_path / "file" / "folder") == []
    monkeypatch.setattr(module.os, "geteuid", lambda: 4_711)
    sign(tmp_path)
    assert list(tmp_path.glob("*.json")), "the folder is another user's: said, and tried all the same"


def test_the_folder_is_the_settings_then_systemds_then_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/a:/run/b")
    assert runtime_dir("/x") == Path("/x")
    assert runtime_dir(None) == Path("/run/a")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert runtime_dir(None).name == f"p33-{os.geteuid()}"


@pytest.mark.parametrize("arguments", [["--max-age", "0"], ["--max-age", "nan"], ["--max-age", "x"], ["--of", "redis"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["alive", *arguments]).exit_code == 2


def test_an_unusable_configuration_is_2() -> None:
    assert CliRunner().invoke(cli, ["alive"], env={"P33_RUNTIME_DIR": "relative"}).exit_code == 2
