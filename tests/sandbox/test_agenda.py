from __future__ import annotations

from aivideo_async.sandbox.agenda import Agenda
from aivideo_async.sandbox.records import Delivery


def a_delivery(id: str) -> Delivery:
    return Delivery(id=id, task_id="t", event="task.completed", url="", body=b"", ended_at=0)


def test_what_is_due_comes_by_its_moment_and_then_as_it_was_put_down() -> None:
    agenda = Agenda()
    for at, item in (2.0, "c"), (1.0, "a"), (1.0, "b"), (3.0, "d"):
        agenda.put(at, item)
    assert list(agenda.due(2.0)) == [(1.0, "a"), (1.0, "b"), (2.0, "c")]
    assert agenda.next_due == 3.0


def test_what_is_put_down_meanwhile_comes_too() -> None:
    agenda = Agenda()
    agenda.put(1.0, "a")
    seen: list[str | Delivery] = []
    for _, item in agenda.due(2.0):
        seen.append(item)
        if item == "a":
            agenda.put(2.0, "b")
            agenda.put(2.5, "c")
    assert (seen, agenda.next_due) == (["a", "b"], 2.5)


def test_deliveries_are_planned_anew_and_tasks_stay() -> None:
    agenda = Agenda()
    agenda.put(1.0, a_delivery("old"))
    agenda.put(2.0, "task")
    agenda.replan([(3.0, a_delivery("new"))])
    assert list(agenda.due(9.0)) == [(2.0, "task"), (3.0, a_delivery("new"))]


def test_one_that_is_cleared_has_nothing_to_do() -> None:
    agenda = Agenda()
    agenda.put(1.0, "a")
    agenda.clear()
    assert agenda.next_due is None
