"""Scripts called by name: a wrong header, body or call is refused."""

from __future__ import annotations

from tests.guards.guard import Guard

HEADER_TESTS = "unit/store/test_lua_header.py"
SOURCE_TESTS = "unit/store/test_lua_source.py"
REFUSED_CALL = f"{HEADER_TESTS}::test_a_call_that_does_not_fit_is_refused"
REFUSED_BODY = f"{SOURCE_TESTS}::test_a_body_that_does_not_fit_its_header_is_refused"


def _header(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="store/lua_header.py", old=old, new=new, tests=tests)


def _source(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="store/lua_source.py", old=old, new=new, tests=tests)


SCRIPTS = (
    _header(
        "a script isn't called with a name that it doesn't declare",
        "        if len(given) != self.size:\n",
        "        if False:\n",
        REFUSED_CALL,
        "integration/store/test_scripts.py::test_a_call_that_does_not_fit_runs_nothing",
    ),
    _header(
        "a script isn't called without a name that it declares",
        "            values: list[Any] = [given[name] for name in self.names]\n",
        '            values: list[Any] = [given.get(name, "") for name in self.names]\n',
        REFUSED_CALL,
        "integration/store/test_scripts.py::test_a_call_that_does_not_fit_runs_nothing",
    ),
    _header(
        "values are sent in the order of the header, not of the call",
        "            values: list[Any] = [given[name] for name in self.names]\n",
        "            values: list[Any] = [given[name] for name in given if name in self.names]\n",
        f"{HEADER_TESTS}::test_any_order_of_a_call_is_the_headers_order",
    ),
    _header(
        "the parts of a group are exactly those that are declared",
        "            if item.keys() != set(self.parts):\n",
        "            if not item.keys() >= set(self.parts):\n",
        f"{HEADER_TESTS}::test_a_group_that_does_not_fit_is_refused",
    ),
    _header(
        "a name is declared once",
        "            if names.count(name) > 1:\n",
        "            if False:\n",
        f"{HEADER_TESTS}::test_a_wrong_header_is_refused",
    ),
    _source(
        "a script reads no position",
        'if positional := read & {"KEYS", "ARGV"}:',
        "if positional := set():",
        REFUSED_BODY,
    ),
    _source(
        "a script reads no name that nothing declares",
        "    if unknown := read - local - declared - shared - _LUA:\n",
        "    if unknown := set():\n",
        REFUSED_BODY,
    ),
    _source(
        "a script doesn't declare a name of its header again",
        "if twice := declared & (local | shared) or local & shared:",
        "if twice := declared & shared or local & shared:",
        REFUSED_BODY,
    ),
)
