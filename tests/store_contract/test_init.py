from __future__ import annotations

import ast
import inspect
from pathlib import Path

from aivideo_async import store_contract
from aivideo_async.store_contract import StoreContract


def test_every_public_name_is_there() -> None:
    assert [name for name in store_contract.__all__ if not hasattr(store_contract, name)] == []


def test_no_part_of_the_contract_hides_a_test_of_another() -> None:
    parts = [part for part in StoreContract.__mro__ if part.__module__.startswith("aivideo_async.store_contract.")]
    names = [name for part in parts for name in vars(part) if name.startswith("test_")]
    assert len(names) == len(set(names)) > 40
    assert not any(inspect.iscoroutinefunction(getattr(StoreContract, name)) for name in names)


def test_every_test_that_is_written_is_in_the_contract() -> None:
    folder = Path(inspect.getfile(store_contract)).parent
    trees = [ast.parse(path.read_text()) for path in folder.glob("*.py")]
    written = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    assert {name for name in written if name.startswith("test_")} <= set(dir(StoreContract))
