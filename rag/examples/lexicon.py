"""The English words by which a sentence is recognised as one that a question can be made of."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _bases(words: str) -> dict[str, str]:
    """Return base forms by the other form, from pairs `base:form`."""
    pairs = (pair.split(":") for pair in words.split())
    return {form: base for base, form in pairs}


# Base forms of regular verbs whose past is what a sentence tells of somebody or something.
_REGULAR = _set(
    """abandon abolish accept achieve acquire activate adopt affect agree allow announce approve arrive attack
    attract award believe capture cause change claim close collapse collect complete conclude confirm
    connect consist consider conquer construct contain control cover create cross decide declare decline
    decrease defeat deliver demand depend demonstrate design destroy develop die disappear discover divide
    drop earn elect emigrate employ end enter erupt establish estimate expand expect explain explore fail
    finish form found gain generate govern graduate happen help identify improve include increase inherit
    inhibit inspire install introduce invade invent join kill land last launch live locate lower marry
    merge move name observe occur offer open order organise organize paint pass patent perform persuade
    plan play predict prevent produce promise promote propose protect prove publish purchase raise reach
    receive recommend record reduce refuse regulate reject release remain remove rename repair replace
    report represent require resign retire return reveal rule sail serve settle share sign start stop study
    suffer suggest support surrender survive talk threaten trade train travel urge use visit vote warn want
    weigh work"""
)
# Base form and past of irregular verbs. Those whose two forms are the same say nothing of the time.
_IRREGULAR = _bases(
    """become:became begin:began break:broke bring:brought build:built buy:bought catch:caught choose:chose
    come:came do:did draw:drew drive:drove eat:ate fall:fell feel:felt fight:fought find:found flee:fled
    fly:flew forbid:forbade freeze:froze get:got give:gave go:went grow:grew hold:held keep:kept know:knew
    lay:laid lead:led leave:left lose:lost make:made mean:meant meet:met pay:paid rise:rose run:ran
    say:said see:saw seek:sought sell:sold send:sent shrink:shrank sing:sang sink:sank speak:spoke
    spend:spent stand:stood steal:stole strike:struck swear:swore swim:swam take:took teach:taught
    tell:told think:thought throw:threw understand:understood wear:wore win:won write:wrote"""
)
_VOWELS = "aeiou"


def _past(base: str) -> str:
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2] not in _VOWELS:
        return f"{base[:-1]}ied"
    return f"{base}ed"


def _third_person(base: str) -> str:
    if base.endswith("y") and base[-2] not in _VOWELS:
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{base}s"


PAST = {
    **{_past(base): base for base in _REGULAR},
    **_IRREGULAR,
    "planned": "plan",
    "stopped": "stop",
    "dropped": "drop",
}
PAST_FORMS = {base: past for past, base in PAST.items()}
THIRD_PERSON = {_third_person(base): base for base in [*_REGULAR, *_IRREGULAR.values()]}

BE = _set("is are was were")
HAVE = _set("has have had")
MODALS = _set("can could will would should may might must cannot")
DO = _set("do does did")
FINITE = BE | HAVE | MODALS | DO

# Who says something says it "that", who is going to do it says it "to".
SAYING = _set(
    """announce agree claim conclude confirm declare demonstrate estimate explain find observe predict promise
    propose recommend report reveal say suggest think believe warn decide refuse threaten offer want demand"""
)

# What can be asked of who or what does this: with the preposition that the verb has, or none.
DOING = {
    "consist": "of",
    "depend": "on",
    "stand": "for",
    **dict.fromkeys(
        _set(
            """affect cause contain control cover employ include increase inhibit mean prevent produce promote
            protect reduce regulate represent require"""
        ),
        "",
    ),
}

# The past of a verb by its participle, where that is another form.
PAST_OF_PARTICIPLE = _bases(
    """wrote:written drew:drawn gave:given took:taken chose:chosen broke:broken stole:stolen threw:thrown
    began:begun saw:seen sang:sung bore:born"""
)

PERSONS = _set(
    """activist actor actress admiral adviser advisor ambassador animator archaeologist archbishop architect
    artist astronaut astronomer attorney author baker banker biologist bishop boxer businessman
    businesswoman captain carpenter chairman chairwoman champion chancellor chef chemist chief
    choreographer cleric coach colonel comedian commander composer conductor congressman congresswoman
    consultant critic curator cyclist dancer daughter designer detective diplomat director doctor driver
    duke economist editor emperor empress engineer explorer farmer father filmmaker fisherman footballer
    founder gardener general geologist goalkeeper golfer governor guitarist historian host husband imam
    inventor investor journalist judge keeper king knight lawyer leader lecturer legislator lieutenant
    linguist logician major manager mathematician mayor mechanic merchant midwife miller minister
    missionary monk mother musician nobleman novelist nun nurse nutritionist officer owner painter
    parliamentarian philanthropist philosopher photographer physician physicist pianist pilot pioneer
    player playwright poet politician pope presenter president priest prince princess principal producer
    professor programmer psychologist quarterback queen rabbi racer rapper reporter researcher sailor saint
    scholar scientist screenwriter sculptor secretary senator shipbuilder singer sister skater sociologist
    soldier son songwriter spokesman spokesperson spokeswoman statesman student surgeon surveyor swimmer
    teacher theologian theorist translator treasurer violinist warden wife wrestler writer"""
)
# Whose titles begin with a capital wherever they stand.
WORKS = _set(
    """album band book comedy documentary drama film game magazine movie musical newspaper novel opera
    painting play poem series show sitcom song story"""
)
# A name with one of these is none of a person.
PLACES = _set(
    """academy agency airport army association authority avenue bank basin bay beach bridge canal castle
    cathedral centre center church city club coast college commission committee company cooperative
    corporation council county court creek department desert district empire federation festival fleet
    forest foundation garden group harbour harbor hall hill hospital hotel house institute island islands
    kingdom lake league library limited lock ltd market ministry mill mountain mountains museum navy ocean
    office opera orchestra palace park party peak peninsula port press province railway range region
    republic reserve river road school sea society square stadium state states station strait street studio
    system theatre theater times tower town trust tunnel union university valley village wall war works"""
)

PREPOSITIONS = _set("of in on at for from to with by between near under over across against within into")
# Of these, one may be within a subject.
BINDING = _set("of in on at for from with between")
ARTICLES = _set("the a an")
# What these speak of is not anything in particular.
VAGUE = _set("each every both most some many several few no any")
DETERMINERS = ARTICLES | VAGUE | _set("all one two three")
# "The first pathway" is told of beside others, unless it is the first of something.
COUNTING = _set("first second third fourth last next major main key")
# What they stand for is told elsewhere.
POINTING = _set(
    """this these that those it its itself he she they them their theirs his her hers him we us our ours i me
    my mine you your such same other others another former latter above below following here there then one
    ones so thus therefore hence however also too instead past previous present current said respective"""
)
LINKING = _set(
    """that which who whom whose where when while because although though if unless than as and or but since
    after before until during once despite unlike like via per"""
)
# With these, what was left out belongs to what is asked.
TRAILING = (
    _set("not just only mainly partly largely simply merely primarily mostly chiefly especially")
    | PREPOSITIONS
)
# Of these, a predicate tells what a thing is for somebody, not what it is.
EMPTY_HEADS = _set(
    """reason reasons case result results way fact problem thing things example one ones lot matter kind
    question first last latest home"""
)

# What a heading or a step tells people to do; where the word may be a noun as well, an article has to follow.
IMPERATIVES = _set(
    """add ask cancel choose configure connect convert create delete edit find install join keep make open
    prepare protect read register remove rename renew repair replace reset restore save send upload write"""
)
IMPERATIVES_OR_NOUNS = _set(
    """back build change check clean copy cut export load measure move order pay print record report request
    return run search set share start stop store test turn update upgrade use view"""
)
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
NUMBERS = _set(
    """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"""
)
PEOPLE = _set("people men women children individuals police")
