"""The tiktoken vocabulary that ships with the package."""

import tiktoken

from index import vocabulary


def test_tiktoken_finds_the_encoding_by_name_through_its_plug_in_point() -> None:
    assert tiktoken.get_encoding(vocabulary.ENCODING_NAME) is vocabulary.encoding()


def test_tokens_are_those_of_cl100k_base() -> None:
    # Ids published with the vocabulary; "hello world" is the example of its own documentation.
    assert vocabulary.encoding().encode("hello world") == [15339, 1917]
    assert vocabulary.encoding().encode("antidisestablishmentarianism") == [
        519,
        85342,
        34500,
        479,
        8997,
        2191,
    ]


def test_an_altered_vocabulary_is_refused(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    altered = tmp_path / "cl100k_base.tiktoken"
    altered.write_bytes(b"IQ== 0\n")
    monkeypatch.setattr(vocabulary, "_VOCABULARY", altered)
    try:
        vocabulary.encoding_parameters()
    except ValueError as error:
        assert "SHA-256" in str(error)
    else:
        raise AssertionError("an altered vocabulary was accepted")


def test_text_that_looks_like_a_control_token_is_text() -> None:
    encoding = vocabulary.encoding()
    assert encoding.decode(encoding.encode("a <|endoftext|> b")) == "a <|endoftext|> b"
