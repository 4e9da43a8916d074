from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TypedDict, cast

import pytest

from aivideo_async.core.errors import WebhookVerificationError
from aivideo_async.core.strict_json import parse_body
from tests.conformance import NOT_SHIPPED, Vector, VectorSequence, judge, judge_sequence


class VectorFile(TypedDict):
    count: int
    vectors: list[Vector]
    sequences: list[VectorSequence]


FILE = cast("VectorFile", json.loads((Path(__file__).parent / "samples" / "webhook_vectors.json").read_bytes()))
SHIPPED = [vector for vector in FILE["vectors"] if vector["scheme"] not in NOT_SHIPPED]
OTHERS = [vector for vector in FILE["vectors"] if vector["scheme"] in NOT_SHIPPED]
HOSTILE_JSON = [vector for vector in SHIPPED if "payload_policy" in vector]


def name(vector: Vector) -> str:
    return f"{vector['id']} {vector['title']}"


def test_the_copied_file_is_whole() -> None:
    assert len(FILE["vectors"]) == FILE["count"] == 295
    assert (len(SHIPPED), len(OTHERS), len(HOSTILE_JSON), len(FILE["sequences"])) == (264, 31, 8, 6)


@pytest.mark.parametrize("vector", SHIPPED, ids=name)
def test_a_vector_gets_its_verdict_for_its_reason(vector: Vector) -> None:
    assert judge(vector) == (vector["expected"], vector["reject_code"])


@pytest.mark.parametrize("vector", HOSTILE_JSON, ids=name)
def test_json_that_parsers_disagree_on_is_refused_though_its_signature_is_right(vector: Vector) -> None:
    with pytest.raises(WebhookVerificationError, match="bad_body"):
        parse_body(base64.b64decode(vector["body_b64"]))


@pytest.mark.parametrize("sequence", FILE["sequences"], ids=lambda sequence: sequence["title"])
def test_a_sequence_of_deliveries_gets_its_verdicts(sequence: VectorSequence) -> None:
    expected = [(delivery["expected"], delivery["reject_code"]) for delivery in sequence["deliveries"]]
    assert judge_sequence(sequence) == expected


def test_schemes_that_are_not_shipped_are_rejected_by_name() -> None:
    assert {judge(vector) for vector in OTHERS} == {("reject", "scheme_not_shipped")}
