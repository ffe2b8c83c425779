"""Scripts called by name: a wrong header, body or call is refused."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never
from tests.guards.guard import Guard, guard

HEADER_TESTS = "unit/store/test_lua_header.py"
SOURCE_TESTS = "unit/store/test_lua_source.py"
REFUSED_CALL = f"{HEADER_TESTS}::test_a_call_that_does_not_fit_is_refused"
REFUSED_BODY = f"{SOURCE_TESTS}::test_a_body_that_does_not_fit_its_header_is_refused"


def _source(promise: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within="lua_source.check_body", change=change, tests=tests)


SCRIPTS = (
    guard(
        "a script isn't called with a name that it doesn't declare",
        "Block.ordered",
        never("len(given) != self.size"),
        REFUSED_CALL,
        "integration/store/test_scripts.py::test_a_call_that_does_not_fit_runs_nothing",
    ),
    guard(
        "a script isn't called without a name that it declares",
        "Block.ordered",
        instead("[name]", '.get(name, "")'),
        REFUSED_CALL,
        "integration/store/test_scripts.py::test_a_call_that_does_not_fit_runs_nothing",
    ),
    guard(
        "values are sent in the order of the header, not of the call",
        "Block.ordered",
        instead("self.names", "given if name in self.names"),
        f"{HEADER_TESTS}::test_any_order_of_a_call_is_the_headers_order",
    ),
    guard(
        "the parts of a group are exactly those that are declared",
        "Block._flat",
        instead("item.keys() !=", "not item.keys() >="),
        f"{HEADER_TESTS}::test_a_group_that_does_not_fit_is_refused",
    ),
    guard(
        "a name is declared once",
        "lua_header._check",
        never("names.count(name) > 1"),
        f"{HEADER_TESTS}::test_a_wrong_header_is_refused",
    ),
    _source("a script reads no position", instead('read & {"KEYS", "ARGV"}', "set()"), REFUSED_BODY),
    _source(
        "a script reads no name that nothing declares",
        instead("read - local - declared - shared - _LUA", "set()"),
        REFUSED_BODY,
    ),
    guard(
        "nothing that could be read as Lua is written into a script",
        "lua_source.with_fixed",
        never("not _PLAIN.fullmatch(value)"),
        "integration/store/test_scripts.py::test_a_value_that_could_be_read_as_lua_is_never_written_into_a_script",
    ),
    guard(
        "a name that the header doesn't declare isn't fixed",
        "Header.without",
        never("unknown := set(names) - {*self.keys.names, *self.args.names}"),
        "integration/store/test_scripts.py::test_only_what_the_header_declares_can_be_fixed",
    ),
    guard(
        "what is fixed and what is given don't change places",
        "Block.without",
        instead("if name not in names", ""),
        "integration/store/test_scripts.py::test_what_is_fixed_does_not_travel_and_the_rest_arrives_where_it_belongs",
    ),
    _source("a script doesn't declare a name of its header again", instead("(local | shared)", "shared"), REFUSED_BODY),
)
