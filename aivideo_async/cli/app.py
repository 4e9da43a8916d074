"""The command line itself: options and help. What a command does is in the module that it imports."""

from __future__ import annotations

import logging
import sys
from collections.abc import Coroutine
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from aivideo_async.cli import receiving_app, spending_app
from aivideo_async.cli.exits import HELP, Exit
from aivideo_async.cli.options import AllowHost, Json
from aivideo_async.cli.output import Screen

app: typer.Typer = typer.Typer(
    help="Make videos, images and music with the AI Video API, or try it all against a local sandbox.",
    epilog=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # On a terminal help is drawn with colour; elsewhere it is plain text.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ProfileName(StrEnum):
    """Whether the sandbox signs its callbacks."""

    SIGNED = "signed"
    DOCUMENTED = "documented"


class RenderName(StrEnum):
    """What the sandbox's files are."""

    REAL = "real"
    CACHED = "cached"


class KindName(StrEnum):
    """What a model makes."""

    VIDEO = "video"
    IMAGE = "image"
    MUSIC = "music"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"aivideo {metadata.version('aivideo-async')}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the log, and where errors come from.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - typer calls _version
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    logging.getLogger("aivideo_async").setLevel(logging.DEBUG if verbose else logging.NOTSET)


@app.command("demo", epilog=HELP)
def _demo(
    out: Annotated[Path, typer.Option(help="Folder for the files and the gallery.")] = Path("aivideo-demo"),
    profile: Annotated[ProfileName, typer.Option(help="Signed callbacks, or none as documented today.")] = (
        ProfileName.SIGNED
    ),
    json: Json = False,
) -> None:
    """Make one image and seven clips against a local sandbox: no key, no network, no cost.

    Prints a table, or one object with --json, and writes gallery.html beside the files. Settings of the environment
    play no part. Needs the extra 'sandbox'.
    """
    from aivideo_async.cli import demo, session

    screen = Screen(machine=json)
    session.run(screen, lambda: demo.demo(screen, out=out, profile=profile.value))


@app.command("generate", epilog=HELP)
def _generate(
    prompt: Annotated[str | None, typer.Argument(help="What is to be seen or heard.")] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="The model; 'aivideo models' lists them.")] = "sora-2",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="FIELD=VALUE",
            help="A field of the model, checked before anything is sent. A list is set item by item, or as JSON.",
        ),
    ] = None,
    kind: Annotated[
        KindName | None,
        typer.Option(help="For a model that the catalog does not know: what it makes. Its fields are not checked."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where results go: a file, or a folder if it has no suffix.")] = Path("."),
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait and download, or print the id at once.")] = True,
    key: Annotated[str | None, typer.Option(help="Create once per key.")] = None,
    json: Json = False,
) -> None:
    """Generate one thing and download it.

    With --no-wait the printed id is the one to give to 'aivideo wait'. The same --key gives the same task and is paid
    for once, however often the command runs. Records are kept in AIVIDEO_STORE, or in a file of the user's own
    (~/.local/state/aivideo/aivideo.db, or where the platform keeps such files). AIVIDEO_API_KEY is needed.
    """
    from aivideo_async.cli import fields, generate, session, shown

    screen = Screen(machine=json)

    def work() -> Coroutine[object, object, Exit]:
        request = fields.request_of(model, prompt, settings or (), None if kind is None else kind.value)
        return generate.generate(screen, request, target=shown.ready(out) if wait else None, key=key)

    session.run(screen, work)


app.command("batch", epilog=HELP)(spending_app.batch)
app.command("audit", epilog=HELP)(spending_app.audit)
app.add_typer(spending_app.doubt, name="doubt")


@app.command("wait", epilog=HELP)
def _wait(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of the service, or ours (av_...).")],
    out: Annotated[
        Path | None, typer.Option(help="Download here: a file, or a folder if it has no suffix. Else URLs are printed.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most; the tasks live on.")] = None,
    json: Json = False,
) -> None:
    """Wait for tasks that were submitted before, by this command or by anybody with the same key.

    An id of ours (av_...) is found in the store: AIVIDEO_STORE, or the commands' own file. An id of the service that
    is not in there is adopted: it is asked for, with pauses, until it has ended. With several tasks the exit code is
    that of the first, in the order given, that did not succeed. AIVIDEO_API_KEY is needed.
    """
    from aivideo_async.cli import generate, session, shown

    screen = Screen(machine=json)
    session.run(
        screen,
        lambda: generate.wait(screen, ids, target=None if out is None else shown.ready(out), timeout=timeout),
    )


@app.command("tasks", epilog=HELP)
def _tasks(json: Json = False) -> None:
    """List the unfinished tasks of the store. Asks no service and needs no key.

    The service has no list of tasks, so this is what our own records know: those in AIVIDEO_STORE, or in the file that
    the commands share.
    """
    from aivideo_async.cli import listing, session

    screen = Screen(machine=json)
    session.run(screen, lambda: listing.tasks(screen))


@app.command("credits", epilog=HELP)
def _credits(json: Json = False) -> None:
    """Show the account's balance. AIVIDEO_API_KEY is needed."""
    from aivideo_async.cli import listing, session

    screen = Screen(machine=json)
    session.run(screen, lambda: listing.credits_left(screen))


@app.command("models", epilog=HELP)
def _models(
    names: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Only these.")] = None,
    json: Json = False,
) -> None:
    """List the models with their prices and limits, as this version's catalog has them."""
    from aivideo_async.cli import listing, session

    screen = Screen(machine=json)
    session.run(screen, lambda: listing.models(screen, names or ()))


@app.command("sandbox", epilog=HELP)
def _sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 8787,
    profile: Annotated[ProfileName, typer.Option(help="Signed callbacks, or none as documented today.")] = (
        ProfileName.SIGNED
    ),
    speed: Annotated[float, typer.Option(help="How many times faster than the service.")] = 60.0,
    render: Annotated[
        RenderName, typer.Option(help="Render each file, or hand out the same small ones at once: no extra is needed.")
    ] = RenderName.REAL,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SHARE[@MODEL][@key:KEY]",
            help="What is to go wrong: lose-callback=0.1, html=5%@sora-2, rate-limit@key:ci, or of the next creates: "
            "moderation=next:3.",
        ),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Folder where everything is kept for the next start.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Empty the folder of --state first.")] = False,
    seed: Annotated[int | None, typer.Option(help="Make a run repeatable: ids, durations, faults, pictures.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; all but loopback have a token.")] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(envvar="AIVIDEO_SANDBOX_TOKEN", help="What the console asks for off loopback."),
    ] = None,
    allow_host: AllowHost = None,
    json: Json = False,
) -> None:
    """Run a local AI Video API that makes real files, until Ctrl-C or SIGTERM (exit code 0).

    Prints the exports with which clients find it. Without --state all is forgotten at its end. --fault may be given
    several times, and is set over what --state has of the same fault, NAME=0 takes it away; a name that is none lists
    them. Needs the extra 'sandbox', unless with --render cached.
    """
    from aivideo_async.cli import serving, session

    screen = Screen(machine=json)
    session.run(
        screen,
        lambda: serving.serve(
            screen, port=port, profile=profile.value, speed=speed, faults=fault or (), state=state, reset=reset,
            render=render.value, seed=seed, host=host, token=token, hosts=allow_host or (),
        ),
        interrupted=Exit.OK,
    )  # fmt: skip


@app.command("dashboard", epilog=HELP)
def _dashboard(
    store: Annotated[str | None, typer.Option(metavar="URL", help="The store; else AIVIDEO_STORE, or our own.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; off loopback a token is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 8788,
    token: Annotated[
        str | None, typer.Option(envvar="AIVIDEO_DASHBOARD_TOKEN", help="The token; else one is drawn where needed.")
    ] = None,
    allow_host: AllowHost = None,
    json: Json = False,
) -> None:
    """Show the tasks of a store on a page, with timelines and spending, until Ctrl-C or SIGTERM (exit code 0).

    It reads and never writes, so that a user who may only read will do, and makes no store that is not there. It asks
    no service and needs no key.
    """
    from aivideo_async.cli import dashboard, session

    screen = Screen(machine=json)
    session.run(
        screen,
        lambda: dashboard.dashboard(screen, url=store, host=host, port=port, token=token, hosts=allow_host or ()),
        interrupted=Exit.OK,
    )


@app.command("probe", epilog=HELP)
def _probe(
    record: Annotated[Path, typer.Option(help="A new or empty folder for samples, transcript, report and settings.")],
    max_credits: Annotated[float, typer.Option(min=0, help="Never knowingly spend more than this.")] = 100,
    yes: Annotated[bool, typer.Option("--yes", help="Consent without being asked.")] = False,
    host: Annotated[str, typer.Option(help="Where callbacks to AIVIDEO_CALLBACK_URL arrive on this machine.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port for them; 0 takes a free one.")] = 8080,
    json: Json = False,
) -> None:
    """Ask the hosted service what its pages leave open, for a few credits, and say which assumptions are wrong.

    It says what it will cost and waits for a typed yes. What is written is redacted. Questions about callbacks need
    AIVIDEO_CALLBACK_URL; without it they stay open. AIVIDEO_API_KEY is needed.
    """
    from decimal import Decimal

    from aivideo_async.cli import probe, session

    screen, limit = Screen(machine=json), Decimal(str(max_credits))
    session.run(screen, lambda: probe.probe(screen, limit=limit, record=record, yes=yes, host=host, port=port))


app.command("listen", epilog=HELP)(receiving_app.listen)
app.command("doctor", epilog=HELP)(receiving_app.doctor)
app.add_typer(receiving_app.webhook, name="webhook")
