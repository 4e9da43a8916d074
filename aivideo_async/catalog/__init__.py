"""Every model of the service as a typed request, with its limits and its price; and the way from and to plain JSON.

Importing this loads pydantic and nothing that does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import JsonValue

from aivideo_async.catalog.base import (
    USUAL_SECONDS,
    PriceBook,
    TypedRequest,
    refuse_private_media,
)
from aivideo_async.catalog.conversion import Change, Conversion, converted
from aivideo_async.catalog.generic import GenericRequest
from aivideo_async.catalog.gpt_image import GptImage2
from aivideo_async.catalog.grok import GrokImagineImageToVideo, GrokImagineTextToVideo
from aivideo_async.catalog.happyhorse import (
    HappyHorse1ImageToVideo,
    HappyHorse1ReferenceToVideo,
    HappyHorse1TextToVideo,
    HappyHorse1VideoEdit,
)
from aivideo_async.catalog.kling import Kling3, KlingElement, KlingShot
from aivideo_async.catalog.meant import meant_model
from aivideo_async.catalog.nano_banana import NanoBanana2
from aivideo_async.catalog.prices import PRICES
from aivideo_async.catalog.problems import refusal, shown, subject_of
from aivideo_async.catalog.seedance import Seedance2, Seedance2Fast
from aivideo_async.catalog.sora import Sora2
from aivideo_async.catalog.suno import SunoV5, SunoV55
from aivideo_async.catalog.veo import Veo3
from aivideo_async.catalog.wan import (
    Wan26ImageToVideo,
    Wan26ReferenceToVideo,
    Wan26TextToVideo,
    Wan27ImageToVideo,
    Wan27ReferenceToVideo,
    Wan27TextToVideo,
    Wan27VideoEdit,
)
from aivideo_async.core.errors import FieldProblem
from aivideo_async.core.models import Estimate, GenerationRequest, Kind

__all__ = [
    "MODELS",
    "PRICES",
    "Change",
    "Conversion",
    "GenericRequest",
    "GptImage2",
    "GrokImagineImageToVideo",
    "GrokImagineTextToVideo",
    "HappyHorse1ImageToVideo",
    "HappyHorse1ReferenceToVideo",
    "HappyHorse1TextToVideo",
    "HappyHorse1VideoEdit",
    "Kling3",
    "KlingElement",
    "KlingShot",
    "NanoBanana2",
    "PriceBook",
    "Seedance2",
    "Seedance2Fast",
    "Sora2",
    "SunoV5",
    "SunoV55",
    "TypedRequest",
    "Veo3",
    "Wan26ImageToVideo",
    "Wan26ReferenceToVideo",
    "Wan26TextToVideo",
    "Wan27ImageToVideo",
    "Wan27ReferenceToVideo",
    "Wan27TextToVideo",
    "Wan27VideoEdit",
    "convert",
    "estimate",
    "parse_request",
    "refuse_private_media",
    "request_to_data",
    "usual_seconds",
]

_CLASSES: tuple[type[TypedRequest], ...] = (
    *(Sora2, Seedance2, Seedance2Fast, Kling3, Veo3),
    *(HappyHorse1TextToVideo, HappyHorse1ImageToVideo, HappyHorse1ReferenceToVideo, HappyHorse1VideoEdit),
    *(Wan27TextToVideo, Wan27ImageToVideo, Wan27ReferenceToVideo, Wan27VideoEdit),
    *(Wan26TextToVideo, Wan26ImageToVideo, Wan26ReferenceToVideo),
    *(GrokImagineTextToVideo, GrokImagineImageToVideo),
    *(NanoBanana2, GptImage2),
    *(SunoV5, SunoV55),
)

MODELS: Mapping[str, type[TypedRequest]] = MappingProxyType({subject_of(known): known for known in _CLASSES})


def parse_request(data: Mapping[str, JsonValue]) -> GenerationRequest:
    """The request that plain JSON describes.

    ``{"model": "sora-2", "prompt": …}`` is one of the typed classes; ``{"kind": …, "model": …, "input": {…}}`` is a
    GenericRequest. Raises InvalidRequestError, for an unknown model with the one that was probably meant.
    """
    if "input" in data:
        return GenericRequest.made_of(data)
    name = data.get("model")
    known = MODELS.get(name) if isinstance(name, str) else None
    if known is None:
        raise refusal("request", [_unknown_model(name)])
    return known.made_of(data)


def _unknown_model(name: JsonValue) -> FieldProblem:
    if name is None:
        return FieldProblem("model", "model is required", allowed=", ".join(MODELS))
    if not isinstance(name, str):
        return FieldProblem("model", "model must be a name", shown(name), ", ".join(MODELS))
    message = f"the catalog has no model {shown(name)!r}, a new one is sent as kind, model and input"
    return FieldProblem("model", message, shown(name), ", ".join(MODELS), meant_model(name, MODELS))


def convert(request: GenerationRequest, model: str) -> Conversion:
    """The same intention as a request for another model: prompt, duration, frame, first image and sound.

    Each becomes the nearest that the model allows, and ``changes`` says what is not as it was asked for. Raises
    InvalidRequestError for a model that the catalog does not know, and where the intention cannot be carried at all: a
    video for a model of images, no image for a model that needs one.
    """
    known = MODELS.get(model)
    if known is None:
        raise refusal("convert", [_unknown_model(model)])
    return Conversion(request) if type(request) is known else converted(request, known)


def request_to_data(request: GenerationRequest) -> dict[str, JsonValue]:
    """The plain JSON that ``parse_request`` reads back as an equal request.

    A request of a class that is not in the catalog becomes the generic form: it reads back as what will be sent.
    """
    if MODELS.get(request.model) is type(request):
        return {"model": request.model, **request.fields()}
    return {"kind": request.kind, "model": request.model, "input": request.fields()}


def estimate(request: GenerationRequest, book: PriceBook = PRICES) -> Estimate:
    """What a request will probably cost in credits; without an upper bound where ``book`` has no price for it."""
    if isinstance(request, TypedRequest):
        return request.estimate(book)
    return book.estimate(request.model, "task", (1, 1))


def usual_seconds(request: GenerationRequest | Kind) -> float:
    """How many seconds such a task usually takes, by the request's class or by the kind alone (flow.md §5)."""
    if isinstance(request, str):
        return USUAL_SECONDS[request]
    if isinstance(request, TypedRequest) and not isinstance(request, GenericRequest):
        return request.usual_seconds
    return USUAL_SECONDS[request.kind]
