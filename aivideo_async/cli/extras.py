"""Optional dependencies: whether they are there, and what to install when they are not."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from aivideo_async.core.errors import ConfigurationError


def require(extra: str, modules: Iterable[str]) -> None:
    """Import the ``modules`` that an extra brings. Raises ConfigurationError that says what to install."""
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            needed = f"this needs the extra '{extra}': pip install 'aivideo-async[{extra}]'"
            raise ConfigurationError(needed) from error
