"""Long texts in pieces that the service takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.gateway.content_safety.pieces import MOST_DOCUMENTS, pieces, shield_questions


@given(
    length=st.integers(1, 400),
    overlap=st.integers(0, 19),
    most=st.integers(20, 60),
    at=st.integers(),
)
def test_every_phrase_is_whole_in_a_piece(length: int, overlap: int, most: int, at: int) -> None:
    """One that is as long as the overlap, wherever it stands; no piece is too long."""
    text = "".join(chr(0x4E00 + number) for number in range(length))
    found = pieces(text, overlap, most)
    start = at % length
    assert any(text[start : start + max(1, overlap)] in piece for piece in found)
    assert all(0 < len(piece) <= most for piece in found)
    assert found[-1].endswith(text[-1])


def test_nothing_is_no_question() -> None:
    """The service refuses empty texts."""
    assert pieces(" \n", 100) == []
    assert shield_questions("", [""], 100) == []


@given(
    prompt=st.integers(0, 25_000),
    documents=st.lists(st.integers(1, 12_000), max_size=12),
)
def test_documents_go_along_with_prompts(prompt: int, documents: list[int]) -> None:
    """At most five documents and 10,000 characters of them at once; none is left out."""
    questions = shield_questions("a" * prompt, ["b" * length for length in documents], 0)
    assert sum(len(one.user_prompt or "") for one in questions) == prompt
    assert sum(len(text) for one in questions for text in one.documents) == sum(documents)
    for one in questions:
        assert len(one.documents) <= MOST_DOCUMENTS
        assert sum(map(len, one.documents)) <= 10_000
        assert one.user_prompt is not None or one.documents
