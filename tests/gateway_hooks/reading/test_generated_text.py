"""Generated text is collected by part, and never without bound."""

from gateway_hooks.reading.generated_text import GeneratedText


def test_pieces_of_one_part_are_joined() -> None:
    """A tokenizer sees whole texts, one per choice."""
    text = GeneratedText()
    for part, piece in ((0, "Good "), (1, "Bonjour"), (0, "morning")):
        text.add(part, piece)
    assert text.texts() == ["Good morning", "Bonjour"]


def test_text_is_bounded_and_the_rest_is_counted() -> None:
    """What does not fit is not kept, but known."""
    text = GeneratedText(max_characters=5)
    text.add(0, "abc")
    text.add(0, "defg")
    text.add(1, "hi")
    assert text.texts() == ["abcde"]
    assert text.dropped_characters == 4


def test_nothing_is_false() -> None:
    """Whether anything was generated can be asked."""
    text = GeneratedText()
    assert not text
    text.add(0, "")
    assert not text
    text.add(0, "x")
    assert text
