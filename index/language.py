"""Which language a text is in, as far as stemming and sentence splitting need to know."""

from __future__ import annotations

import functools
from collections.abc import Callable

# ISO 639-1 codes that have a Snowball stemmer, with its name in tantivy.
STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
DEFAULT_LANGUAGE = "en"

# Languages that are common and have no stemmer: told apart so that they are not stemmed as another.
_OTHERS = ("cs", "fa", "he", "hi", "id", "ja", "ko", "pl", "sk", "th", "uk", "ur", "vi", "zh", "bn")
_SAMPLE_CHARACTERS = 4000
# A shorter text tells little; a name or a number would choose a language by accident.
_MIN_LETTERS = 60


@functools.cache
def _classify() -> Callable[[str], tuple[str, float]]:
    # A question needs the names above alone.
    import py3langid  # noqa: PLC0415

    # py3langid keeps one model for the process, loaded on first use and limited here once.
    py3langid.set_languages([*STEMMERS, *_OTHERS])
    classify: Callable[[str], tuple[str, float]] = py3langid.classify
    return classify


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language most of the text's beginning is in.

    Too short a text, or one without letters, is taken for English. The model ships with py3langid.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    if sum(character.isalpha() for character in sample) < _MIN_LETTERS:
        return DEFAULT_LANGUAGE
    code, _ = _classify()(sample)
    return code
