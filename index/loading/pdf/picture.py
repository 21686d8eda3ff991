"""A page of a PDF as a picture, as it is displayed: that is what the places of its words refer to."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from index.errors import UnreadableText
from index.loading import png
from index.loading.pdf.loader import PdfLoader, has_page_size, opened

if TYPE_CHECKING:
    import numpy as np
    import pypdfium2
    from numpy.typing import NDArray

_WHITE = (255, 255, 255, 255)


class PdfDrawer:
    """Draws pages of PDFs with pdfium, with what is filled in and noted on them."""

    media_type = PdfLoader.media_type
    libraries: tuple[str, ...] = ("pypdfium2", "numpy")

    def draw(self, data: bytes, name: str, page: int, width: int) -> bytes:
        """Return a page as PNG."""
        import pypdfium2  # noqa: PLC0415 - as in `loader`

        with closing(opened(data, name)) as pdf:
            if not 1 <= page <= len(pdf):
                raise UnreadableText(f"{name} cannot be drawn: the file has {len(pdf)} pages")
            try:
                with closing(pdf[page - 1]) as found:
                    return png.encoded(_pixels(found, name, width))
            except pypdfium2.PdfiumError as error:
                raise UnreadableText(f"{name} is damaged and cannot be drawn") from error


def _pixels(page: pypdfium2.PdfPage, name: str, width: int) -> NDArray[np.uint8]:
    import pypdfium2  # noqa: PLC0415
    from pypdfium2 import raw  # noqa: PLC0415

    across, down = page.get_size()
    if not has_page_size(across, down):
        raise UnreadableText(f"{name} cannot be drawn: it has a size that is not that of a page")
    # pdfium fits the page into a size of whole pixels, so that a place in points scales in both directions.
    size = png.fitting(across, down, width)
    bitmap = pypdfium2.PdfBitmap.new_native(*size, raw.FPDFBitmap_BGR, rev_byteorder=True)
    bitmap.fill_rect(_WHITE, 0, 0, *size)
    how = (0, 0, *size, 0, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER)
    raw.FPDF_RenderPageBitmap(bitmap, page, *how)
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, bitmap, page, *how)
    pixels: NDArray[np.uint8] = bitmap.to_numpy()
    return pixels
