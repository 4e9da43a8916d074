"""Everything that a probe keeps: what was seen, what was spent, and the folder that both are written into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivideo_async.core.models import JsonObject
from aivideo_async.probe import report
from aivideo_async.probe.findings import Arrival, Exchange, Findings
from aivideo_async.probe.folder import Folder
from aivideo_async.probe.purse import Purse
from aivideo_async.probe.questions import Answer, answers
from aivideo_async.probe.redaction import Redactor


class Journal:
    """Writes as it goes, so that whatever ends a probe, what is in the folder is whole and says what was spent.

    ``models`` says with which model a step is done; ``state`` is ``running`` until it was closed. Methods that write
    raise OSError; cancelling one waits for its file.
    """

    def __init__(
        self, folder: Folder, *, found: Findings, purse: Purse, redactor: Redactor, models: Mapping[str, str]
    ) -> None:
        self.found = found
        self.purse = purse
        self.redactor = redactor
        self._folder = folder
        self._models = models
        self._unwritten: list[Arrival] = []
        self.state: str = "running"

    def answers(self) -> Sequence[Answer]:
        """Every question with what is known by now."""
        return answers(self.found)

    async def exchanged(self, exchange: Exchange) -> None:
        """Write one exchange down."""
        self._hide_ids(exchange.json)
        await self._folder.note(exchange.label, report.exchange_object(exchange, self.redactor))

    def arrived(self, arrival: Arrival) -> None:
        """Keep a callback; it is written with the next checkpoint."""
        self._hide_ids(arrival.json)
        self.found.arrivals.append(arrival)
        self._unwritten.append(arrival)

    async def checkpoint(self) -> None:
        """Write down what is known while the probe goes on."""
        await self._write_report()

    async def close(self, state: str) -> None:
        """Write down everything there is; ``state`` is ``done``, ``failed`` or ``interrupted``."""
        self.state = state
        for name, body in report.samples(self.found, self.redactor).items():
            await self._folder.write(f"samples/{name}", body)
        known = self.answers()
        arguments = report.arguments_of(self.found, known, models=self._models)
        await self._folder.write_json("client.json", arguments)
        await self._folder.write("settings.env", self.redactor.text(report.environment_text(known)).encode())
        await self._write_report()

    def _hide_ids(self, body: JsonObject) -> None:
        """A task's id need not look like one, and stands in paths and headers too."""
        data = body.get("data")
        for part in (body, data if isinstance(data, dict) else {}):
            for name in ("id", "taskId"):
                if isinstance(id := part.get(name), str):
                    self.redactor.hide_id(id)

    async def _write_report(self) -> None:
        while self._unwritten:
            arrival = self._unwritten.pop(0)
            await self._folder.note(f"{arrival.step}.callback", report.arrival_object(arrival, self.redactor))
        told = report.report_object(self.answers(), self.purse, ended=self.state, left_out=self.found.left_out)
        await self._folder.write_json("report.json", self.redactor.json(told))
