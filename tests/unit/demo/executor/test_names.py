"""A plan's client order id is one the venue accepts, and no two plans share one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.demo.names import client_order_id
from p33_tasks.venues.build import venue_specs

# Whatever an executor may find on the stream, lone surrogates included.
any_text = st.text(st.characters(exclude_categories=()), max_size=300)


@given(any_text)
def test_whatever_the_plan_is_called_the_venue_accepts_the_id(plan_id):
    made = client_order_id("quantum", plan_id)
    assert len(made) <= 36
    assert re.fullmatch(r"[a-z0-9-]+", made)
    for spec in venue_specs().values():
        ids = spec.client_order_ids
        of_venue = client_order_id("quantum", plan_id, ids)
        assert ids.pattern.fullmatch(of_venue)
        assert of_venue.startswith(ids.own_prefix)
        assert len(of_venue) - len(ids.own_prefix) >= 24, "96 bits, or two plans would share an id"


@given(any_text, any_text)
def test_two_plans_never_share_an_id_and_one_plan_always_has_the_same(one, other):
    assert (client_order_id("quantum", one) == client_order_id("quantum", other)) == (one == other)


def test_two_accounts_with_the_same_plan_id_have_two_orders():
    assert client_order_id("quantum", "plan") != client_order_id("quantum2", "plan")


def test_near_misses_differ():
    ids = {
        client_order_id("q", plan_id) for plan_id in ("a", "A", "a ", " a", "a\n", "\uff41", "a\u0301", "\u00e1", "")
    }
    assert len(ids) == 9
