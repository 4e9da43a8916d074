"""``aivideo doctor``: the callback URL as a sender meets it, and the key as the service sees it."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async import settings
from aivideo_async.cli.diagnosis import Account, Finding, Level, diagnose, diagnose_key
from aivideo_async.cli.examining import Means, examine
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.cli.session import CALLBACK_URL, environment_without
from aivideo_async.cli.webhook import callback_keys, signing_keys
from aivideo_async.client import Client
from aivideo_async.core.errors import AIVideoError, ConfigurationError
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.wire import is_web_url
from aivideo_async.stores import MemoryStore
from aivideo_async.transport import Timeouts

_STYLES: dict[Level, str] = {"ok": "ok     ", "warning": "warning", "fault": "FAULT  "}


async def doctor(
    screen: Screen, *, url: str | None = None, secret_file: Path | None = None, tls: ssl.SSLContext | None = None
) -> Exit:
    """Examine ``url``, or else AIVIDEO_CALLBACK_URL, and the API key, and say in words what is wrong.

    Gives ``Exit.ERROR`` where something is, and ``Exit.OK`` where there are only warnings. ``tls`` is whom to trust.
    Raises ConfigurationError where nothing is set that could be examined, or a key or secret is no such thing.
    """
    target = settings.from_environment(CALLBACK_URL, url)
    if target is None and settings.api_key(None) is None:
        raise ConfigurationError("there is nothing to examine", hint=f"set AIVIDEO_API_KEY and {CALLBACK_URL}")
    findings = [await _key(), *await _callback_url(target, secret_file, tls)]
    for finding in findings:
        screen.line(f"{_STYLES[finding.level]} {finding.about}: {finding.message}")
        if finding.hint is not None:
            screen.line(f"        {finding.hint}")
    faults = sum(finding.level == "fault" for finding in findings)
    screen.object({"healthy": not faults, "findings": [_object(finding) for finding in findings]})
    return Exit.ERROR if faults else Exit.OK


def _object(finding: Finding) -> JsonValue:
    return {"about": finding.about, "level": finding.level, "message": finding.message, "hint": finding.hint}


async def _key() -> Finding:
    if settings.api_key(None) is None:
        return Finding(about="key", level="warning", message="not looked at: AIVIDEO_API_KEY is not set")
    timeouts, retry = Timeouts(connect=5.0, read=10.0, total=15.0), RetryPolicy(attempts=2)
    with environment_without((CALLBACK_URL,)):
        try:
            async with Client(store=MemoryStore(), timeouts=timeouts, retry=retry) as client:
                return diagnose_key(Account(balance=(await client.credits()).balance))
        except ConfigurationError:
            raise
        except AIVideoError as error:
            return diagnose_key(Account(error=error))


async def _callback_url(target: str | None, secret_file: Path | None, tls: ssl.SSLContext | None) -> list[Finding]:
    if target is None:
        message = f"{CALLBACK_URL} is not set: awaiting polls adaptively, and no callback comes"
        return [Finding(about="callback URL", level="warning", message=message)]
    keys = callback_keys()
    if keys is None:
        raise ConfigurationError("a token needs the callback key", hint="set AIVIDEO_CALLBACK_KEY or AIVIDEO_API_KEY")
    service = settings.BaseUrl.parse(None)
    refusal = None
    try:
        settings.callback_base(target, service=service, allow_insecure=False)
    except ConfigurationError as error:
        refusal = error.message
        if not is_web_url(target) or urlsplit(target).username is not None:
            return [Finding(about="setting", level="fault", message=refusal)]
    means = Means(keys=keys, secrets=signing_keys(secret_file), tls=tls)
    return diagnose(await examine(target, means, refusal=refusal, must_be_public=not service.loopback))
