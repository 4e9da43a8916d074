"""Whether a create is within the catalog's limits, and what one that something happens to is answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from aivideo_async.catalog import MODELS, parse_request
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest, Kind
from aivideo_async.sandbox.dialect import Answer, RefusedError, Wanted, failure
from aivideo_async.sandbox.scenarios import DropConnection, RateLimit, Refusal


def checked(kind: Kind, wanted: Wanted, *, strict: bool = False) -> GenerationRequest:
    """The request within the catalog's limits; unknown fields are ignored, as the service seems to do (api.md §2),
    unless it is ``strict``.

    Raises RefusedError.
    """
    known = MODELS.get(wanted.model)
    if known is None or known.model_fields["kind"].default != kind:
        raise RefusedError("model_not_found", f"Model {wanted.model[:64]} not found")
    own = known.model_fields.keys() - {"kind", "model"}
    strangers = sorted(wanted.fields.keys() - own)
    if strict and strangers:
        raise RefusedError("invalid_request", f"{wanted.model}: unknown field {strangers[0][:64]}")
    fields: Mapping[str, JsonValue] = {
        name: value for name, value in wanted.fields.items() if name in own and value is not None
    }
    try:
        return parse_request({"model": wanted.model, **fields})
    except InvalidRequestError as error:
        raise RefusedError("invalid_request", error.message) from error


def refusal(scenario: Refusal) -> Answer:
    """What such a request is answered, if it is."""
    if isinstance(scenario, RateLimit):
        after = scenario.retry_after
        headers = () if after is None else (("Retry-After", f"{after:g}"),)
        return failure("rate_limit_exceeded", "Rate limit exceeded", headers=headers)
    if isinstance(scenario, DropConnection):
        return Answer(500, {}, twist="cut")
    code = "upstream_error" if scenario.status == 503 else "internal_error"
    return failure(code, "The service failed to handle the request", status=scenario.status)
