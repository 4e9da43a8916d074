from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.replay import ReplayMemory, delivery_name

NOW = 1_772_442_777.0
NAME = delivery_name("svix", "av_1", "msg_1")


def test_a_delivery_is_held_until_it_could_not_come_again() -> None:
    memory = ReplayMemory(300)
    assert not memory.holds(NAME, now=NOW)
    memory.add(NAME, now=NOW)
    assert memory.holds(NAME, now=NOW + 600)
    assert not memory.holds(NAME, now=NOW + 601)


def test_without_a_tolerance_it_is_still_held_for_a_second() -> None:
    memory = ReplayMemory(0)
    memory.add(NAME, now=NOW)
    assert memory.holds(NAME, now=NOW + 0.9)


def test_what_is_added_again_is_the_newest() -> None:
    memory = ReplayMemory(10, largest=2)
    for name, at in ((b"a", 0), (b"b", 1), (b"a", 2), (b"c", 3)):
        memory.add(name, now=NOW + at)
    assert [memory.holds(name, now=NOW + 4) for name in (b"a", b"b", b"c")] == [True, False, True]


@given(st.lists(st.tuples(st.binary(max_size=2), st.floats(0, 100)), max_size=60))
def test_it_never_grows_beyond_its_bound(added: list[tuple[bytes, float]]) -> None:
    memory = ReplayMemory(5, largest=8)
    for name, now in added:
        memory.add(name, now=now)
        assert memory.holds(name, now=now)
        assert len(memory) <= 8


def test_another_scheme_or_endpoint_makes_it_another_delivery() -> None:
    names = {delivery_name(*parts) for parts in (("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x"))}
    assert len(names) == 4
    assert delivery_name("a", "b", "\ud800")


def test_a_longer_tolerance_holds_for_longer_and_a_shorter_one_not_for_less() -> None:
    memory = ReplayMemory(10)
    memory.widen(300)
    memory.widen(1)
    memory.add(NAME, now=NOW)
    assert memory.holds(NAME, now=NOW + 600)
