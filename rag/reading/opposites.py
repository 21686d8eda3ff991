"""Words that say the opposite of each other: what turns a sentence into one that its source denies."""

from __future__ import annotations

OPPOSITES = dict(
    pair
    for line in (
        "first last, before after, north south, northern southern, east west, eastern western, most least, "
        "more less, largest smallest, highest lowest, greatest smallest, oldest youngest, earliest latest, "
        "increase decrease, increased decreased, win lose, won lost, begin end, began ended, start end, "
        "minimum maximum, above below, inside outside, male female, men women, father mother, buy sell, "
        "public private, internal external, upper lower, early late, old new, major minor, "
        "positive negative, allowed forbidden, accept reject, support oppose, supported opposed, "
        "join leave, joined left, enter leave, best worst, strong weak, common rare, majority minority"
    ).split(", ")
    for pair in (line.split(), line.split()[::-1])
)
# Beginnings that turn a word into its opposite: "able", "unable".
PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non")
