from __future__ import annotations

import pytest

from aivideo_async.console.music import Track, tracks_in


def test_titles_covers_and_lengths_are_read() -> None:
    told = {"tracks": [{"title": "Rain", "image_url": "https://cdn.example/1.jpg", "duration": 61}, {}]}
    assert tracks_in(told) == (Track(title="Rain", cover="https://cdn.example/1.jpg", seconds=61.0), Track())


@pytest.mark.parametrize("metadata", [None, "x", {}, {"tracks": None}, {"tracks": "x"}, {"tracks": ["x", 1]}])
def test_what_is_no_list_of_tracks_is_none(metadata: object) -> None:
    assert tracks_in(metadata) == ()


def test_what_is_of_another_sort_is_left_out() -> None:
    odd: dict[str, object] = {"title": 1, "image_url": None, "duration": "long"}
    assert tracks_in({"tracks": [odd]}) == (Track(),)
