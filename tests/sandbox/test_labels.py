from __future__ import annotations

from PIL import Image, ImageChops, ImageFont

from aivideo_async.sandbox.labels import Label, cells, raster
from aivideo_async.sandbox.planes import RGB, YUV

SIZE = (320, 180)


def labelled(frame: int, *, frames: int = 24, title: str = "sora-2") -> Image.Image:
    planes = [Image.new("L", SIZE, 100) for _ in RGB]
    Label(title, "id", SIZE, RGB, frames=frames).draw(planes, frame)
    return planes[0]


def test_the_counter_changes_from_frame_to_frame() -> None:
    assert labelled(0).tobytes() != labelled(1).tobytes()


def test_a_label_shows_its_frame_however_it_came_to_it() -> None:
    label, planes = Label("sora-2", "id", SIZE, RGB, frames=24), [Image.new("L", SIZE, 100) for _ in RGB]
    label.draw([plane.copy() for plane in planes], 9)
    label.draw(planes, 3)
    assert planes[0].tobytes() == labelled(3).tobytes()


def test_a_clip_is_labelled_below_and_an_image_above() -> None:
    def rows(picture: Image.Image) -> tuple[int, int]:
        box = ImageChops.difference(picture, Image.new("L", SIZE, 100)).getbbox()
        assert box is not None
        return box[1], box[3]

    assert rows(labelled(0))[0] > 90
    assert rows(labelled(0, frames=0))[1] < 90


def test_only_the_luma_plane_has_ink() -> None:
    planes = [Image.new("L", SIZE, 100), *(Image.new("L", (160, 90), 128) for _ in "UV")]
    Label("x", "y", SIZE, YUV, frames=1).draw(planes, 0)
    assert max(planes[0].tobytes()) > 200
    assert max(planes[1].tobytes()) < 140


def test_what_is_not_ascii_becomes_a_question_mark() -> None:
    font = ImageFont.load_default(size=12)
    assert raster("ü", font).tobytes() == raster("?", font).tobytes()


def test_all_signs_of_the_counter_have_cells_of_one_size() -> None:
    assert len({cell.size for cell in cells(ImageFont.load_default(size=12), 1).values()}) == 1
