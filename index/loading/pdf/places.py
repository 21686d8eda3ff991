"""From a PDF page's own coordinates to places on the page as it is displayed."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2

# Left, top, right, bottom.
Box = tuple[float, float, float, float]

# pdfium tells places on a display in whole dots: a display of this many dots to a point.
_DEVICE = 64
_SPAN = 1000.0


@dataclass(frozen=True, slots=True)
class Affine:
    """From a page's own coordinates to those of the page as it is displayed, in points from the top left."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is displayed."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Return where a rectangle is displayed."""
        x1, y1 = self.point(left, bottom)
        x2, y2 = self.point(right, top)
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def affine_of(page: pypdfium2.PdfPage, width: float, height: float) -> Affine:
    """Return the map of a page, whose size as displayed is given."""
    # As in `pdf`: a question asked from a shell needs no PDF library.
    from pypdfium2 import raw  # noqa: PLC0415

    def device(x: float, y: float) -> tuple[float, float]:
        across, down = ctypes.c_int(), ctypes.c_int()
        size = (round(width * _DEVICE), round(height * _DEVICE))
        raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
        return across.value / _DEVICE, down.value / _DEVICE

    (e, f), (x1, y1), (x2, y2) = device(0, 0), device(_SPAN, 0), device(0, _SPAN)
    return Affine((x1 - e) / _SPAN, (y1 - f) / _SPAN, (x2 - e) / _SPAN, (y2 - f) / _SPAN, e, f)
