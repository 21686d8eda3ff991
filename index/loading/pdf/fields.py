"""What is written into the fields of a PDF's form, and into the boxes that people put on its pages."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from index.loading.composing import normalised
from index.loading.pdf.placed import PlacedWord
from index.loading.pdf.places import Affine, Box

if TYPE_CHECKING:
    import pypdfium2

_MAX_ANNOTATIONS = 5_000
_MAX_CHARACTERS = 20_000
_HIDDEN_FLAGS = 2 | 32  # hidden, and not to be viewed
_PASSWORD = 1 << 13
_SIZE_POINTS = 11.0
_LETTER_WIDTH = 0.5
_LINE_HEIGHT = 1.2
_DESCENT = 0.35


def field_words(page: pypdfium2.PdfPage, form: object, affine: Affine) -> Iterator[PlacedWord]:
    """Yield the words of a page's fields; of free text, too, though a document has no form.

    Where exactly they stand within a field is not told; from its left, and around its middle or down
    from its top, is where programs write them.
    """
    # As in `pdf`: a question asked from a shell needs no PDF library.
    from pypdfium2 import raw  # noqa: PLC0415

    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            text = _written(annotation, form)
            area = raw.FS_RECTF()
            if text.strip() and raw.FPDFAnnot_GetRect(annotation, area):
                yield from _placed(text, affine.box(area.left, area.bottom, area.right, area.top))
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _written(annotation: object, form: object) -> str:
    from pypdfium2 import raw  # noqa: PLC0415

    if raw.FPDFAnnot_GetFlags(annotation) & _HIDDEN_FLAGS:
        return ""
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    if kind == raw.FPDF_ANNOT_FREETEXT:
        return _told(lambda to, size: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", to, size))
    if kind != raw.FPDF_ANNOT_WIDGET or form is None:
        return ""
    written_in = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
    if raw.FPDFAnnot_GetFormFieldType(form, annotation) not in written_in:
        return ""
    if raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return ""
    return _told(lambda to, size: raw.FPDFAnnot_GetFormFieldValue(form, annotation, to, size))


def _told(ask: Callable[[object, int], int]) -> str:
    """Return a string that pdfium writes, UTF-16 with a zero at its end, and says the length of in bytes."""
    needed = ask(None, 0)
    if not 2 < needed <= 2 * _MAX_CHARACTERS:
        return ""
    room = (ctypes.c_ushort * (needed // 2 + 1))()
    ask(room, needed)
    return bytes(room)[: needed - 2].decode("utf-16-le", "replace")


def _placed(text: str, box: Box) -> Iterator[PlacedWord]:
    left, top, right, bottom = box
    lines = normalised(text).split("\n")
    size = max(1.0, min(_SIZE_POINTS, (bottom - top) / (_LINE_HEIGHT * len(lines))))
    middle = (top + bottom) / 2 if len(lines) == 1 else top + _LINE_HEIGHT * size / 2
    for line in lines:
        place = left
        # What is written is within the field, however long it is.
        letter = min(_LETTER_WIDTH * size, (right - left) / max(1, len(line)))
        for word in line.split():
            end = place + letter * len(word)
            yield PlacedWord(
                word, place, middle - size / 2, end, middle + size / 2, middle + _DESCENT * size, size
            )
            place = end + letter
        middle += _LINE_HEIGHT * size
