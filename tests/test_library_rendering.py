"""The library as HTML: collections, documents with how they are, what can be undone, and jobs."""

from dataclasses import replace

import pytest
from drawn import HOSTILE, Drawn

from index.coverage import Coverage
from index.home import CollectionInfo
from index.jobs import FileRecord, FileStatus, Job, JobKind, JobState
from index.types import DocumentInfo, Page, PageReading
from rag.service.removed import Receipt
from rag.service.worker import Standing
from ui.rendering.library import Drawing, Outcome, Shelf, frame, shelf, trouble
from ui.rendering.tasks import REASONS_SHOWN, Task, tasks


def info(name: str = "dam", **values: object) -> DocumentInfo:
    made = DocumentInfo(
        id=f"{name}-id",
        source=f"{name}.pdf",
        origin=f"upload:{name}.pdf",
        title=f"The {name}",
        media_type="application/pdf",
        sha256="0" * 64,
        content_sha256="1" * 64,
        characters=100,
        passages=1,
        pages=14,
        added="2026-03-04T05:06:07Z",
        coverage=Coverage(text=14),
    )
    return replace(made, **values)  # type: ignore[arg-type]


def upload(state: JobState, name: str = "dam.pdf", **values: str) -> Job:
    times = {"created": "2026-03-05T00:00:00Z", "updated": "2026-03-05T00:00:09Z"}
    return Job("job-1", JobKind.UPLOAD, {"name": name}, state, **times, **values)


def receipt(title: str = "The dam", *, collection: str = "default", undoable: bool = True) -> Receipt:
    return Receipt("receipt-1", collection, "dam-id", title, "dam.pdf", undoable)


def shown(*documents: DocumentInfo, jobs: tuple[Job, ...] = (), receipts: tuple[Receipt, ...] = ()) -> Shelf:
    collections = (CollectionInfo("default", len(documents), None), CollectionInfo("reports", 1, None))
    return Shelf("default", "default", collections, documents, jobs, receipts)


def drawn(of: Shelf) -> Drawn:
    return Drawn(shelf(of))


def test_the_chosen_collection_is_marked_and_each_tells_how_many_documents_it_has() -> None:
    html = shelf(shown(info(), info("weir")))
    assert Drawn(html).values("aria-current") == ["true"]
    assert 'data-collection="default" aria-current="true">default' in html
    assert "2 documents" in Drawn(html).text
    assert "1 document" in Drawn(html).text


def test_the_default_collection_is_emptied_and_another_one_deleted() -> None:
    of = shown(info())
    assert "Empty the collection default" in drawn(of).values("aria-label")
    other = drawn(replace(of, collection="reports"))
    assert "Delete the collection reports" in other.values("aria-label")
    question = "Delete the collection reports with its 1 document? This cannot be undone."
    assert question in other.values("data-question")


def test_an_empty_default_collection_is_not_offered_to_be_emptied() -> None:
    assert "doom" not in drawn(shown()).values("data-local")


def test_a_row_tells_of_a_document_and_opens_it() -> None:
    html = shelf(shown(info()))
    for told in ("The dam", "dam.pdf", ">14<", "All read", "2026-03-04", "Ready"):
        assert told in html
    opening = 'data-local="source" data-document="dam-id" data-start="" data-end="" data-collection="default"'
    assert opening in html
    labels = Drawn(html).values("aria-label")
    assert "Ask only The dam" in labels
    assert "Delete The dam" in labels


def test_pages_that_could_not_be_read_are_told_with_their_reasons() -> None:
    unread = tuple(Page(number, 0, 0, reading=PageReading.UNREAD, reason="no text") for number in (3, 4))
    html = shelf(shown(info(coverage=Coverage(text=12, unread=unread))))
    assert "2 of 14 pages unread" in Drawn(html).text
    assert "pages 3–4: no text" in Drawn(html).text


def test_a_document_without_pages_tells_none() -> None:
    assert ">–<" in shelf(shown(info(pages=0, coverage=Coverage())))


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (upload(JobState.DONE), "Ready"),
        (upload(JobState.RUNNING), "Ready; a later version: being read"),
        (upload(JobState.FAILED, code="unreadable_text", message="it is damaged"), "it is damaged"),
        (upload(JobState.WAITING, code="storage_full", message="no room"), "Waiting: no room"),
    ],
)
def test_a_document_tells_how_the_last_upload_of_its_name_went(job: Job, said: str) -> None:
    assert said in drawn(shown(info(), jobs=(job,))).text


def test_only_the_last_upload_of_a_name_counts() -> None:
    failed = upload(JobState.FAILED, code="x", message="it is damaged")
    assert "damaged" not in drawn(shown(info(), jobs=(upload(JobState.DONE), failed))).text


def test_what_is_being_added_has_a_row_before_it_is_a_document() -> None:
    html = shelf(shown(jobs=(upload(JobState.RUNNING, "weir.pdf"), upload(JobState.FAILED, "bad.pdf"))))
    assert 'data-job="job-1"' in html
    assert "weir.pdf" in html
    assert "Being read" in html
    assert "bad.pdf" not in html
    assert "checkbox" not in html


def test_an_empty_collection_says_what_to_do() -> None:
    assert "There are no documents yet" in drawn(shown()).text
    assert "There are no documents yet" not in drawn(shown(info())).text


def test_what_was_deleted_is_offered_to_be_undone() -> None:
    page = drawn(shown(receipts=(receipt(), receipt("The weir", collection="reports"))))
    assert page.values("data-receipt") == ["receipt-1", "receipt-1"]
    assert "Deleted The dam." in page.text
    assert "Deleted The weir from reports." in page.text


def test_what_cannot_be_undone_says_so() -> None:
    page = drawn(shown(receipts=(receipt(undoable=False),)))
    assert page.values("data-receipt") == []
    assert "held for an undo" in page.text


def test_trouble_is_told_and_leaves_what_is_shown() -> None:
    html = trouble("the disk refused", "reports", Drawing("7"))
    assert 'data-slot="trouble"><p class="notice error" role="alert">the disk refused' in html
    assert 'data-asked="reports" data-collection="reports" data-token="7"' in html
    assert 'data-slot="trouble"></div>' in shelf(shown())  # which ends it
    assert "<table" not in html


def test_what_was_told_stays_until_something_else_is_done() -> None:
    assert not {"said", "fault"} & set(drawn(shown()).values("data-slot"))
    done = Drawn(shelf(shown(), Outcome("<p>Done.</p>", "no such name")))
    assert {"said", "fault"} <= set(done.values("data-slot"))
    assert "no such name" in done.text


def test_the_frame_tells_the_formats_and_the_limit() -> None:
    html = frame(32 * 2**20)
    assert "up to 32 MB each" in html
    assert 'data-limit="33554432"' in html
    # The framework makes templates of it.
    assert not {"{{", "${", "`"} & {html[at : at + size] for at in range(len(html)) for size in (1, 2)}


def test_a_job_tells_what_became_of_its_files() -> None:
    files = [FileRecord("job-1", f"o{each}", f"{each}.txt", FileStatus.ADDED) for each in range(3)]
    bad = [FileRecord("job-1", f"b{each}", "", FileStatus.FAILED, reason=f"bad {each}") for each in range(7)]
    page = Drawn(tasks([Task(upload(JobState.DONE, "all.zip"), [*files, *bad])]))
    assert "all.zip" in page.text
    assert "Upload · Done · 2026-03-05 00:00 UTC · 3 added, 7 failed" in page.text
    assert f"bad {REASONS_SHOWN - 1}" in page.text
    assert f"bad {REASONS_SHOWN}" not in page.text
    assert "And 2 more" in page.text


def test_a_job_that_runs_tells_how_far_it_is() -> None:
    reading = Standing(1, {}, 0, 0, 0, None, ("dam.pdf", 2, 9))
    storing = Standing(1, {}, 90, 0, 40, None, None)
    page = Drawn(tasks([Task(upload(JobState.RUNNING), (), each) for each in (reading, storing)]))
    assert "Reading page 3 of 9 of dam.pdf" in page.text
    assert "Embedding: 40 of 90 passages" in page.text
    assert page.values("max") == ["9", "90"]
    assert len(page.values("data-going")) == 2


def test_the_reason_of_a_job_is_told_once() -> None:
    job = upload(JobState.FAILED, code="unreadable_text", message="it is damaged")
    record = FileRecord("job-1", "o", "dam.pdf", FileStatus.FAILED, reason="it is damaged")
    assert Drawn(tasks([Task(job, [record])])).text.count("it is damaged") == 1


def test_folders_and_reindexing_are_told_as_such() -> None:
    asked = {"shown": ["reports", "mail"], "prune": False, "yes": False}
    sync = replace(upload(JobState.DONE), kind=JobKind.SYNC, request=asked)
    again = replace(upload(JobState.DONE), kind=JobKind.REINDEX, request={})
    page = Drawn(tasks([Task(sync), Task(again)]))
    assert "reports, mail" in page.text
    assert "embedded anew" in page.text


def test_no_jobs_are_told_as_none() -> None:
    assert "none yet" in tasks([])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_comes_from_documents_is_text_and_nothing_else(hostile: str) -> None:
    def page(words: str) -> tuple[Drawn, Drawn]:
        unread = (Page(3, 0, 0, reading=PageReading.UNREAD, reason=words),)
        names = {"title": words, "source": words, "id": words, "added": words}
        document = info(**names, coverage=Coverage(text=13, unread=unread))
        failed = upload(JobState.WAITING, words, code="x", message=words)
        later = upload(JobState.FAILED, code="x", message=words)
        of = shown(document, jobs=(failed, later), receipts=(receipt(words),))
        of = replace(of, collections=[CollectionInfo(words, 1, None)], asked=words)
        record = FileRecord("job-1", words, words, FileStatus.FAILED, reason=words)
        standing = Standing(1, {}, 0, 0, 0, None, (words, 2, 9))
        patch = shelf(of, Outcome(fault=words), Drawing(words, words))
        return Drawn(patch), Drawn(tasks([Task(failed, [record, record], standing)]))

    for harmless, harmful in zip(page("words"), page(hostile), strict=True):
        assert harmful.shape == harmless.shape
        assert hostile in harmful.text
