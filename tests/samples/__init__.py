"""Literal bytes from outside; each folder's README names their source."""

from pathlib import Path

FOLDER = Path(__file__).parent


def sample(name: str) -> bytes:
    """The bytes of ``tests/samples/<name>``."""
    return (FOLDER / name).read_bytes()
