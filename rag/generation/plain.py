"""What a language model wrote, as plain text: no markers, no markup, nothing that cannot be seen."""

from __future__ import annotations

import regex

# Scripts whose letters are joined or kept apart by marks that are not seen themselves, and emoji.
_JOINED = (
    r"[\p{Arabic}\p{Syriac}\p{Mandaic}\p{Nko}\p{Mongolian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}"
    r"\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}\p{Tibetan}"
    r"\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]"
)
# What is not seen: controls, formats such as zero-width and bidirectional marks, fillers, and the tag
# characters and selectors with which text is smuggled past readers.
_UNSEEN = regex.compile(r"[[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{DI}\u2800]--[\t-\r\x1c-\x1f\x85]]", regex.V1)
# The same, less single joiners where scripts and emoji need them and selectors behind an emoji.
_NEEDLESS = regex.compile(
    rf"(?![\u200c\u200d\ufe0e\ufe0f]){_UNSEEN.pattern}"
    rf"|(?<!{_JOINED})[\u200c\u200d]|[\u200c\u200d](?!{_JOINED})"
    r"|(?<!\p{Extended_Pictographic})[\ufe0e\ufe0f](?!\u20e3)",
    regex.V1,
)
# Other ends of lines and separators, which are controls.
_BREAK = regex.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")
_SPACE = regex.compile(r"[\s\x1c-\x1f]+")

_TARGET = r"(?:\((?:[^()]|\([^()]*\))*+\)|\[[^\[\]]*\])"
_IMAGE = regex.compile(rf"!\[[^\[\]]*\]{_TARGET}")
_LINK = regex.compile(rf"\[([^\[\]]*)\]{_TARGET}")
_DEFINITION = regex.compile(r"(?m)^\[[^\[\]]+\]:.*$")
_ELEMENT = (
    "a|abbr|address|area|article|aside|audio|b|base|big|blockquote|body|br|button|canvas|center|cite|code|col|"
    "dd|del|details|dialog|div|dl|dt|em|embed|figcaption|figure|font|footer|form|frame|frameset|h[1-6]|head|"
    "header|hr|html|i|iframe|img|input|ins|kbd|label|li|link|main|mark|marquee|math|meta|nav|object|ol|option|"
    "p|param|picture|pre|q|s|samp|script|section|select|small|source|span|strong|style|sub|summary|sup|svg|"
    "table|tbody|td|template|textarea|tfoot|th|thead|title|tr|track|tt|u|ul|var|video"
)
# A tag of HTML, not what stands between two signs of comparison; a comment; an address in brackets.
_HTML = regex.compile(
    rf"</?(?:{_ELEMENT})(?:\s[^<>]*=[^<>]*|\s*/?)>|<!--.*?-->|<(?:[a-z][a-z0-9+.-]*:|[^\s<>@]+@)[^\s<>]*>",
    regex.IGNORECASE | regex.DOTALL,
)
_TAG_BEGUN = regex.compile(r"<(?=[\p{L}/!?])")
_MARKER = regex.compile(
    r"\s*(?:[\[［【〔⟦]\s*[\^#]?(?:(?:sources?|quotes?|citations?|documents?|docs?|refs?|[qs])\b[\s.:#]*)?"
    r"[\^#]?[qs]?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*(?:[†:][^\[\]【】]*)?[\]］】〕⟧](?:\([^()]*\))?"
    r"|\(\s*sources?\s*:?\s*\d{1,3}[^()]*\))",
    regex.IGNORECASE,
)
_BULLET = regex.compile(r"^\s*(?:[-*•]\s+|\d{1,2}\)\s+|#{1,6}\s+|>\s+)")
_EMPHASIS = regex.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
# Markup within markup comes to light when what is around it goes; nobody nests deeper in good faith.
_ROUNDS = 8


def unseen(text: str) -> set[int]:
    """Return the offsets of what cannot be seen in a text."""
    return {match.start() for match in _UNSEEN.finditer(text)}


def seen(text: str) -> str:
    """Return a text without what cannot be seen in it; unusual ends of lines and controls are blanks."""
    return _NEEDLESS.sub("", _BREAK.sub(lambda found: "\n" if "\n" in found[0] else " ", text))


def one_line(text: str, limit: int) -> str:
    """Return a name as one line of at most so many characters, without what cannot be seen."""
    line = _SPACE.sub(" ", seen(text)).strip()
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def sentence(text: str) -> str:
    """Return a written sentence as it may be shown: one line of text.

    Markers are left out, since the answer's own take their place; so are images, targets of links and
    tags, of which a page that renders Markdown or HTML would make a request to somewhere else.
    """
    plain = "\n".join(" ".join(line.split()) for line in seen(text).split("\n"))
    for _ in range(_ROUNDS):
        stripped = _without_markup(plain)
        if stripped == plain:
            break
        plain = stripped
    # What is left of markup that was nested too deep or broken is taken apart.
    plain = plain.replace("![", "[").replace("](", "] (").replace("][", "] [")
    return _SPACE.sub(" ", _TAG_BEGUN.sub("< ", plain)).strip()


def _without_markup(text: str) -> str:
    plain = _MARKER.sub("", _IMAGE.sub("", _DEFINITION.sub("", text)))
    plain = _HTML.sub("", _LINK.sub(r"\1", plain))
    plain = _BULLET.sub("", plain)
    return _EMPHASIS.sub(r"\2", plain)
