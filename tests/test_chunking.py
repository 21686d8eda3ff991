"""Documents to passages: spans, windows, headings, coverage."""

import itertools

import pytest
from doubles import WordWindow, document
from hypothesis import given, settings
from hypothesis import strategies as st

from index import vocabulary
from index.chunking import Chunker, TokenWindow, indexed_text
from index.embedding.model_files import PACKAGED_MODEL, ModelFiles, find_model
from index.loading import load_bytes
from index.pages import page_at
from index.types import Document, Page, Passage

MODEL_WINDOW = ModelFiles(find_model(PACKAGED_MODEL), PACKAGED_MODEL)


def passages(
    source: str, target: int = 40, window: TokenWindow | None = None, name: str = "x.md"
) -> list[Passage]:
    return Chunker(window or WordWindow(), target).chunk(loaded(source, name))


def loaded(text: str, name: str = "x.md") -> Document:
    return load_bytes(text.encode("utf-8", "replace"), name, origin="o", max_bytes=10**8)


def check(made: Document, found: list[Passage], window: TokenWindow) -> None:
    assert [passage.ordinal for passage in found] == list(range(len(found)))
    for passage in found:
        assert made.text[passage.start : passage.end] == passage.text
        assert window.counts([indexed_text(passage)])[0] <= window.limit
        for span in passage.sentences:
            assert passage.start <= span.start < span.end <= passage.end
    for before, after in itertools.pairwise(found):
        assert before.end <= after.start
    covered = {offset for passage in found for offset in range(passage.start, passage.end)}
    missed = [c for offset, c in enumerate(made.text) if offset not in covered and not c.isspace()]
    assert missed == []


# Text as it comes: letters of several scripts, marks that combine, astral characters, Markdown, long runs.
pieces = st.one_of(
    st.text(),
    st.text(alphabet="ab. \n#-*|`>1", max_size=60),
    st.sampled_from(
        [
            "# Heading\n",
            "\n\n",
            "- item\n",
            "word " * 300,
            "x" * 5000,
            "世界。" * 200,
            "😀e\u0301\u200f ",
            ". ",
            "!" * 700,
        ]
    ),
)


@settings(max_examples=120)
@given(st.lists(pieces, max_size=8).map("".join), st.sampled_from(["x.md", "x.txt"]))
def test_any_document_is_covered_by_passages_within_the_models_window(text: str, name: str) -> None:
    if not text.encode("utf-8", "replace").decode().strip():
        return
    try:
        made = loaded(text, name)
    except Exception as error:
        assert "control characters" in str(error) or "no text" in str(error)
        return
    check(made, Chunker(MODEL_WINDOW, 64).chunk(made), MODEL_WINDOW)


def test_passages_are_near_the_target_and_end_with_sentences() -> None:
    text = " ".join(f"Sentence number {n} tells of year {1900 + n} and no other." for n in range(60))
    found = passages(text, target=50)
    encoding = vocabulary.encoding()
    for passage in found:
        assert len(encoding.encode(passage.text)) <= 50
        assert passage.text.endswith("other.")
    assert all(len(encoding.encode(passage.text)) > 25 for passage in found[:-1])


def test_a_sentence_that_fits_the_window_is_never_cut() -> None:
    sentence = "The committee " + "very " * 100 + "much agreed."
    found = passages(f"Short one. {sentence} Short two.", target=20)
    assert any(sentence in passage.text for passage in found)


def test_a_sentence_over_the_window_is_cut_at_blanks_without_loss() -> None:
    sentence = " ".join(f"word{n}" for n in range(1000)) + "."
    window = WordWindow(100)
    found = passages(sentence, target=60, window=window)
    assert len(found) > 10
    assert " ".join(passage.text for passage in found) == sentence
    assert all(window.counts([passage.text])[0] <= 100 for passage in found)


def test_a_run_without_blanks_is_cut_too() -> None:
    found = passages("x" * 20_000, window=MODEL_WINDOW)
    assert "".join(passage.text for passage in found) == "x" * 20_000
    assert all(len(passage.text) <= 4000 for passage in found)


def test_a_heading_starts_a_passage_and_stays_with_what_follows() -> None:
    found = passages("# Report\n\nIntro here.\n\n## Costs\n\nIt cost three.\n\n## Ends\n\nIt ended.\n")
    assert [passage.text.split("\n")[0] for passage in found] == ["# Report", "## Costs", "## Ends"]
    assert [passage.heading for passage in found] == ["Report", "Report › Costs", "Report › Ends"]


def test_a_heading_is_not_left_alone_even_when_the_target_is_small() -> None:
    sentence = "The commission " + "really " * 30 + "agreed."
    found = passages(f"# Findings of the commission\n\n{sentence}\n", target=30)
    assert len(found) == 1


def test_a_later_passage_of_a_section_is_indexed_under_its_heading() -> None:
    body = " ".join(f"Fact {n} is stated in this sentence." for n in range(40))
    found = passages(f"# Rivers\n\n{body}\n")
    assert len(found) > 2
    assert indexed_text(found[0]) == found[0].text
    assert indexed_text(found[2]) == f"Rivers\n{found[2].text}"


def test_headings_are_in_passages_and_never_evidence() -> None:
    made = loaded("# Rivers\n\nThe Indus is long.\n")
    (found,) = Chunker(WordWindow(), 40).chunk(made)
    assert "# Rivers" in found.text
    assert [made.text[span.start : span.end] for span in found.sentences] == ["The Indus is long."]


def test_a_paragraph_is_kept_together_where_it_can_be() -> None:
    paragraph = "One sentence is here. Another one is there. A third is last."
    found = passages("\n\n".join([paragraph] * 6), target=40)
    assert all(passage.text.count("One sentence") == passage.text.count("A third") for passage in found)


def test_passages_know_their_page() -> None:
    pages = (Page(1, 0, 10), Page(2, 10, 30))
    assert [page_at(pages, offset) for offset in (0, 9, 10, 29)] == [1, 1, 2, 2]
    assert page_at((), 5) is None


def test_ids_are_the_same_in_every_run_and_differ_between_passages() -> None:
    text = "Same sentence.\n\n" * 80
    first, second = passages(text), passages(text)
    assert first == second
    assert len({passage.id for passage in first}) == len(first)


def test_a_window_too_small_for_any_passage_is_refused() -> None:
    with pytest.raises(ValueError, match="window of 20"):
        Chunker(WordWindow(20))


def test_a_documents_blocks_may_be_missing() -> None:
    made = document("Text without any block.", blocks=[])
    (found,) = Chunker(WordWindow(), 40).chunk(made)
    assert found.text == made.text
    assert found.sentences == ()
