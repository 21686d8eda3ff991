"""What the words after a verb, or a whole sentence, look like where a question can be made of them."""

from __future__ import annotations

import re

from rag.examples import lexicon

NUMBER = (
    r"(?:about |around |nearly |almost |over |more than |at least |at most |up to |some )?"
    rf"(?:[£$€]?\d[\d,.]*(?: million| billion)?|{'|'.join(sorted(lexicon.NUMBERS))})"
)
_SEVERAL = r"((?:[a-z-]+ ){0,2}(?:[a-z]+s|people|men|women|children))"
MEASURE = re.compile(
    rf"{NUMBER} (?:(?:kilo|centi|milli)?met(?:er|re)s?|feet|foot|miles?|inches|yards|years?|km|cm|m|ft|"
    r"storeys|stories) (long|high|wide|deep|tall|old|thick)\b"
)
AMOUNT = re.compile(
    rf"{NUMBER} (?!more |fewer |other |further ){_SEVERAL}(?=$|[,;:]| (?:and|in|of|on|at|for)\b)"
)
COUNTED = re.compile(
    rf"^(?:In (?:all|total), )?{NUMBER} {_SEVERAL} (were|are) ([a-z]+ed|built|sold|lost|found)\b"
)
PARTICIPLE = r"([a-z]+ed|born|built|sold|bought|written|drawn|made|held|taken|given|lost|won|laid|broken)"
DONE = re.compile(rf"^(?:(?:\w+ly|first|then|also) )?{PARTICIPLE}\b(.*)$")
BY = re.compile(r"^by ((?:[A-Z][\w’'-]+ ?){2,3})(?=$|[,;]| (?:in|on|and|at|from|between)\b)")
PLACED = re.compile(
    r"^(kept|stored|located|situated|held|buried|born|made|built|displayed|published) "
    r"(?:in|at|on|near) (?!the (?:same|last|first)|\w+(?:ing|ly)\b)"
)
RELATED = re.compile(
    r"(?:used (?:for|to)|associated with|required for|made (?:of|from)|known for|linked to|involved in|"
    r"derived from|composed of|named after|divided into)\b"
)
HOLDING = re.compile(r"(have|hold|contain|take) ")
BECAUSE = re.compile(r"^(.*?),? because\b")
PREDICATE = re.compile(r"^(?:a|an|the) (.+)$")
HEAD_END = re.compile(
    r"[,;:—]| (?:of|who|that|which|whose|where|in|for|from|and|or|born|known|with|on|at|to|by|between)\b"
)
SUPERLATIVE = re.compile(r"(?:most [a-z]+|[a-z]+est)")
UNIQUE = re.compile(
    r"^the ((?:most [a-z]+|[a-z]+est|(?:first|only|main|capital|official)(?=.* (?:of|in) ))"
    r"(?! (?:of|in|to|at|for|on|from)\b)(?: (?!(?:who|that|which|and)\b)[\w’'-]+){1,8})(?=$|[,;:]| and\b)"
)
_NAME = r"((?:[A-Z][\w’-]+ ){1,2}[A-Z][\w’-]+)"
APPOSITION = re.compile(rf"\b{_NAME}, (?:the|an?) ((?:[\w’-]+ ){{0,3}}?[a-z]+)(?=[ ,.])")
ROLE = re.compile(rf"\b(?:the|its|their|his|her|an?) (?:[a-z-]+ ){{0,2}}?([a-z]+) {_NAME}\b(?! [A-Z])")
ABOUT = re.compile(
    r"^(?:the|an?) (?:[\w’-]+ ){0,2}?[\w’-]+?"
    r"(?= (?:was|were|is|are|has|have|had|will|would|could|can)\b)"
)
STEP = re.compile(
    r"^To ([a-z]+) ((?:[\w’'-]+ ?){1,7}), "
    r"(?:run|use|press|click|choose|open|set|send|type|call|select|give|go)\b"
)
STEP_AFTER = re.compile(
    r"^(?:Run|Use|Press|Click|Choose|Open|Set|Send|Type|Call|Select|Go) [^.;:]*? "
    r"to ([a-z]+) ((?:[\w’'-]+ ?){1,7}?)(?=[,.]| (?:from|by|in|with)\b)"
)
# "A market built in 1808": the date is of something else; "William E": an initial, and not the end.
LOOSE = re.compile(rf"\b(?:{PARTICIPLE}|\w)$")
