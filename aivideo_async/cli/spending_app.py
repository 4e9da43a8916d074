"""The commands about many tasks and their cost: options and help. What a command does is in what it imports."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from aivideo_async.cli.exits import HELP, Exit
from aivideo_async.cli.options import Json
from aivideo_async.cli.output import Screen

doubt: typer.Typer = typer.Typer(
    help="Creates of which nobody knows whether the service has them: settle them by hand.", no_args_is_help=True
)


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False


def batch(
    file: Annotated[
        Path, typer.Argument(help="Requests, a row or line each: .csv with the fields as columns, or .jsonl.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files, results.jsonl and the gallery.")] = (
        Path("aivideo-batch")
    ),
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost.")] = False,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Credits that it may cost; what does not fit is not sent.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="How many tasks are unfinished at once.")] = 20,
    fallback: Annotated[
        list[str] | None, typer.Option("--fallback", help="A model to try where one fails; several are tried in turn.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where it stopped; nothing is paid for twice.")
    ] = False,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Run the good rows beside bad ones.")] = False,
    resubmit: Annotated[
        bool, typer.Option("--resubmit-in-doubt", help="Send again what is in doubt; it may be charged twice.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    model: Annotated[str, typer.Option("--model", "-m", help="The model of rows that name none.")] = "sora-2",
    name: Annotated[
        str | None, typer.Option(help="The batch's name; by default it is known by the file and the folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Make everything that a file lists, download it, and say what it cost.

    Before anything is sent the whole file is checked, and the folder. Ctrl-C leaves the tasks alive; --resume goes on,
    also after a crash: what has ended is not asked for again, what is on its way is awaited, the rest is submitted.
    AIVIDEO_API_KEY is needed, except with --estimate.
    """
    from decimal import Decimal

    from aivideo_async.cli import session
    from aivideo_async.cli.batch import Wanted, judged, prepared, priced, run
    from aivideo_async.core.budget import credit_micros, credits_of

    screen = Screen(machine=json)
    wanted = Wanted(
        file=file,
        out=out,
        model=model,
        name=name,
        budget=None if budget is None else credits_of(credit_micros(Decimal(str(budget)))),
        concurrency=concurrency,
        fallbacks=tuple(fallback or ()),
        resume=resume or resubmit,
        keep_going=keep_going,
        resubmit_in_doubt=resubmit,
    )

    def work() -> Coroutine[object, object, Exit] | Exit:
        if estimate:
            return priced(screen, wanted, judged(screen, wanted))
        found = prepared(screen, wanted)
        if resubmit and not yes and not _agreed("What is in doubt may be charged twice when it is sent again. Go on?"):
            screen.say("nothing was sent")
            return Exit.INTERRUPTED
        return run(screen, wanted, found)

    session.run(screen, work)


def audit(
    mark: Annotated[bool, typer.Option("--mark", help="Let the next audit begin here.")] = False, json: Json = False
) -> None:
    """Set our estimates beside what the account has consumed since the mark, and name the difference.

    The first audit makes the mark. Exit code 1 where they differ. AIVIDEO_API_KEY is needed.
    """
    from aivideo_async.cli import money, session

    screen = Screen(machine=json)
    session.run(screen, lambda: money.audit(screen, mark=mark))


@doubt.command("list", epilog=HELP)
def _doubt_list(json: Json = False) -> None:
    """List what is in doubt. Asks no service and needs no key."""
    from aivideo_async.cli import money, session

    screen = Screen(machine=json)
    session.run(screen, lambda: money.doubt_list(screen))


@doubt.command("bind", epilog=HELP)
def _doubt_bind(
    id: Annotated[str, typer.Argument(metavar="ID", help="Ours (av_...).")],
    service_id: Annotated[str, typer.Argument(metavar="SERVICE_ID", help="The service's, from its log.")],
    json: Json = False,
) -> None:
    """Say which task of the service it is. The service is asked for it first. AIVIDEO_API_KEY is needed."""
    from aivideo_async.cli import money, session

    screen = Screen(machine=json)
    session.run(screen, lambda: money.doubt_bind(screen, id, service_id))


@doubt.command("abandon", epilog=HELP)
def _doubt_abandon(id: Annotated[str, typer.Argument(metavar="ID", help="Ours (av_...).")], json: Json = False) -> None:
    """Give it up: its credits count as given back. Asks no service and needs no key."""
    from aivideo_async.cli import money, session

    screen = Screen(machine=json)
    session.run(screen, lambda: money.doubt_abandon(screen, id))
