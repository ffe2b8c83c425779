"""A change finds its place by name and its words by themselves, however they are laid out."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard, GuardGoneError

PYTHON = textwrap.dedent('''
    LIMIT = 5


    class Store:
        """Keeps."""

        def commit(self, verdict: str) -> int:
            if verdict == "allow" and not self.held:
                self.write(
                    verdict,
                    LIMIT,  # not more
                )
            return LIMIT

        def write(self, verdict: str, limit: int) -> None:
            print(verdict, limit)


    def commit(verdict: str) -> None:
        if verdict == "allow":
            print(verdict)
''')
LUA = textwrap.dedent("""
    -- KEYS
    --   hold_key  STRING: a hold
    local function held(key)
      if key then
        for _, each in ipairs({ key }) do
          if redis.call('EXISTS', each) == 1 then return true end  -- held
        end
      end
      return false
    end
    local ready = function(key) return not held(key) end

    if held(hold_key) then return { 'held' } end
    return { 'ok' }
""")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "p33_tasks/store/lua").mkdir(parents=True)
    (tmp_path / "p33_tasks/store/verdicts.py").write_text(PYTHON, "utf-8")
    (tmp_path / "p33_tasks/store/__init__.py").write_text("", "utf-8")
    (tmp_path / "p33_tasks/store/lua/check.lua").write_text(LUA, "utf-8")
    return tmp_path


def guard(within: str, *changes: Change) -> Guard:
    return Guard(promise="p", within=within, change=changes, tests=("t.py",))


def lines_changed(root: Path, within: str, *changes: Change) -> tuple[list[str], list[str]]:
    path, text = guard(within, *changes).mutated(root)
    before, after = (root / path).read_text("utf-8").splitlines(), text.splitlines()
    gone = [line.strip() for line in before if line not in after and line.strip()]
    return gone, [line.strip() for line in after if line not in before and line.strip()]


@pytest.mark.parametrize(
    ("within", "change", "now"),
    [
        ("Store.commit", never('verdict == "allow" and not self.held'), "if False:"),
        ("Store.commit", never("verdict == 'allow' and not self.held"), "if False:"),
        ("Store.commit", always('verdict == "allow" and not self.held'), "if True:"),
        ("Store.commit", without("and not self.held"), 'if verdict == "allow" :'),
        ("Store.commit", without("self.write(verdict, LIMIT)"), "pass"),
        ("Store.commit", without(", LIMIT"), "verdict,  # not more"),
        ("Store.commit", instead("return LIMIT", "print(LIMIT)\nreturn 0"), "print(LIMIT)"),
        ("verdicts.commit", never('verdict == "allow"'), "if False:"),
        ("verdicts.LIMIT", instead("5", "50"), "LIMIT = 50"),
        ("Store.LIMIT", without("x"), GuardGoneError),
        ("store.verdicts", instead("LIMIT = 5", "LIMIT = 6"), "LIMIT = 6"),
        ("check.held", never("redis.call('EXISTS', each) == 1"), "if false then return true end  -- held"),
        ("check.held", without('if redis.call("EXISTS", each) == 1 then return true end'), "-- held"),
        ("check.ready", without("not"), "local ready = function(key) return  held(key) end"),
        ("lua.check", without("if held(hold_key) then return { 'held' } end"), None),
    ],
)
def test_a_change_is_made_in_the_named_place_alone(root: Path, within: str, change: Change, now: str | None):
    if now is GuardGoneError:
        with pytest.raises(GuardGoneError):
            guard(within, change).mutated(root)
        return
    _, added = lines_changed(root, within, change)
    assert added[:1] == ([now] if now else [])
    path, text = guard(within, change).mutated(root)
    if path.endswith(".py"):
        compile(text, path, "exec")


@pytest.mark.parametrize(
    ("within", "change", "says"),
    [
        ("Store.comit", never("x"), "nothing is called Store.comit; the nearest: Store.commit"),
        ("commit", never("x"), "nothing is called commit"),
        ("Store.commit", without("LIMIT"), "'LIMIT' is 2 times there, not once"),
        ("Store.commit", without("print(verdict)"), "'print(verdict)' is 0 times there, not once"),
        ("check.held", without("return { 'ok' }"), "is 0 times there"),
        ("Store.commit", without(""), "'' is 0 times there"),
    ],
)
def test_a_guard_that_is_gone_says_what_is_nearest(root: Path, within: str, change: Change, says: str):
    with pytest.raises(GuardGoneError) as gone:
        guard(within, change).mutated(root)
    assert says in str(gone.value)


def test_a_name_that_two_places_have_is_refused_and_both_are_named(root: Path):
    (root / "p33_tasks/demo").mkdir()
    (root / "p33_tasks/demo/verdicts.py").write_text("LIMIT = 5\n", "utf-8")
    with pytest.raises(GuardGoneError) as gone:
        guard("verdicts.LIMIT", instead("5", "6")).mutated(root)
    assert "verdicts.LIMIT names several: demo.verdicts.LIMIT, store.verdicts.LIMIT" in str(gone.value)
    path, text = guard("demo.verdicts.LIMIT", instead("5", "6")).mutated(root)
    assert (path, text) == ("p33_tasks/demo/verdicts.py", "LIMIT = 6\n")


def test_several_changes_are_made_of_the_text_as_it_is(root: Path):
    _, added = lines_changed(root, "Store.commit", without("and not self.held"), instead("return LIMIT", "return 0"))
    assert added == ['if verdict == "allow" :', "return 0"]


def test_new_formatting_and_a_move_cost_nothing(root: Path):
    change = without("self.write(verdict, LIMIT)")
    moved = PYTHON.replace("    ", "  ").replace("verdict,\n        LIMIT,  # not more\n", "verdict, LIMIT")
    assert "verdict, LIMIT" in moved
    (root / "p33_tasks/store/verdicts.py").write_text("", "utf-8")
    (root / "p33_tasks/store/elsewhere.py").write_text(moved, "utf-8")
    path, text = guard("Store.commit", change).mutated(root)
    assert path == "p33_tasks/store/elsewhere.py"
    assert "self.write(" not in text
    compile(text, path, "exec")
