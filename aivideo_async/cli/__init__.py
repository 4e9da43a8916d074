"""The command ``aivideo``. Importing this needs no extra and loads no aiohttp; ``main`` says what is missing."""

from __future__ import annotations

import io
import sys

from aivideo_async.cli.exits import Exit
from aivideo_async.cli.extras import require
from aivideo_async.core.errors import ConfigurationError


def main() -> int:
    """Run the command line. Returns or exits with one of ``aivideo_async.cli.exits.Exit``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = Exit.OK
    try:
        require("cli", ("typer", "rich"))
        from aivideo_async.cli.app import app

        app(prog_name="aivideo")
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        code = Exit.CONFIGURATION
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    return code
