"""The layers of the package, held by reading its source. To add a module, give it a line in ``LAYERS``."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import aivideo_async

PACKAGE = Path(aivideo_async.__file__).parent
TESTS = Path(__file__).parent
ROOT = "aivideo_async"

LAYERS = """
core core.errors tally core.replay byte_ranges asgi
core.fallback core.models catalog.meant
core.keys core.refusals catalog.problems prometheus spans core.strict_json core.pictures catalog.local frames \
    console.controls console.view_style console.music
core.reports core.scheme_keys
core.lifecycle core.signing core.tokens core.retry core.wire core.addresses core.schemes
core.webhooks catalog.base supervise cli.diagnosis core.headers core.scheme_verifier core.budget
catalog.conversion catalog.gpt_image catalog.grok catalog.happyhorse catalog.kling catalog.nano_banana \
    catalog.seedance catalog.sora catalog.suno catalog.veo catalog.wan catalog.generic catalog.prices core.any_of \
    core.jwks core.audit
catalog
cli.fields console.html console.http console.source console.style console.script console.snippets
exchange part_file turns body_forms handlers ask_rate stores.base stores.feeds gallery_style stores.redis_lua \
    stores.redis_link sandbox.dialect sandbox.palettes sandbox.plan sandbox.scenarios sandbox.shelf sandbox.sound \
    stores.postgres_server dev_certificate own_loop django_view guard gallery_script console.parts console.guard \
    console.live console.fields sandbox.clock sandbox.state sandbox.door sandbox.durations
stores.sqlite_watch stores.reading lent_store transport gallery endings stores.rounds stores.codec \
    stores.sqlite_schema sandbox.planes sandbox.records stores.redis_connections stores.redis_scripts \
    stores.postgres_schema sandbox.accent sandbox.checking probe.findings probe.orders probe.redaction probe.purse \
    transfer pictures console.chart console.logs console.keys console.faults console.trying console.frame \
    sandbox.faults sandbox.inputs sandbox.keys console.reset console.media
jwks orders otel posting sandbox.scenario_json sandbox.labels sandbox.terrain sandbox.roll sandbox.agenda \
    sandbox.depot stores.sqlite_events stores.sqlite_rows stores.redis_listener stores.redis_records \
    stores.redis_opening stores.postgres_events stores.postgres_pool probe.looking probe.sending sandbox.files \
    console.credits console.engine_tasks sandbox.openapi sandbox.asserting sandbox.ledger sandbox.outbox console.key \
    console.tasks
settings sandbox.scenery stores.sqlite_worker stores.redis_events stores.redis_branch stores.redis_reading \
    stores.postgres_rows stores.postgres_listener probe.questions sandbox.affording sandbox.answers sandbox.books \
    sandbox.results
sandbox.engine sandbox.pictures sandbox.handing sandbox.listening stores.postgres_worker probe.report console.task \
    console.store_source
console.engine_tools sandbox.film probe.folder console.acts console.engine_keys console.engine_credits
console.engine_source mounting probe.journal sandbox.media sandbox.controls sandbox.keeping console.pages
stores.memory stores.sqlite stores.redis waiters receiver download sandbox.delivery stores.postgres \
    sandbox.resuming console.mounting
stores reconcile task submit sandbox.making probe.listening saving console
probe.running spending variants attempts doubts auditing sandbox.server
opening sandbox probe.performing store_contract.engine store_contract.records store_contract.unreliable \
    batch_items
owning store_contract.claiming store_contract.finding store_contract.keeping store_contract.receiving \
    store_contract.telling
client store_contract probe
chain batch_play cli.exits cli.extras cli.output cli.store cli.captured cli.options cli.reasons
batch cli.screenplay cli.serving cli.session cli.shown cli.webhook cli.listen cli.dashboard
cli.generate cli.listing cli.report cli.probe cli.examining
cli.demo cli.doctor cli.rows cli.bars cli.results
cli.receiving_app
cli.batch cli.money
cli.spending_app
cli.app pytest_plugin
cli __init__
__main__
"""
"""A module imports only from lines above its own; modules on one line do not know each other (DESIGN §2)."""

LINES = [line.split() for line in LAYERS.strip().splitlines()]
LINE = {module: number for number, line in enumerate(LINES) for module in line}

PURE = ("core", "catalog")
PURE_PARTS = {
    f"probe.{part}" for part in ("findings", "looking", "orders", "purse", "questions", "redaction", "report")
}
IMPURE = {"asyncio", "aiohttp", "anyio", "sqlite3", "time", "random", "logging", "socket", "threading", "os", "secrets"}
FOREIGN_TO_PURE = {"pydantic", "pydantic_core", "cryptography"}
CODEC = {
    *("wire", "refusals", "reports", "lifecycle", "strict_json"),
    *("signing", "schemes", "scheme_keys", "scheme_verifier", "any_of"),
    *("keys", "tokens", "webhooks"),
}
SESSION_HOLDERS = {"transport", "download", "posting", "sandbox.delivery", "jwks"}


def name_of(path: Path) -> str:
    """``core.wire`` for aivideo_async/core/wire.py, ``core`` for its package, ``__init__`` for the whole."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = {name_of(path): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Every import wherever it stands: the module, and the name that is taken from it or nothing."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


def own_imports(source: str) -> Iterator[str]:
    """The modules of the package that a source imports, by the names of ``LAYERS``."""
    for module, name in imported(source):
        if module.startswith("."):
            yield f"{module} (relative)"
        elif module == ROOT or module.startswith(f"{ROOT}."):
            inner = module.removeprefix(ROOT).removeprefix(".")
            deeper = f"{inner}.{name}".removeprefix(".")
            yield deeper if deeper in LINE else inner or "__init__"


def violations(sources: Mapping[str, str]) -> list[str]:
    """Every import that points up or sideways, or to what has no line."""
    return [
        f"{module} imports {target}"
        for module, source in sources.items()
        for target in sorted(set(own_imports(source)))
        if target != module and LINE.get(target, len(LINES)) >= LINE.get(module, len(LINES))
    ]


def foreign(source: str) -> set[str]:
    return {module.partition(".")[0] for module, _ in imported(source)} - {ROOT, ""}


# The layers


def test_every_module_has_a_line_and_every_line_its_modules() -> None:
    assert set(SOURCES) == set(LINE)
    assert sum(len(line) for line in LINES) == len(LINE)


def test_modules_import_only_from_lines_above_their_own() -> None:
    assert violations(SOURCES) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.wire", "from aivideo_async.client import Client"),
        ("core.wire", "import aivideo_async.transport"),
        ("core.wire", "import aivideo_async.transport as t"),
        ("core.wire", "from aivideo_async import transport"),
        ("core.wire", "from aivideo_async import Client"),
        ("core.wire", "import aivideo_async"),
        ("core.wire", "from aivideo_async.core import lifecycle"),
        ("core.wire", "def f():\n    from aivideo_async.core.lifecycle import merge"),
        ("core.wire", "if TYPE_CHECKING:\n    from aivideo_async.client import Client"),
        ("core.wire", "try:\n    import aivideo_async.client\nexcept ImportError:\n    pass"),
        ("core.wire", "from . import errors"),
        ("core.wire", "from ..client import Client"),
        ("core.wire", "from aivideo_async.core.nowhere import x"),
        ("stores.memory", "from aivideo_async.stores import open_store"),
        ("receiver", "from aivideo_async.waiters import Waiters"),
    ],
)
def test_a_wrong_import_is_found_wherever_it_stands(module: str, source: str) -> None:
    assert len(violations({module: source})) == 1


@pytest.mark.parametrize(
    "source",
    ["from aivideo_async.core import errors, models", "import aivideo_async.core.reports", "import json", "x = 1"],
)
def test_a_right_import_is_none_of_them(source: str) -> None:
    assert violations({"core.wire": source}) == []


# What may be imported where


def test_core_and_catalog_are_pure() -> None:
    for module, source in SOURCES.items():
        if module.partition(".")[0] in PURE or module in PURE_PARTS:
            taken = foreign(source)
            assert not taken & IMPURE, module
            assert taken <= FOREIGN_TO_PURE | sys.stdlib_module_names, module


def test_the_sandbox_shares_no_codec_with_the_client() -> None:
    codec = {f"core.{name}" for name in CODEC}
    for module, source in SOURCES.items():
        if module.partition(".")[0] == "sandbox":
            assert not codec & set(own_imports(source)), module


def test_only_four_modules_hold_a_client_session() -> None:
    holders = {
        module
        for module, source in SOURCES.items()
        for node in ast.walk(ast.parse(source))
        if "ClientSession" in (getattr(node, "attr", ""), getattr(node, "id", ""), getattr(node, "name", ""))
    }
    assert holders <= SESSION_HOLDERS
    assert "transport" in holders


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "types", "constants", "manager"])
def test_no_module_is_called_after_nothing(name: str) -> None:
    assert not [module for module in SOURCES if module.rpartition(".")[2] == name]


# What importing loads


def loaded_after(*statements: str) -> list[set[str]]:
    """For each statement, run one after another in a fresh interpreter: which parts of aiohttp are loaded by then."""
    lines = ["import sys", "loaded = []"]
    for statement in statements:
        lines += [statement, "loaded.append([name for name in sys.modules if name.partition('.')[0] == 'aiohttp'])"]
    run = subprocess.run(  # noqa: S603 - our own interpreter and our own lines
        [sys.executable, "-c", "\n".join([*lines, "print(*(','.join(names) for names in loaded), sep='|')"])],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert run.returncode == 0, run.stderr
    return [set(filter(None, names.split(","))) for names in run.stdout.strip("\n").split("|")]


def test_importing_the_package_its_core_its_command_and_its_plugin_loads_no_aiohttp() -> None:
    modules = ["aivideo_async", "aivideo_async.core.wire", "aivideo_async.cli", "aivideo_async.pytest_plugin"]
    loaded = loaded_after(*(f"import {module}" for module in modules))
    assert [module for module, names in zip(modules, loaded, strict=True) if names] == []


def test_the_client_loads_no_server_and_the_receiver_does() -> None:
    client, receiver = loaded_after(
        "from aivideo_async import Client", "from aivideo_async import WebhookReceiver as Receiver"
    )
    assert "aiohttp" in client
    assert "aiohttp.web" not in client
    assert "aiohttp.web" in receiver


# The tests and the changelog


def defines_something(source: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(source))
    )


def test_every_module_that_defines_something_has_its_own_tests() -> None:
    missing: list[str] = []
    for path in PACKAGE.rglob("*.py"):
        inner = path.relative_to(PACKAGE)
        mirrored = inner.with_name(f"test_{'init' if inner.stem == '__init__' else inner.stem}.py")
        if inner.stem != "__main__" and defines_something(path.read_text()) and not (TESTS / mirrored).exists():
            missing.append(str(mirrored))
    assert sorted(missing) == []


def test_the_changelog_begins_with_this_version() -> None:
    text = (PACKAGE.parent / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[?(\d[^\]\s]*)", text, re.MULTILINE)
    assert newest is not None
    assert newest[1] == aivideo_async.__version__
