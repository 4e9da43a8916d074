"""``python -m aivideo_async`` is the command ``aivideo``."""

from __future__ import annotations

import sys

from aivideo_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
