"""What questions are made of a sentence or a heading: by rule, and only where the rule is sure."""

import pytest

from rag.examples.clauses import Words
from rag.examples.forms import questions_of, questions_of_heading


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("The harbour of Orwen opened on 4 May 1988.", "When did the harbour of Orwen open?"),
        (
            "In late March 2021, the Orwen Ferry Company sold two boats.",
            "When did the Orwen Ferry Company sell two boats?",
        ),
        (
            "In March 2021, the Orwen Ferry Company replaced the oldest boat, a steamer.",
            "When did the Orwen Ferry Company replace the oldest boat?",
        ),
        ("The bridge at Tarn was built by masons in 1706.", "When was the bridge at Tarn built?"),
        ("A second tunnel will be opened in June.", "When will a second tunnel be opened?"),
        ("The Lind bridge was designed by Mara Lind in her youth.", "Who designed the Lind bridge?"),
        ("The plans came from Mara Lind, an engineer of the port.", "Who is Mara Lind?"),
        ("The port asked the engineer Mara Lind for plans.", "Who is Mara Lind?"),
        ("Mara Lind was a shipbuilder of the coast.", "Who was Mara Lind?"),
        (
            "The Tarn Council announced that the road was closed.",
            "What did the Tarn Council announce about the road?",
        ),
        (
            "The Tarn Council, through its clerk, announced that it would pay.",
            "What did the Tarn Council announce?",
        ),
        ("Captain Mara Lind promised to return the boat.", "What did Captain Mara Lind promise?"),
        ("The lighthouse of Orwen is 31 metres high.", "How high is the lighthouse of Orwen?"),
        ("The bakery of Orwen has 14 ovens and a mill.", "How many ovens does the bakery of Orwen have?"),
        ("A ticket may have at most 3 names.", "How many names may a ticket have?"),
        ("In all, 412 wild geese were counted.", None),
        ("In all, 412 fishing boats were counted.", "How many fishing boats were counted?"),
        ("A pilot ladder is a rope ladder with wooden steps.", "What is a pilot ladder?"),
        ("Velmora is an island off the western coast.", "What is Velmora?"),
        ("The Silent Quay is a novel about two sisters.", "What is The Silent Quay?"),
        ("Grain was the most important cargo, followed by salt.", None),
        ("A steam pump consists of two cylinders.", "What does a steam pump consist of?"),
        ("The tide gauge of Orwen is used to warn the mills.", "What is the tide gauge of Orwen used for?"),
        ("The ledgers of Orwen are kept in the town hall.", "Where are the ledgers of Orwen kept?"),
        (
            "Imports of wool fell by a third, because the mill closed.",
            "Why did imports of wool fall by a third?",
        ),
        ("The Orwen ferry was sold because nobody used it.", "Why was the Orwen ferry sold?"),
        ("Press the red lever to stop the engine.", "How do I stop the engine?"),
        ("RESULTS The tide mill of Orwen is driven by sea water.", None),
        ("RESULTS The tide mill of Orwen is used to grind salt.", "What is the tide mill of Orwen used for?"),
        ("Mara Lind did some work on the lock in 1906.", "When did Mara Lind do some work on the lock?"),
        ("The fever of Orwen is caused by bad water.", "What causes the fever of Orwen?"),
        ("To renew your ticket, go to the office.", "How do I renew my ticket?"),
        ("To remove your name, send us a letter.", "How do I remove my name?"),
    ],
)
def test_a_question_is_made_of_a_sentence(sentence: str, question: str | None) -> None:
    words = Words([sentence, "Nobody sails to Velmora."])
    made = [formed.text for formed in questions_of(sentence, words)]
    assert made[:1] == ([question] if question else [])


@pytest.mark.parametrize(
    "sentence",
    [
        "It opened on 4 May 1988.",
        "This harbour opened on 4 May 1988.",
        "He promised that the road would be mended.",
        "The study found that most of them slept well.",
        "However, the harbour of Orwen opened on 4 May 1988.",
        "The boats moored there were sold in 1988.",
        "The harbour which Orwen had wanted opened on 4 May 1988.",
        "The level of the lake increases in the wet months.",
        "The first path is the way along the river.",
        "A hard promise is one of their own.",
        "Grain was the largest cargo that the island had seen.",
        "Since Orwen is a port with two quays, it has pilots.",
        "Every answer is made of quoted sentences.",
        "The reason is a lack of money in the town.",
        "The harbour of Orwen was celebrated with a dinner attended by 2000 guests.",
        "The guild replaced a market originally built in 1808.",
        "Goods: Grain | Tonnes: 18200 | Duty: 91000",
        "the harbour of Orwen opened on 4 May 1988",
    ],
)
def test_of_a_sentence_that_cannot_stand_alone_no_question_is_made(sentence: str) -> None:
    assert list(questions_of(sentence, Words([sentence]))) == []


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("Delete a document", "How do I delete a document?"),
        ("Change your password", "How do I change my password?"),
        ("Change management", None),
        ("Results", None),
        ("How the harbour was built", "How was the harbour built?"),
        ("What does the ferry cost?", "What does the ferry cost?"),
        ("Install the Orwen Pump", None),
    ],
)
def test_a_question_is_made_of_a_heading_that_says_what_to_do(heading: str, question: str | None) -> None:
    made = [formed.text for formed in questions_of_heading(heading, Words(["the harbour, the document"]))]
    assert made == ([question] if question else [])


def test_a_capital_at_a_beginning_is_kept_where_it_is_a_name() -> None:
    words = Words(["We sail to Velmora. Barges sail, and all barges are slow."])
    assert words.within("Velmora") == "Velmora"
    assert words.within("Barges of oak") == "barges of oak"
    assert words.within("Thornholm") is None
