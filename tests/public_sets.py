"""Small question sets in the shapes of the public ones that the reader is trained on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from rag.reading.training.sources import QAMR_FILE, QED_FILE, SELQA_FILE, SQUAD2_FILE, SQUAD11_FILE

PLACES = ("Arlen", "Borvik", "Cassel", "Dunmore", "Estrel", "Falken", "Girona")
OTHER_PLACES = ("Helmond", "Isenburg")
THINGS = ("bridge", "mill", "harbour")
PEOPLE = ("Amara", "Bodo", "Cilla", "Dorin", "Elva", "Farid", "Gerda")


def sentences(place: str, number: int) -> list[str]:
    """Return a paragraph on a thing, its maker and its year."""
    thing, person, year = (
        THINGS[number % 3],
        PEOPLE[(len(place) + number) % 7],
        1500 + 7 * len(place) + number,
    )
    return [
        f"The {thing} of {place} was drawn by {person} after a long journey over the hills.",
        f"It was finished in {year} and painted white all over.",
        "Many came from far away to see it stand above the river.",
        "On feast days it is lit with lanterns until the morning comes.",
    ]


def _article(place: str) -> dict[str, Any]:
    paragraphs = []
    for number, thing in enumerate(THINGS):
        told = sentences(place, number)
        person, year = told[0].split(" after")[0].split()[-1], told[1].split()[4]
        questions = [
            {"question": f"When was the {thing}  of {place} finished? ", "answers": [{"text": year}] * 2},
            {"question": f"What did {person} draw first in {place}?", "answers": [{"text": thing}]},
            {"question": f"Who tore down the {thing} of {place}?", "answers": [], "is_impossible": True},
        ]
        paragraphs.append({"context": " ".join(told), "qas": questions})
    return {"title": place, "paragraphs": paragraphs}


def _entry(context: str, **of: Any) -> dict[str, Any]:
    return {"id": "x", "question": "Who drew  it?", "title": "A title", "context": context, **of}


# Not in the order of titles, which is the one that counts.
CONTENT: dict[Path, Any] = {
    SQUAD2_FILE: {"data": [_article(place) for place in PLACES[::-1]]},
    SQUAD11_FILE: {"data": [_article(place) for place in OTHER_PLACES[::-1]]},
    QED_FILE: [
        _entry("Amara drew the dam.", answers=[{"text": "Amara"}, {"text": "Nobody"}]),
    ],
    QAMR_FILE: [
        _entry(f"{person} drew the {thing}.", title=f"Wiki:w:{number}:9:1", answers=[{"text": person}])
        for number, thing in enumerate(THINGS)
        for person in PEOPLE
    ],
    SELQA_FILE: [
        _entry(
            " ".join(sentences("Jura", 1)),
            question="Who drew the mill?",
            sentences=sentences("Jura", 1),
            answer_sentences=[0],
        )
    ],
}


def written(folder: Path) -> Path:
    """Write each set to its place below a folder and return that."""
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        lines = content if isinstance(content, list) else [content]
        with gzip.open(folder / name, "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    return folder
