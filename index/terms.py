"""Text to index terms: the one analysis that the lexical index, the reader and the metrics of overlap share.

Unicode NFKC and case folding, numbers without thousands separators, acronyms without dots, possessives
dropped; then Snowball stems for languages that have them, and 2-grams for scripts written without spaces.
"""

from __future__ import annotations

import functools
import re
import unicodedata

import regex
import tantivy

from index.language import STEMMERS

# Scripts that put no space between words.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = regex.compile(
    r"(?P<number>\p{N}++(?:[.,]\p{N}++)*+(?!\p{L}))"
    rf"|(?P<acronym>(?:\p{{L}}\.){{2,}})"
    rf"|(?P<unspaced>[{UNSPACED}][{UNSPACED}\p{{M}}]*)"
    rf"|(?P<word>(?:(?![{UNSPACED}])[\p{{L}}\p{{N}}\p{{M}}])+(?:'(?:(?![{UNSPACED}])[\p{{L}}\p{{M}}])+)*)"
)
# The same for text without combining marks and other scripts, in which letters and numbers are those of `\w`
# and `\d`: in a fifth of the time.
_PLAIN = re.compile("[\x00-\u02af\u0370-\u0482\u048a-\u052f\u2010-\u205e\u20a0-\u20bf\u2190-\u22ff]*")
_PLAIN_TOKEN = re.compile(r"\d++(?:[.,]\d++)*+(?![^\W\d_])|(?:[^\W\d_]\.){2,}|[^\W_]+(?:'[^\W\d_]+)*")
_THOUSANDS = regex.compile(r"(?<=\p{N}),(?=\p{N}{3}(?!\p{N}))")
_POSSESSIVE = regex.compile(r"'s?\Z")
_MAX_TERM_CHARACTERS = 64

# English function words and the words that questions are asked with. They are indexed like all
# others and left out of queries, where in a small collection a rare "what" would outweigh a name.
STOP_WORDS = frozenset(
    """a about an and any are as at be been being but by can could did do does doing for from had has have
    having he her hers him his how i if in into is it its just me my no nor not of on or our ours out over
    own per please said say says she should so some such tell than that the their theirs them then there
    these they this those through to too under until up upon very was we were what when where whether
    which while who whom whose why will with would you your yours many much aren't can't couldn't didn't
    doesn't don't hadn't hasn't haven't isn't wasn't weren't won't wouldn't""".split()
)


@functools.cache
def _stemmer(name: str) -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        .filter(tantivy.Filter.stemmer(name))
        .build()
    )


def words(text: str) -> list[str]:
    """Return the folded words of a text in order, not stemmed; unspaced scripts give 2-grams."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    if _PLAIN.fullmatch(folded):
        return [
            token if token.isalnum() and len(token) <= _MAX_TERM_CHARACTERS else _odd_word(token)
            for token in _PLAIN_TOKEN.findall(folded)
        ]
    found: list[str] = []
    for match in _TOKEN.finditer(folded):
        token = match.group()
        match match.lastgroup:
            case "number":
                found.append(_THOUSANDS.sub("", token))
            case "acronym":
                found.append(token.replace(".", ""))
            case "unspaced":
                found += [token[i : i + 2] for i in range(len(token) - 1)] or [token]
            case _:
                found.append(_POSSESSIVE.sub("", token)[:_MAX_TERM_CHARACTERS])
    return found


def _odd_word(token: str) -> str:
    if token.isdecimal():
        return token
    if token.isalnum() or "'" in token:
        return _POSSESSIVE.sub("", token)[:_MAX_TERM_CHARACTERS]
    return _THOUSANDS.sub("", token) if token[0].isdecimal() else token.replace(".", "")


def stem(word_list: list[str], language: str) -> list[str]:
    """Return each word's stem in a language, or the words as they are where it has no stemmer."""
    name = STEMMERS.get(language)
    if name is None or not word_list:
        return word_list
    # Words hold no white space, so that one call gives one stem for each of them.
    return _stemmer(name).analyze(" ".join(word_list))


def analyze(text: str, language: str) -> list[str]:
    """Return the index terms of a text in order."""
    return stem(words(text), language)


def query_terms(text: str, language: str) -> list[str]:
    """Return the distinct index terms of a question, without function words unless it has no others."""
    folded = words(text)
    content = [word for word in folded if word not in STOP_WORDS]
    return list(dict.fromkeys(stem(content or folded, language)))
