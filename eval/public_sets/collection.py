"""Public documents as a collection, and public questions as an eval set of it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from itertools import islice

from eval.cases import EvalSet, InvalidCase
from eval.public_sets.types import PublicDocument, PublicQuestions, PublicSet
from index.running import JobRunner

# In one archive: far fewer members than are read of one, and passages are embedded together.
_TOGETHER = 500


def ingest(documents: Iterable[PublicDocument], runner: JobRunner) -> None:
    """Bring public documents into a collection; raise `InvalidCase` where one could not be."""
    left = iter(documents)
    number = 0
    while some := list(islice(left, _TOGETHER)):
        number += 1
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            for document in some:
                # Not by its name: the time of packing would be in the archive.
                packed.writestr(zipfile.ZipInfo(document.name), document.text)
        report = runner.add(archive.getvalue(), f"{number}.zip")
        if not report.complete:
            failed = next((record.reason for record in report.files if record.reason), report.job.message)
            raise InvalidCase(f"its documents could not be read: {failed}")


def as_eval_set(public: PublicSet, questions: PublicQuestions) -> EvalSet:
    """Return public questions as a set, whose digest is that of the files that they were read from."""
    told = json.dumps(questions.data_sha256, sort_keys=True)
    return EvalSet(public.name, hashlib.sha256(told.encode()).hexdigest(), questions.cases, ())
