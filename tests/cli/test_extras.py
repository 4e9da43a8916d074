"""Optional dependencies are asked for by the name of the extra that brings them."""

from __future__ import annotations

import pytest

from aivideo_async.cli.extras import require
from aivideo_async.core.errors import ConfigurationError


def test_what_is_there_is_no_problem() -> None:
    require("cli", ("json", "typer"))


def test_what_is_not_there_names_its_extra() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install 'aivideo-async\[films\]'") as raised:
        require("films", ("json", "no_such_module"))
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)
