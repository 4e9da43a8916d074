"""aivideo_async: asyncio SDK for the AI Video API. Submit tasks concurrently, ``await`` results without polling.

The request classes are in ``aivideo_async.catalog``, the local service in ``aivideo_async.sandbox``. Names load when
they are first used, so that importing this package imports no aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aivideo_async.attempts import Attempt
    from aivideo_async.batch import Batch
    from aivideo_async.batch_items import BatchItem, Progress
    from aivideo_async.catalog import GenericRequest, PriceBook, convert, parse_request
    from aivideo_async.client import Client
    from aivideo_async.core.any_of import AnyOf
    from aivideo_async.core.audit import Audit
    from aivideo_async.core.budget import Spend
    from aivideo_async.core.errors import (
        AIVideoError,
        APIConnectionError,
        APIError,
        APIStatusError,
        AuthenticationError,
        BudgetExceededError,
        ClientClosedError,
        ConfigurationError,
        DownloadError,
        EventsLostError,
        FieldProblem,
        InsufficientCreditsError,
        InternalServerError,
        InvalidRequestError,
        InvalidResponseError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        SpendLimitError,
        StoreError,
        SubmissionInDoubtError,
        TaskError,
        TaskFailedError,
        TaskTimeoutError,
        UpstreamError,
        VerificationFailure,
        WebhookVerificationError,
    )
    from aivideo_async.core.headers import raw_headers
    from aivideo_async.core.models import (
        Credits,
        Estimate,
        GenerationRequest,
        HistoryEntry,
        Output,
        Reply,
        SavedFile,
        TaskEvent,
        TaskRecord,
        TaskReport,
        TaskStatus,
        WebhookEvent,
    )
    from aivideo_async.core.retry import RetryPolicy
    from aivideo_async.core.scheme_verifier import SchemeVerifier, verifier_for
    from aivideo_async.core.schemes import Scheme
    from aivideo_async.core.signing import StandardWebhooks
    from aivideo_async.core.tokens import CallbackKeys
    from aivideo_async.core.webhooks import Verifier, unwrap
    from aivideo_async.download import DownloadedFile
    from aivideo_async.jwks import JwksVerifier
    from aivideo_async.mounting import CallbackServer
    from aivideo_async.receiver import WebhookReceiver
    from aivideo_async.saving import Mirror, ResultFile
    from aivideo_async.spending import Budget
    from aivideo_async.stores import Delivery, MemoryStore, Put, Query, Store, open_store
    from aivideo_async.tally import ReceiverStats
    from aivideo_async.task import GenerationTask
    from aivideo_async.transport import Timeouts, Transport
    from aivideo_async.variants import Variants, variants

__version__ = "0.1.0"

__all__ = [
    "AIVideoError",
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "AnyOf",
    "Attempt",
    "Audit",
    "AuthenticationError",
    "Batch",
    "BatchItem",
    "Budget",
    "BudgetExceededError",
    "CallbackKeys",
    "CallbackServer",
    "Client",
    "ClientClosedError",
    "ConfigurationError",
    "Credits",
    "Delivery",
    "DownloadError",
    "DownloadedFile",
    "Estimate",
    "EventsLostError",
    "FieldProblem",
    "GenerationRequest",
    "GenerationTask",
    "GenericRequest",
    "HistoryEntry",
    "InsufficientCreditsError",
    "InternalServerError",
    "InvalidRequestError",
    "InvalidResponseError",
    "JwksVerifier",
    "MemoryStore",
    "Mirror",
    "NotFoundError",
    "Output",
    "PermissionDeniedError",
    "PriceBook",
    "Progress",
    "Put",
    "Query",
    "RateLimitError",
    "ReceiverStats",
    "Reply",
    "ResultFile",
    "RetryPolicy",
    "SavedFile",
    "Scheme",
    "SchemeVerifier",
    "Spend",
    "SpendLimitError",
    "StandardWebhooks",
    "Store",
    "StoreError",
    "SubmissionInDoubtError",
    "TaskError",
    "TaskEvent",
    "TaskFailedError",
    "TaskRecord",
    "TaskReport",
    "TaskStatus",
    "TaskTimeoutError",
    "Timeouts",
    "Transport",
    "UpstreamError",
    "Variants",
    "VerificationFailure",
    "Verifier",
    "WebhookEvent",
    "WebhookReceiver",
    "WebhookVerificationError",
    "convert",
    "open_store",
    "parse_request",
    "raw_headers",
    "unwrap",
    "variants",
    "verifier_for",
]

_HOMES = {
    "aivideo_async.attempts": ("Attempt",),
    "aivideo_async.batch": ("Batch",),
    "aivideo_async.batch_items": (
        "BatchItem",
        "Progress",
    ),
    "aivideo_async.catalog": (
        "GenericRequest",
        "PriceBook",
        "convert",
        "parse_request",
    ),
    "aivideo_async.client": ("Client",),
    "aivideo_async.core.any_of": ("AnyOf",),
    "aivideo_async.core.audit": ("Audit",),
    "aivideo_async.core.budget": ("Spend",),
    "aivideo_async.core.errors": (
        "AIVideoError",
        "APIConnectionError",
        "APIError",
        "APIStatusError",
        "AuthenticationError",
        "BudgetExceededError",
        "ClientClosedError",
        "ConfigurationError",
        "DownloadError",
        "EventsLostError",
        "FieldProblem",
        "InsufficientCreditsError",
        "InternalServerError",
        "InvalidRequestError",
        "InvalidResponseError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "SpendLimitError",
        "StoreError",
        "SubmissionInDoubtError",
        "TaskError",
        "TaskFailedError",
        "TaskTimeoutError",
        "UpstreamError",
        "VerificationFailure",
        "WebhookVerificationError",
    ),
    "aivideo_async.core.headers": ("raw_headers",),
    "aivideo_async.core.models": (
        "Credits",
        "Estimate",
        "GenerationRequest",
        "HistoryEntry",
        "Output",
        "Reply",
        "SavedFile",
        "TaskEvent",
        "TaskRecord",
        "TaskReport",
        "TaskStatus",
        "WebhookEvent",
    ),
    "aivideo_async.core.retry": ("RetryPolicy",),
    "aivideo_async.core.scheme_verifier": (
        "SchemeVerifier",
        "verifier_for",
    ),
    "aivideo_async.core.schemes": ("Scheme",),
    "aivideo_async.core.signing": ("StandardWebhooks",),
    "aivideo_async.core.tokens": ("CallbackKeys",),
    "aivideo_async.core.webhooks": (
        "Verifier",
        "unwrap",
    ),
    "aivideo_async.download": ("DownloadedFile",),
    "aivideo_async.jwks": ("JwksVerifier",),
    "aivideo_async.mounting": ("CallbackServer",),
    "aivideo_async.receiver": ("WebhookReceiver",),
    "aivideo_async.saving": (
        "Mirror",
        "ResultFile",
    ),
    "aivideo_async.spending": ("Budget",),
    "aivideo_async.stores": (
        "Delivery",
        "MemoryStore",
        "Put",
        "Query",
        "Store",
        "open_store",
    ),
    "aivideo_async.tally": ("ReceiverStats",),
    "aivideo_async.task": ("GenerationTask",),
    "aivideo_async.transport": (
        "Timeouts",
        "Transport",
    ),
    "aivideo_async.variants": (
        "Variants",
        "variants",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
