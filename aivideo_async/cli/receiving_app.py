"""The commands about the receiver: options and help. What a command does is in the module that it imports."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from aivideo_async.cli.exits import HELP, Exit
from aivideo_async.cli.options import Json
from aivideo_async.cli.output import Screen

webhook: typer.Typer = typer.Typer(
    help="Take one callback apart: sign it, verify it, send it again.", epilog=HELP, no_args_is_help=True
)

SecretFile = Annotated[
    Path | None,
    typer.Option(help="A file with the sender's secrets, one per line; else AIVIDEO_WEBHOOK_SECRET is read."),
]
CapturedFile = Annotated[str, typer.Argument(metavar="FILE", help="A captured request, or - for standard input.")]


def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    path: Annotated[
        str | None, typer.Option(help="What stands before id and token; else the path of AIVIDEO_CALLBACK_URL.")
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send what is believed on, unchanged; {id} and {token} in it are filled."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="A folder for what is believed, a file each, for 'aivideo webhook'.")
    ] = None,
    json: Json = False,
) -> None:
    """Receive callbacks and print those that are believed, until Ctrl-C.

    A callback is stored and answered before it is forwarded, so an application that is down loses no event and costs
    none of the sender's three attempts. Records are kept in AIVIDEO_STORE, or in the file that the commands share.
    AIVIDEO_CALLBACK_KEY or AIVIDEO_API_KEY is needed, and AIVIDEO_WEBHOOK_SECRET where callbacks are signed.
    """
    from aivideo_async.cli import listen as listening
    from aivideo_async.cli import session

    screen = Screen(machine=json)
    session.run(
        screen,
        lambda: listening.listen(screen, port=port, host=host, path=path, forward=forward, save=save),
    )


def doctor(
    url: Annotated[str | None, typer.Option(help="The callback base to examine; else AIVIDEO_CALLBACK_URL.")] = None,
    secret_file: SecretFile = None,
    json: Json = False,
) -> None:
    """Examine the callback URL from outside, and the API key, and say what is wrong (code 1).

    DNS, connection, TLS chain and expiry, redirects, mounting, what proxies refuse, clocks, callback key, webhook
    secret, latency. Its requests are for the id of no task and change nothing. The key is shown to the service only.
    """
    from aivideo_async.cli import doctor as examination
    from aivideo_async.cli import session

    screen = Screen(machine=json)
    session.run(screen, lambda: examination.doctor(screen, url=url, secret_file=secret_file))


@webhook.command("sign", epilog=HELP)
def _sign(
    file: Annotated[str, typer.Argument(metavar="BODY", help="A file with the body, or - for standard input.")] = "-",
    url: Annotated[str | None, typer.Option(help="Print the curl line that sends it there.")] = None,
    task: Annotated[
        str | None, typer.Option(metavar="ID", help="With --url: the URL is a callback base; add this id and a token.")
    ] = None,
    id: Annotated[str | None, typer.Option("--id", help="The delivery's id; else one is made up.")] = None,
    timestamp: Annotated[int | None, typer.Option(min=1, help="Unix seconds; else now.")] = None,
    secret_file: SecretFile = None,
    json: Json = False,
) -> None:
    """Sign a body as a sender with the secret would: print the headers, or with --url a curl line.

    With --json the captured request is printed, which 'verify' and 'replay' take.
    """
    from aivideo_async.cli import session
    from aivideo_async.cli import webhook as webhooks

    screen = Screen(machine=json)

    def work() -> Exit:
        return webhooks.signed(
            screen,
            webhooks.read_bytes(file),
            secret_file=secret_file,
            url=url,
            task=task,
            delivery_id=id,
            timestamp=timestamp,
            body_file=file,
        )

    session.run(screen, work)


@webhook.command("verify", epilog=HELP)
def _verify(
    file: CapturedFile,
    when_captured: Annotated[bool, typer.Option("--when-captured", help="As of when it came, and not as of now.")] = (
        False
    ),
    secret_file: SecretFile = None,
    json: Json = False,
) -> None:
    """Say whether a captured request is believed, and if not, why (code 1).

    FILE is JSON with method, path, headers (pairs of name and value) and body, or body_base64: what 'listen --save'
    and 'sign --json' write.
    """
    from aivideo_async.cli import session
    from aivideo_async.cli import webhook as webhooks

    screen = Screen(machine=json)
    session.run(
        screen,
        lambda: webhooks.verify(screen, webhooks.load(file), secret_file=secret_file, when_captured=when_captured),
    )


@webhook.command("replay", epilog=HELP)
def _replay(
    file: CapturedFile,
    url: Annotated[str, typer.Argument(help="Where it is sent; {id} and {token} in it are filled.")],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Send it as it came; else its timestamp, signature and token are made anew.")
    ] = False,
    new_id: Annotated[
        bool, typer.Option("--new-id", help="Make it a delivery of its own; else it has the id it had.")
    ] = False,
    secret_file: SecretFile = None,
    json: Json = False,
) -> None:
    """Send a captured request again and print the answer; one that is not 2xx is code 1."""
    from aivideo_async.cli import session
    from aivideo_async.cli import webhook as webhooks

    screen = Screen(machine=json)

    def work() -> Coroutine[object, object, Exit]:
        captured = webhooks.load(file)
        return webhooks.replay(screen, captured, url, secret_file=secret_file, as_is=as_is, new_id=new_id)

    session.run(screen, work)
