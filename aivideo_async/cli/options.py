"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one per line where there are several.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A host name that leads here, as that of a service in compose; may be repeated."),
]
