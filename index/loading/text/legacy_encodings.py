"""Tells which encoding text from before Unicode is in, by how people write in the languages it was made for.

Of the sentences in `tests/test_decoding.py`, charset-normalizer 3.5.2 names an encoding that gives the
right text for two of three, and a wrong one for all others, which is worse than none. A few
words with one or two such letters may still be read as of Western Europe, where they are not.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

_SAMPLE_BYTES = 8_192
_BEFORE_BYTES = 64
# Below this the best reading of some bytes does not look like any language.
_PLAUSIBLE = 0.42
# A reading that is less ahead than this of another is no better than it; the order of the table decides.
_UNDECIDED = 0.01
_SHORT = 0.5  # divided by the number of bytes that tell: a single one hardly decides
# So few bytes have to read this much better in one encoding than in all others.
_HARDLY_ANY = 2
_AHEAD = 0.1
# A word in a script of its own has some letters.
_FEW = 3

# Whether a letter may stand before and after them.
_OPENING = frozenset("‘“„‚¿¡•§©£")
_CLOSING = frozenset("”…®™")
_BETWEEN = frozenset("—–")
_APART = frozenset("’«»€·°\u00a0")
_FOREIGN_BYTE = re.compile(rb"[\x80-\xff]")
_FOREIGN = re.compile("[^\x00-\x7f]")
_MARKS = _OPENING | _CLOSING | _BETWEEN | _APART
_EAST_ASIAN_MARKS = frozenset("、。，．・「」『』（）：；？！《》　々ー〜％％＋－／")
_OF_CHINESE = """
的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行
所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力
它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产
或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口
认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区
保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张
该交规万取拉格望觉术领共确传师观清今切院让识候带导争运
"""
_OF_TRADITIONAL_CHINESE = """
的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行
所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力
它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產
或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口
認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區
保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張
該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運灣臺北市縣
"""
_OF_JAPANESE = """
日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水
半男西電校語土木聞食車何南万毎白天母火右読友左休父雨会社的事者分同自場新方合目代政議民対部主立市内相意定回
発員報全表業現問関首京都道地力動理明最不体手心法度通実公平等権利数化米界文制作性教経区要信開野点重結戦成機加
物件治保決安建設
""" + "".join(chr(code) for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB)))
_OF_KOREAN = """
이다는에의하고을가지로한은나서기어사리도를아자해시인그대일것수라들으보정부게스제만니년있전주장구여면상과된성원
까습던조치와무유우동공비요용관경국화학데러했되할같없안때모생여건설서울민도형
"""


# Two characters, one that is not ASCII, and the one after it.
_Context: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Language:
    """How a language uses what ASCII lacks: its letters, the most frequent first.

    `alone` are scripts whose words hold no Latin letters; where not, they stand among Latin letters,
    in any order of frequency. `tied` are pairs of which the first letter stands only before the
    second.
    """

    letters: str
    alone: bool = True
    spread: float | None = 15.0
    tied: str = ""


@lru_cache
def _weights(language: _Language) -> dict[str, float]:
    """Return what finding each letter speaks for a language, up to 1."""
    letters = "".join(language.letters.split())
    if language.spread is None:
        return dict.fromkeys(letters, 1.0)
    return {letter: 1.2 * math.exp(-rank / language.spread) - 0.2 for rank, letter in enumerate(letters)}


def _latin(letters: str, *, tied: str = "") -> _Language:
    return _Language(letters, alone=False, spread=30.0, tied=tied)


_PORTUGUESE = _latin("ãçáéíóêõâúàôºª", tied="õe")
_ICELANDIC = _latin("ðáíóéöúþýæ", tied="þaþáþeþéþiþíþjþoþóþrþuþúþvþyþýþæþö")
_WESTERN = (
    *(_latin(letters) for letters in ("üäöß", "éàèêçôâîûùïœëæ", "óíáéñúü¿¡ºª")),
    _PORTUGUESE,
    *(_latin(letters) for letters in ("èàòùìé", "ëéïóèüö", "äåöé", "åøæéö")),
    _ICELANDIC,
    *(_latin(letters) for letters in ("äõüöšž", "àéóèíçòúïü")),
)
_CENTRAL = tuple(
    _latin(letters)
    for letters in ("łęążóśćńź", "íáéěřčžýšůúďťňó", "áíéýčžšúľťňďôóäŕĺ", "áéőöíóüúű", "ăşţîâ", "čšžćđ",
                    "üäöß")
)  # fmt: skip
_BALTIC = tuple(_latin(letters) for letters in ("ėšųžįąčūę", "āīēšņļūžķģč", "äõüöšž"))
_TURKISH = (_latin("ıüşğçöâîû"),)
_CYRILLIC = tuple(
    _Language(letters)
    for letters in (
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "оаиніевртслкудмпязьбгчйхцюжщєїшфґ",
        "аоиентрсвлдкмпузябгъчцйхщжшюфь", "аоиенрсјтукдвмплзбгчшцћхжљњђфџ",
    )
)  # fmt: skip
_GREEK = (_Language("αοιετνσηυρκπμλςωίόέγδάήθύχώφβξζψϊϋΐΰ"),)
_HEBREW = (_Language("יוהלארתבשמנכדקעטספחגזצםןךףץ"),)
_ARABIC = (_Language("اليمنورتبةعدسفكهحقجشأصطخىإضذثغزئّءآًؤظَُِْپچژگٌٍ،؟؛\u200c\u200e\u200f"),)
_THAI = (_Language(spread=24.0, letters="านรอก่เง้มยลัวดทิีสตะปุบคหแจ็์ขพใชไูศืโำึณธถผซภษฐญฉฟฝๆฯฎฏฮฬฆฒฤ"),)
_CHINESE = (_Language(_OF_CHINESE, spread=None),)
_TRADITIONAL = (_Language(_OF_TRADITIONAL_CHINESE, spread=None),)
_JAPANESE = (_Language(_OF_JAPANESE, spread=None),)
_KOREAN = (_Language(_OF_KOREAN, spread=None),)

# Of two that are as likely, the first; what was the more common one to save text in comes before.
_ENCODINGS: tuple[tuple[str, tuple[_Language, ...]], ...] = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("cp1254", _TURKISH),
    ("cp1257", _BALTIC),
    ("cp1251", _CYRILLIC),
    ("cp1253", _GREEK),
    ("cp1255", _HEBREW),
    ("cp1256", _ARABIC),
    ("gb18030", _CHINESE),
    ("cp932", _JAPANESE),
    ("cp949", _KOREAN),
    ("cp950", _TRADITIONAL),
    ("cp874", _THAI),
    ("euc_jp", _JAPANESE),
    ("koi8_u", _CYRILLIC),  # has the letters of koi8_r, and more in place of lines
    ("koi8_r", _CYRILLIC),
    ("iso8859_2", _CENTRAL),
    ("iso8859_5", _CYRILLIC),
    ("iso8859_6", _ARABIC),
    ("iso8859_7", _GREEK),
    ("iso8859_8", _HEBREW),
    ("iso8859_13", _BALTIC),
    ("iso8859_15", _WESTERN),
    ("cp866", _CYRILLIC),
    ("mac_cyrillic", _CYRILLIC),
    ("mac_roman", _WESTERN),
)


def guessed_encoding(data: bytes) -> str | None:
    """Return the name of the encoding in which some bytes read like a language, None where there is none.

    Looks at the first lines that are not all ASCII, since only they tell. The same bytes give the
    same answer.
    """
    sample = _telling(data)
    foreign = sum(byte > 0x7F for byte in sample) or 1
    best: str | None = None
    best_score = 0.0
    readings: list[tuple[float, str]] = []
    chosen = ""
    for encoding, languages in _ENCODINGS:
        try:
            # By increments: the sample may end within a character.
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        # Marks alone, as in English, tell the encodings of Western Europe, and nothing of others.
        if languages is not _WESTERN and not any(letter.isalpha() for letter in _FOREIGN.findall(text)):
            continue
        contexts = _contexts(text)
        score = max(_plausibility(contexts, language) for language in languages)
        margin = _UNDECIDED + _SHORT / foreign
        if score > best_score + (margin if best else 0):
            best, best_score, chosen = encoding, score, text
        readings.append((score, text))
    # One or two letters alone could be of many; the encoding that most files are in is taken even so.
    if foreign <= _HARDLY_ANY and best != _ENCODINGS[0][0]:
        near = (text for score, text in readings if score > best_score - _AHEAD)
        if any(text != chosen for text in near):
            return None
    return best if best_score >= _PLAUSIBLE else None


def _telling(data: bytes) -> bytes:
    """Return the first lines with bytes that are not ASCII, from a little before those bytes on."""
    lines: list[bytes] = []
    room = _SAMPLE_BYTES
    end = 0
    # A line end is a character of its own in each of these encodings: no character is cut at one.
    while room > 0 and (found := _FOREIGN_BYTE.search(data, end)):
        start = max(data.rfind(b"\n", end, found.start()) + 1, found.start() - _BEFORE_BYTES, end)
        end = data.find(b"\n", found.end())
        end = len(data) if end < 0 else end
        lines.append(data[start : min(end, start + room)])
        room -= len(lines[-1])
    return b"\n".join(lines)


def _contexts(text: str) -> Counter[_Context]:
    """Return how often each character that is not ASCII stands between which others."""
    return Counter(
        (
            text[max(0, start - 2) : start - 1] or " ",
            text[start - 1 : start] or " ",
            text[start],
            text[start + 1 : start + 2] or " ",
        )
        for start in (match.start() for match in _FOREIGN.finditer(text))
    )


def _plausibility(contexts: Counter[_Context], language: _Language) -> float:
    """Return how well the characters that are not ASCII suit a language, from -1 to 1, on average."""
    weights = _weights(language)
    total = sum(count * _weight(context, language, weights) for context, count in contexts.items())
    few = _FEW if language.alone else 1
    return total / max(contexts.total(), few)


def _weight(  # noqa: PLR0911 - a table of cases
    context: _Context, language: _Language, weights: Mapping[str, float]
) -> float:
    before_it, before, character, after = context
    letter = character.lower()
    if character in _MARKS:
        fits = _is_in_place(before, character, after)
        # That marks are in their places says little for letters.
        return -0.5 if not fits else 0.4 if language.alone else 0.95
    if letter not in weights:
        if character in _EAST_ASIAN_MARKS:
            return 0.4
        # A character that the language may have, and that says little for it.
        return 0.0 if language.alone and _is_ideograph(character) else -1.0
    if character != letter and before.isalpha() and before.islower():
        return -1.0  # a capital within a word
    if language.alone:
        mixed = sum(other.isascii() and other.isalpha() for other in (before, after))
        return weights[letter] - mixed
    if letter in language.tied[::2] and letter + after.lower() not in language.tied:
        return -1.0
    if before > "\x7f" and before_it > "\x7f" and before.isalpha() and before_it.isalpha():
        return -1.0  # three in a row that ASCII lacks
    return weights[letter]


def _is_in_place(before: str, mark: str, after: str) -> bool:
    """Tell whether a typographic mark may stand between two characters."""
    if mark in _OPENING:
        return not before.isalnum() and not after.isspace()
    if mark in _CLOSING:
        return not after.isalpha() and not before.isspace()
    if mark == "’" and before.isalpha() and after.isalpha():
        return after in "stdmrvl" or before in "ldcjmnstuLDCJMNSTUO"
    return mark not in _BETWEEN or before.isalpha() == after.isalpha()


def _is_ideograph(character: str) -> bool:
    return unicodedata.category(character) == "Lo" and unicodedata.east_asian_width(character) == "W"
