"""Pages as pictures: that words stand where their boxes say, and what is served, kept, refused and ended."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts import chunked
from doubles import HashingEmbedder
from fastapi import FastAPI
from numpy.typing import NDArray
from pdf_writing import HEIGHT, WIDTH, Pdf, lines, turned
from PIL import Image
from serving import accepted, end_of, served
from starlette.testclient import TestClient
from test_sandbox import _runs
from test_service import add, assert_error

from index.chunking import indexed_text
from index.loading import Parsing, png
from index.loading.pdf.loader import PdfLoader
from index.loading.pdf.picture import PdfDrawer
from index.loading.sandbox import Sandbox
from index.sources import content_sha256
from index.types import Document, Page
from rag.service.backend import Backend
from rag.service.pictures import PicturePlace, _Kept
from rag.settings import Settings

# Paper is 255; letters of a few pixels are nowhere black.
DARK = 200
STORY = [
    "The river came over its banks in the night and took",
    "the old bridge at Hallow with it. Nobody was on it, since",
    "the keeper had closed both of its gates at nine o'clock.",
]
PDF = Pdf().page(lines(70, 90, STORY)).page(lines(70, 90, ["Tickets cost 120 kronor."])).bytes()


def pixels(picture: bytes) -> NDArray[np.uint8]:
    """Return a picture's pixels, read by another program than the one that wrote it."""
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB"))


def drawn(data: bytes, page: int = 1, width: int = 1000) -> NDArray[np.uint8]:
    return pixels(PdfDrawer().draw(data, "file.pdf", page, width))


TURNED = "".join(turned(120 + 14 * row, 300, text, (0, 1, -1, 0)) for row, text in enumerate(STORY))
SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "as it is": ({}, lines(70, 90, STORY)),
    "in large letters": ({}, lines(40, 90, [line[:25] for line in STORY], 28)),
    "turned by 90": ({"entries": "/Rotate 90"}, lines(70, 90, STORY)),
    "turned by 180": ({"entries": "/Rotate 180"}, lines(70, 90, STORY)),
    "turned by 270": ({"entries": "/Rotate 270"}, lines(70, 90, STORY)),
    "text that runs up": ({}, TURNED),
    "cut out of a larger one": ({"entries": "/CropBox [40 600 480 800]"}, lines(70, 90, STORY)),
    "cut out and turned": ({"entries": "/CropBox [40 600 480 800] /Rotate 90"}, lines(70, 90, STORY)),
    "from another corner": ({"box": f"-30 -50 {WIDTH - 30} {HEIGHT - 50}"}, lines(60, 90, STORY)),
    "of a broken size": ({"box": "0.3 0.2 612.75 791.55"}, lines(60, 90, STORY)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [1000, 333])
def test_the_boxes_of_words_cover_them_in_the_picture_and_nothing_else(shape: str, width: int) -> None:
    given, content = SHAPES[shape]
    data = Pdf().page(content, **given).bytes()
    parsed = PdfLoader().parse(data, "file.pdf", Parsing())
    (layout,) = parsed.layouts
    picture = drawn(data, width=width)
    dark = picture.min(axis=2) < DARK
    height = dark.shape[0]
    assert (dark.shape[1], height) == (width, round(width * layout.height / layout.width))
    left_over = dark.copy()
    words = layout.words()
    assert [parsed.text[word.start : word.end] for word in words][:2] == ["The", "river"]
    across, down = width / layout.width, height / layout.height
    for word in words:
        # A pixel that a letter's edge shares with what is beside it belongs to both.
        left, right = int(word.left * across), int(np.ceil(word.right * across)) + 1
        top, bottom = int(word.top * down), int(np.ceil(word.bottom * down)) + 1
        found = np.nonzero(dark[top:bottom, left:right])
        assert found[0].size
        runs_across = right - left > bottom - top
        along, length = (found[1], right - left) if runs_across else (found[0], bottom - top)
        # Letters fill a box along their line, but for the room beside the first and the last one.
        if word.end - word.start >= 4:
            assert along.max() - along.min() >= 0.8 * length - 2
        left_over[top:bottom, left:right] = False
    assert left_over.sum() <= 0.001 * dark.sum()


def test_what_is_filled_in_is_drawn_where_it_is_told_to_be() -> None:
    pdf = Pdf()
    data = pdf.page(lines(70, 90, STORY), annotations=[pdf.field("Hallow", "70 600 300 640")]).bytes()
    parsed = PdfLoader().parse(data, "file.pdf", Parsing())
    (layout,) = parsed.layouts
    (word,) = [one for one in layout.words() if one.top > 190]
    scale = 1000 / layout.width
    box = drawn(data)[int(word.top * scale) : int(word.bottom * scale), int(word.left * scale) :]
    assert parsed.text[word.start : word.end] == "Hallow"
    assert (box.min(axis=2) < DARK).any()


def test_a_colour_is_the_one_that_the_page_has() -> None:
    red = "1 0 0 rg 100 100 200 200 re f "
    picture = drawn(Pdf().page(red + lines(70, 90, STORY)).bytes(), width=595)
    assert picture[HEIGHT - 200, 200].tolist() == [255, 0, 0]
    assert picture[5, 5].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("box", "wide"), [("0 0 100 14000", 1000), ("0 0 600 13000", 2400)])
def test_a_page_that_is_far_too_tall_comes_less_wide_and_as_it_is(box: str, wide: int) -> None:
    data = Pdf().page(turned(10, 400, "Deep down.", (1, 0, 0, 1)), box=box).bytes()
    _, _, across, down = map(int, box.split())
    width, height = png.size_of(PdfDrawer().draw(data, "tall.pdf", 1, wide))
    assert width < wide
    assert width * height <= 12_500_000
    assert height <= 16_000
    assert height / width == pytest.approx(down / across, rel=0.01)


def uploaded(client: TestClient, data: bytes = PDF, name: str = "flood.pdf") -> str:
    (file,) = end_of(client, accepted(client, data, name))["files"]
    return str(file["document_id"])


def image(client: TestClient, document_id: str, number: object = 1, **params: object) -> Any:
    given = {name: str(value) for name, value in params.items() if name != "headers"}
    path = f"/documents/{document_id}/pages/{number}/image"
    return client.get(path, params=given, headers=params.get("headers"))  # type: ignore[arg-type]


def test_a_page_comes_as_a_picture_on_which_the_words_are_where_the_api_says(client: TestClient) -> None:
    made = uploaded(client)
    page = client.get(f"/documents/{made}/pages").json()["pages"][1]
    span = {"start": page["start"], "end": page["end"]}
    words = client.get(f"/documents/{made}/words", params=span).json()["words"]
    response = image(client, made, 2, width=800)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert response.headers["cache-control"] == "private, no-cache"
    dark = pixels(response.content).min(axis=2) < DARK
    assert dark.shape == (round(800 * page["height"] / page["width"]), 800)
    scale = 800 / page["width"]
    assert len(words) == 4
    for word in words:
        top, bottom, left, right = (int(word[side] * scale) for side in ("top", "bottom", "left", "right"))
        assert dark[top : bottom + 2, left : right + 2].any()
        dark[top : bottom + 2, left : right + 2] = False
    assert not dark.any()


def test_a_picture_is_a_thousand_pixels_wide_where_nothing_else_is_asked_for(client: TestClient) -> None:
    assert png.size_of(image(client, uploaded(client)).content)[0] == 1000


def test_a_client_that_has_the_picture_is_told_so_until_its_document_is_gone(client: TestClient) -> None:
    made = uploaded(client)
    first = image(client, made)
    tag = first.headers["etag"]
    for told in (tag, f'"other", W/{tag}'):
        again = image(client, made, headers={"If-None-Match": told})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    for other in (image(client, made, width=500), image(client, made, 2)):
        assert other.status_code == 200
        assert other.headers["etag"] != tag
    assert image(client, made, width=500, headers={"If-None-Match": tag}).status_code == 200
    client.delete(f"/documents/{made}")
    assert_error(image(client, made, headers={"If-None-Match": tag}), 404, "document_not_found")


@pytest.mark.parametrize("number", [0, 3, -1, 10**30])
def test_a_page_that_is_not_there_is_not_found(client: TestClient, number: int) -> None:
    response = image(client, uploaded(client), number)
    assert_error(response, 404, "page_not_found")
    assert response.json()["message"] == f"flood.pdf has no page {number}; it has 2"


def test_an_unknown_document_or_collection_is_not_found(client: TestClient) -> None:
    assert_error(image(client, "nothing"), 404, "document_not_found")
    made = uploaded(client)
    assert_error(image(client, made, collection="other"), 404, "collection_not_found")


def test_a_format_without_pages_has_no_page_images_and_says_so(client: TestClient) -> None:
    response = image(client, add(client)["id"])
    assert_error(response, 404, "no_page_images")
    assert "ferry.txt" in response.json()["message"]


def test_a_file_that_was_not_kept_has_no_page_images_until_it_is_added_again(settings: Settings) -> None:
    with served(settings.model_copy(update={"keep_originals": False})) as client:
        made = uploaded(client)
        response = image(client, made)
        assert_error(response, 404, "no_page_images")
        assert "add it again, with QUOTEBOUND_KEEP_ORIGINALS on" in response.json()["message"]
    with served(settings) as client:
        assert uploaded(client) == made
        assert image(client, made).status_code == 200


@pytest.mark.parametrize("width", [63, 2401, 0, -5, "wide", "1e3", 10**30])
def test_a_width_that_no_picture_has_is_refused(client: TestClient, width: object) -> None:
    assert_error(image(client, "nothing", width=width), 422, "invalid_request")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return what lists each page that is drawn, with its width."""
    found: list[tuple[int, int]] = []
    draw = Sandbox.draw

    def counting(sandbox: Sandbox, drawer: Any, data: bytes, name: str, page: int, width: int) -> bytes:
        found.append((page, width))
        return draw(sandbox, drawer, data, name, page, width)

    monkeypatch.setattr(Sandbox, "draw", counting)
    return found


def test_a_picture_is_drawn_once_for_as_many_as_want_it(
    client: TestClient, counted: list[tuple[int, int]]
) -> None:
    made = uploaded(client)
    pictures = {image(client, made, width=width).content for width in (300, 400, 300, 400)}
    assert (len(pictures), counted) == (2, [(1, 300), (1, 400)])


def test_a_picture_of_a_deleted_document_is_never_shown_for_another_of_the_same_text(
    client: TestClient, counted: list[tuple[int, int]]
) -> None:
    made = uploaded(client)
    before = image(client, made)
    client.delete(f"/documents/{made}")
    # The text that an id is made of, beside another drawing.
    other = Pdf().page("1 0 0 rg 100 100 50 50 re f " + lines(70, 90, STORY))
    again = uploaded(client, other.page(lines(70, 90, ["Tickets cost 120 kronor."])).bytes())
    assert again == made
    after = image(client, again, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.content != before.content
    assert len(counted) == 2


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[TestClient, Backend]]:
    """Yield a client and the backend behind it."""
    backends: list[Backend] = []

    def mount(_: FastAPI, backend: Backend) -> None:
        backends.append(backend)

    with served(settings, mount=mount) as client:
        yield client, backends[0]


def stored(backend: Backend, data: bytes, change: Callable[[Document], Document]) -> str:
    """Store a document of a file that no loader has seen."""
    made, passages = chunked("The ferry leaves at nine.", "ferry.pdf")
    made = replace(
        made,
        media_type=PdfLoader.media_type,
        original=data,
        content_sha256=content_sha256(data),
        pages=(Page(1, 0, 9), Page(2, 9, 25)),
    )
    vectors = HashingEmbedder().embed_passages([indexed_text(passage) for passage in passages])
    backend.application.home.collection(create=True).put(change(made), passages, vectors)
    return made.id


@pytest.mark.parametrize("data", [b"no PDF at all", PDF[:300], Pdf().page("").bytes()])
def test_a_page_that_cannot_be_drawn_is_refused_and_the_next_one_is_drawn(
    settings: Settings, data: bytes
) -> None:
    with opened(settings) as (client, backend):
        response = image(client, stored(backend, data, lambda made: made), 2)
        assert_error(response, 422, "unreadable_text")
        assert "page 2 of ferry.pdf" in response.json()["message"]
        assert image(client, uploaded(client)).status_code == 200


def test_a_damaged_original_is_no_picture(settings: Settings) -> None:
    with opened(settings) as (client, backend):
        made = uploaded(client)
        catalog: Any = backend.application.home.collection().catalog
        with catalog._database.write() as connection:
            connection.exec_driver_sql("UPDATE originals SET data = x'00'")
        assert_error(image(client, made), 503, "damaged_store")


def test_the_processes_that_draw_end_with_the_service(settings: Settings) -> None:
    with opened(settings) as (client, backend):
        image(client, uploaded(client))
        process = backend.pictures._sandbox._process
        assert process is not None
        assert _runs(process.pid)
    assert not _runs(process.pid)


def place(number: int, document: str = "a") -> PicturePlace:
    return PicturePlace("default", document, "0" * 64, number, 100, "a.pdf", "application/pdf")


def test_no_more_pictures_are_kept_than_there_is_room_for_and_those_used_last() -> None:
    kept = _Kept(most_bytes=100)
    for number in range(4):
        kept.keep(place(number), bytes(30))
        kept.get(place(0))
    assert [kept.get(place(number)) is not None for number in range(4)] == [True, False, True, True]
    kept.keep(place(9), bytes(101))
    assert not any(kept.get(place(number)) for number in (0, 1, 2, 3, 9))


def test_pictures_of_one_document_are_forgotten_and_those_of_others_kept() -> None:
    kept = _Kept(most_bytes=100)
    for number, document in ((1, "a"), (2, "a"), (1, "b")):
        kept.keep(place(number, document), bytes(30))
    kept.forget("default", "a")
    assert [kept.get(place(*one)) is None for one in ((1, "a"), (2, "a"), (1, "b"))] == [True, True, False]
    kept.keep(place(5), bytes(70))
    assert kept.get(place(1, "b")) is not None


def test_the_document_of_the_api_says_that_a_page_is_a_png(client: TestClient) -> None:
    path = "/documents/{document_id}/pages/{number}/image"
    told = client.get("/openapi.json").json()["paths"][path]["get"]["responses"]
    assert list(told["200"]["content"]) == ["image/png"]
    assert {"304", "404", "422"} <= set(told)
