"""Makes the files: an article in every format, by the programs that people write such files with."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from pathlib import Path

from eval.formats.article import Article
from eval.formats.open_document import Layout, flat_sheets, flat_slides, flat_text
from eval.formats.web import book, mail_body, web_page
from index.errors import InputError

OFFICE = "soffice"
OCR = "tesseract"
# How the name of LibreOffice's EPUB differs from that of the one that the command writes.
OFFICE_BOOK = "-libreoffice"
_SECONDS = 180
_SCAN_DPI = 200
_POINTS_PER_INCH = 72
_TWO_COLUMNS = Layout(columns=2, running_head="The Island Review · Volume 12", numbered=True)


class MissingProgram(InputError):
    """A program that makes or reads the files is not on this machine."""

    code = "missing_program"


class UnknownForm(InputError):
    """There is no form of that name."""

    code = "unknown_form"


class Form(StrEnum):
    """The forms in which the article is written; the value is what people call it."""

    TXT = "TXT"
    DOCX = "DOCX"
    ODT = "ODT"
    RTF = "RTF"
    HTML = "HTML"
    EPUB = "EPUB (semantic)"
    EPUB_OFFICE = "EPUB (LibreOffice)"
    EML = "EML"
    PDF = "PDF, one column"
    COLUMNS = "PDF, two columns"
    SCAN = "PDF, scanned"
    PPTX = "PPTX"
    ODP = "ODP"
    XLSX = "XLSX"
    ODS = "ODS"

    @property
    def suffix(self) -> str:
        """The suffix of such a file."""
        return f".{self.value.split()[0].rstrip(',').lower()}"

    @property
    def word(self) -> str:
        """The name that the command line has for it."""
        return self.name.lower().replace("_", "-")


def _mail(article: Article) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Ada Lorne <ada@example.org>"
    message["To"] = "readers@example.org"
    message["Subject"] = article.title or "Report"
    message["Date"] = "Mon, 06 Jan 2025 09:00:00 +0000"
    message["Message-ID"] = "<report-1@example.org>"
    message.set_content("This mail is shown as HTML.\n")
    message.add_alternative(mail_body(article), subtype="html")
    message.set_boundary("=-=-report-=-=")
    return message.as_bytes()


# Those that need no program.
_WRITTEN: dict[Form, Callable[[Article], bytes]] = {
    Form.HTML: lambda article: web_page(article).encode(),
    Form.EPUB: book,
    Form.EML: _mail,
}
# For each of the others what LibreOffice makes it of, and the suffix that tells it what that is.
_CONVERTED: dict[Form, tuple[Callable[[Article], str], str]] = {
    **dict.fromkeys(
        (Form.DOCX, Form.ODT, Form.RTF, Form.PDF, Form.EPUB_OFFICE),
        (lambda article: flat_text(article, Layout()), "fodt"),
    ),
    Form.COLUMNS: (lambda article: flat_text(article, _TWO_COLUMNS), "fodt"),
    **dict.fromkeys((Form.PPTX, Form.ODP), (flat_slides, "fodp")),
    **dict.fromkeys((Form.XLSX, Form.ODS), (flat_sheets, "fods")),
}


@dataclass(frozen=True, slots=True)
class Maker:
    """Writes files into a folder; one that is there already is taken as it is.

    Raise `MissingProgram` where LibreOffice is needed and not there.
    """

    folder: Path
    stem: str

    def path(self, form: Form) -> Path:
        """Return where the file of a form is: all have one name, so that nothing but the form differs."""
        return self.folder / form.name.lower() / f"{self.stem}{form.suffix}"

    def make(self, text: str, form: Form) -> Path:
        """Return the file that holds an article in a form; it is made where it is not there."""
        path = self.path(form)
        if path.is_file():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        article = Article.of(text)
        if form is Form.TXT:
            path.write_text(text, encoding="utf-8")
        elif form in _WRITTEN:
            path.write_bytes(_WRITTEN[form](article))
        elif form is Form.SCAN:
            scanned(self.make(text, Form.PDF), path)
        else:
            source, kind = _CONVERTED[form]
            with tempfile.TemporaryDirectory() as folder:
                flat = Path(folder) / f"{self.stem}.{kind}"
                flat.write_text(source(article), encoding="utf-8")
                made = _converted(flat, form.suffix.removeprefix("."))
                shutil.move(made, path)
        return path


def require(program: str, what_for: str) -> str:
    """Return the path of a program; raise `MissingProgram` saying what it is needed for."""
    found = shutil.which(program)
    if found is None:
        raise MissingProgram(f"{program} is not on this machine, which {what_for}: install it and try again")
    return found


def version(program: str, what_for: str) -> str:
    """Return the name and version that a program tells."""
    # S603: the program is one of the two that are named above.
    said = subprocess.run(  # noqa: S603
        [require(program, what_for), "--version"], capture_output=True, text=True, check=True
    )
    return " ".join((said.stdout or said.stderr).splitlines()[0].split()[:2])


def _converted(source: Path, suffix: str) -> Path:
    office = require(OFFICE, "makes the files (LibreOffice, with Writer, Calc and Impress)")
    target = source.with_suffix(f".{suffix}")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            office, "--headless", "--norestore", f"-env:UserInstallation={Path(profile).as_uri()}",
            "--convert-to", suffix, "--outdir", str(source.parent), str(source),
        ]  # fmt: skip
        try:
            # S603: every word of the command stands above.
            said = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise MissingProgram(f"{OFFICE} made no {target.name} within {_SECONDS} seconds") from error
    if not target.is_file():
        reason = (said.stderr or said.stdout).strip().splitlines()
        raise MissingProgram(
            f"{OFFICE} made no {target.name}: {reason[-1] if reason else 'it did not say why'}"
        )
    return target


def scanned(source: Path, target: Path) -> None:
    """Write a PDF of nothing but pictures of the pages of another one."""
    import pypdfium2  # noqa: PLC0415 - the command line must not load it before it is needed

    with pypdfium2.PdfDocument(source) as pdf, pypdfium2.PdfDocument.new() as made:
        for page in pdf:
            width, height = page.get_size()
            bitmap = page.render(scale=_SCAN_DPI / _POINTS_PER_INCH, grayscale=True)
            picture = pypdfium2.PdfImage.new(made)
            picture.set_bitmap(bitmap)
            picture.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
            sheet = made.new_page(width, height)
            sheet.insert_obj(picture)
            sheet.gen_content()
        made.save(target)


def main(text: Path, folder: Path) -> None:
    """Write an article beside its text in every format that the suite reads."""
    for form in Form:
        if form not in (Form.TXT, Form.COLUMNS, Form.SCAN):
            with tempfile.TemporaryDirectory() as made:
                file = Maker(Path(made), text.stem).make(text.read_text(encoding="utf-8"), form)
                apart = OFFICE_BOOK if form is Form.EPUB_OFFICE else ""
                shutil.copyfile(file, folder / f"{file.stem}{apart}{file.suffix}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
