"""What nobody has written down about the hosted service: every question, what we assume, and what follows. Pure.

One row per question. ``source`` is the section of api.md that leaves it open; ``look`` reads the answer from what was
seen; ``step`` is what has to be done for it. A row without a step is one that no probe of a stranger's account may try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aivideo_async.probe import looking
from aivideo_async.probe.findings import Findings
from aivideo_async.probe.looking import Look

Verdict = Literal["as assumed", "differs", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One open question. ``differs`` is what follows when the answer is another one than ``assumed``."""

    name: str
    asks: str
    source: str
    assumed: str
    step: str
    look: Look
    differs: str
    stays: str = "nothing to change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a question: ``seen`` is what settled it, or why it stays open."""

    question: Question
    verdict: Verdict
    seen: str
    consequence: str


NOT_TRIED = "beyond a probe"
CALLBACKS = "callbacks"


def _nothing(_: Findings) -> None:
    return None


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="error_shape", asks="are errors {error: {code, message, type}}, also for an unknown id and a wrong key?",
        source="api.md §5", assumed="404 task_not_found, 401 invalid_api_key", step="errors", look=looking.error_shape,
        differs="creates that are refused would be held in doubt: core/refusals.py has to learn the shape",
    ),
    Question(
        name="task_list", asks="is there a list of tasks?", source="api.md §1", assumed="none at GET /v1/tasks",
        step="absent", look=looking.absent("absent.tasks"),
        differs="tasks in doubt could be found again by it",
    ),
    Question(
        name="model_list", asks="is there a list of models?", source="api.md §1", assumed="none at GET /v1/models",
        step="absent", look=looking.absent("absent.models"),
        differs="the catalog could be compared with it",
    ),
    Question(
        name="logs", asks="is there a log to be asked for?", source="api.md §1", assumed="none at GET /v1/logs",
        step="absent", look=looking.absent("absent.logs"),
        differs="what a task in doubt has cost could be read in it",
    ),
    Question(
        name="webhook_registration", asks="can webhooks be registered?", source="api.md §1",
        assumed="none at GET /v1/webhooks", step="absent", look=looking.absent("absent.webhooks"),
        differs="a secret may be told there: see whether callbacks are signed",
    ),
    Question(
        name="upload", asks="can input media be uploaded?", source="api.md §1", assumed="none at GET /v1/files",
        step="absent", look=looking.absent("absent.files"),
        differs="pictures need not be public: worth an upload in the client",
    ),
    Question(
        name="cancel", asks="can a task be cancelled?", source="api.md §1",
        assumed="none at POST /v1/tasks/{id}/cancel", step="absent", look=looking.absent("absent.cancel"),
        differs="a task could be stopped, and its credits be kept",
    ),
    Question(
        name="quota_headers", asks="do answers tell how much may still be asked?", source="api.md §1",
        assumed="no such header", step="errors", look=looking.quota_headers,
        differs="the client could slow down before it is told to",
    ),
    Question(
        name="retry_after", asks="does a 429 carry Retry-After?", source="api.md §1", assumed="it does not",
        step="limits", look=looking.retry_after,
        differs="the client waits as long as it says, up to its patience of 60 s", stays="the client draws its waits",
    ),
    Question(
        name="id_place", asks="where does a create name its task?", source="api.md §1", assumed="data.taskId, code 200",
        step="image", look=looking.id_place, differs="it is read tolerantly, so it works; the sample shows the place",
    ),
    Question(
        name="price", asks="is the price book right?", source="api.md §2", assumed="as in the price book",
        step="image", look=looking.price, differs="Client(prices=PRICES.override(…)) makes estimates right again",
    ),
    Question(
        name="flat_body", asks="is the flat body taken?", source="api.md §1", assumed="taken, for any model",
        step="flat", look=looking.took("flat"),
        differs='Client(body_form="nested") saves a refused request for each model',
    ),
    Question(
        name="flat_sora", asks="is the flat body taken for Sora 2, from whose page it is?", source="api.md §1",
        assumed="taken", step="sora", look=looking.took("sora"),
        differs='Client(body_form="nested") saves a refused request',
    ),
    Question(
        name="unknown_fields", asks="is a field that nobody has ignored?", source="api.md §2",
        assumed="ignored: the task is accepted", step="misspelt", look=looking.took("misspelt"),
        differs="the service refuses them too; our own check only saves the request",
    ),
    Question(
        name="free_refusal", asks="is a 400 free?", source="api.md §1", assumed="free", step="impossible",
        look=looking.free_refusal,
        differs="a second body form must not be tried: set body_form to the one that is taken",
    ),
    Question(
        name="idempotency", asks="is a repeated create another task, even under one Idempotency-Key?",
        source="api.md §1", assumed="another task, charged again", step="again", look=looking.idempotency,
        differs="creates in doubt could be repeated safely under a key: tell the authors",
    ),
    Question(
        name="refund", asks="are the credits of a failed task given back?", source="api.md §3", assumed="given back",
        step="failing", look=looking.refund, differs="a failed task has to be counted as charged",
    ),
    Question(
        name="found_at_once", asks="can a task be asked for at once?", source="api.md §3", assumed="found at once",
        step="image", look=looking.found_at_once, differs="a first 404 means nothing; the asker tolerates it",
    ),
    Question(
        name="bare_task", asks="does a task stand bare in its answer?", source="api.md §1", assumed="bare",
        step="image", look=looking.bare_task, differs="it is read in an envelope as well, so it works",
    ),
    Question(
        name="status_words", asks="which words are there for a status?", source="api.md §3",
        assumed="pending, processing, completed, failed", step="image", look=looking.status_words,
        differs="words that core/reports.py does not know count as processing: compare",
    ),
    Question(
        name="progress", asks="is progress told?", source="api.md §3", assumed="null", step="image",
        look=looking.progress, differs="task.record.progress shows it",
    ),
    Question(
        name="cost_told", asks="does an answer say what a task cost?", source="api.md §3", assumed="no",
        step="image", look=looking.cost_told, differs="estimates could be replaced by what was really charged",
    ),
    Question(
        name="usual_image", asks="how long does the image take?", source="api.md §3", assumed="about 30 s",
        step="image", look=looking.how_long("image"), differs="Client(usual_seconds=…) asks at better times",
    ),
    Question(
        name="usual_video", asks="how long does the Sora 2 clip take?", source="api.md §3", assumed="about 360 s",
        step="sora", look=looking.how_long("sora"), differs="Client(usual_seconds=…) asks at better times",
    ),
    Question(
        name="url_lifetime", asks="how long do result URLs live?", source="api.md §3", assumed="86400 s, as they say",
        step="image", look=looking.url_lifetime, differs="where a URL does not say, the client counts on 24 hours",
    ),
    Question(
        name="same_urls", asks="does asking again give fresh URLs?", source="api.md §3",
        assumed="the same ones while they live", step="image", look=looking.same_urls,
        differs="fresh: asking again makes a result fetchable for longer",
        stays="fetch results while their URLs live; what comes after their death is open",
    ),
    Question(
        name="no_head", asks="does HEAD work on a result?", source="api.md §3", assumed="it does not", step="image",
        look=looking.no_head, differs="sizes could be known before a download",
    ),
    Question(
        name="metadata", asks="does a result say which ratio was used?", source="api.md §3", assumed="metadata.ratio",
        step="image", look=looking.metadata, differs="a mismatch with the request cannot be noticed for this model",
    ),
    Question(
        name="callback_headers", asks="which headers has a callback?", source="api.md §4",
        assumed="X-Event, X-Task-Id, X-Timestamp", step=CALLBACKS, look=looking.callback_headers,
        differs="none of them is needed to believe a callback; tools that print them see less",
    ),
    Question(
        name="unsigned", asks="are callbacks signed?", source="api.md §4", assumed="no", step=CALLBACKS,
        look=looking.unsigned,
        differs="ask the service for the secret: with AIVIDEO_WEBHOOK_SECRET the confirming GET goes away",
        stays="the token in the URL and a confirming GET, as now",
    ),
    Question(
        name="bare_callback", asks="is a callback's body the bare task?", source="api.md §4", assumed="bare, same id",
        step=CALLBACKS, look=looking.bare_callback,
        differs="the receiver answers 400 to it: core/webhooks.py has to learn the shape",
    ),
    Question(
        name="endings_only", asks="do callbacks come for endings only?", source="api.md §4", assumed="endings only",
        step=CALLBACKS, look=looking.endings_only, differs="more of them come; they merge like any other",
    ),
    Question(
        name="tried_again", asks="is a callback that was refused tried again?", source="api.md §4",
        assumed="after three minutes", step=CALLBACKS, look=looking.tried_again,
        differs="an outage of the receiver may last more or less long than we say",
    ),
    Question(
        name="dollars", asks="what is a credit in dollars?", source="api.md §2", assumed="$0.004", step=NOT_TRIED,
        look=_nothing, differs="Client(prices=PRICES.override({}, dollars_per_credit=…))", stays="only your bill tells",
    ),
    Question(
        name="late_urls", asks="does asking for a task give live URLs once the first ones have died?",
        source="api.md §3", assumed="perhaps: a download asks once", step=NOT_TRIED, look=_nothing,
        differs="", stays="a day after the probe, aivideo wait ID --out FOLDER tells",
    ),
    Question(
        name="upstream_charge", asks="is a 503 upstream_error charged?", source="api.md §5",
        assumed="unknown, so said to be unknown", step=NOT_TRIED, look=_nothing, differs="",
        stays="it would take a create that a provider refuses",
    ),
    Question(
        name="limits_charge", asks="are 402, 403 and 429 spend_limit_exceeded free?", source="api.md §5",
        assumed="free", step=NOT_TRIED, look=_nothing, differs="",
        stays="it would take an empty account, a blocked address or a limit that is used up",
    ),
)  # fmt: skip

REASONS: Mapping[str, str] = {NOT_TRIED: "no probe may try it"}


def answers(found: Findings) -> tuple[Answer, ...]:
    """Every question with what is known by now."""
    return tuple(_answer(question, found) for question in QUESTIONS)


def _answer(question: Question, found: Findings) -> Answer:
    seen = question.look(found)
    if seen is None:
        why = _why_open(question, found)
        stays = question.stays if question.step == NOT_TRIED else f"stays assumed: {question.assumed}"
        return Answer(question=question, verdict="open", seen=why, consequence=stays)
    if seen.as_assumed:
        return Answer(question=question, verdict="as assumed", seen=seen.text, consequence=question.stays)
    return Answer(question=question, verdict="differs", seen=seen.text, consequence=question.differs)


def _why_open(question: Question, found: Findings) -> str:
    why = REASONS.get(question.step) or found.left_out.get(question.step)
    if why is not None:
        return why
    create = found.first(f"{question.step}.create")
    if create is not None and create.outcome().kind != "accepted":
        return f"the create was answered {create.said}"
    if question.step == CALLBACKS and not found.arrivals:
        return "no callback came"
    return "nothing was seen that settles it"
