"""Tokens are counted as OpenAI counts them, without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.estimating import tokenizer
from gateway_hooks.estimating.tokenizer import (
    CL100K,
    O200K,
    TokenizerUnavailable,
    count_tokens,
    encoding_name,
    read_ranks,
)

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tiktoken.Encoding]:
    """Tiktoken's own encodings, with the files put where it keeps its downloads."""
    folder = tmp_path_factory.mktemp("tiktoken")
    for name in (O200K, CL100K):
        content = gzip.decompress(tokenizer._packaged(name).read_bytes())
        key = hashlib.sha1(URL.format(name).encode(), usedforsecurity=False).hexdigest()
        (folder / key).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        return {name: tiktoken.get_encoding(name) for name in (O200K, CL100K)}


@settings(deadline=None)
@given(text=st.text(max_size=300), name=st.sampled_from([O200K, CL100K]))
def test_counts_like_tiktoken(official: dict[str, tiktoken.Encoding], text: str, name: str) -> None:
    """Any text has exactly as many tokens as tiktoken says."""
    assert count_tokens(text, name) == len(official[name].encode_ordinary(text))


@pytest.mark.parametrize("name", [O200K, CL100K])
def test_special_tokens_are_tiktokens(official: dict[str, tiktoken.Encoding], name: str) -> None:
    """The vocabulary is complete, special tokens included."""
    assert tokenizer._encoder(name)._special_tokens == official[name]._special_tokens


def test_special_tokens_in_a_text_are_text() -> None:
    """A prompt that writes a special token is counted as what it writes, and is no error."""
    assert count_tokens("<|endoftext|>", O200K) > 1


@pytest.mark.parametrize("text", ["a" * 300_000, " " * 300_000, "🎈" * 100_000, "\ud83d" * 1000])
def test_hostile_texts_are_counted(text: str) -> None:
    """Endless runs, which break tokenizers, and half characters, which break encoders, pass."""
    assert 0 < count_tokens(text, O200K) <= len(text) * 4


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        (None, O200K),
        ("", O200K),
        ("our-assistant", O200K),
        ("gpt-4o-2024-08-06", O200K),
        ("gpt-4.1-mini", O200K),
        ("gpt-4-1-mini", O200K),
        ("gpt-41-nano", O200K),
        ("gpt-4.5-preview", O200K),
        ("GPT4o", O200K),
        ("gpt-5", O200K),
        ("o3-mini", O200K),
        ("gpt-4", CL100K),
        ("gpt-4-32k", CL100K),
        ("gpt-4-0613", CL100K),
        ("gpt-4-1106-preview", CL100K),
        ("team-gpt-35-turbo", CL100K),
        ("gpt-3.5-turbo-16k", CL100K),
        ("text-embedding-3-large", CL100K),
        ("text-embedding-ada-002", CL100K),
        ("davinci-002", CL100K),
    ],
)
def test_vocabulary_of_a_model(model: str | None, encoding: str) -> None:
    """Model and deployment names of all spellings lead to their vocabulary."""
    assert encoding_name(model) == encoding


def test_loaded_once_for_all_threads() -> None:
    """Threads share one vocabulary: it is large."""
    with ThreadPoolExecutor(4) as pool:
        loaded = set(pool.map(lambda _: id(tokenizer._encoder(O200K)), range(8)))
    assert len(loaded) == 1


def vocabulary(path: Path, content: bytes) -> str:
    """Write a packed vocabulary file; returns its hash."""
    path.write_bytes(gzip.compress(content))
    return hashlib.sha256(content).hexdigest()


def test_ranks_are_read(tmp_path: Path) -> None:
    """A file with the right hash gives its tokens."""
    path = tmp_path / "small.tiktoken.gz"
    sha256 = vocabulary(path, base64.b64encode(b"ab") + b" 7\n")
    assert read_ranks(path, sha256) == {b"ab": 7}


def test_wrong_vocabulary_is_refused(tmp_path: Path) -> None:
    """A file that is not the one expected would count wrong, silently."""
    path = tmp_path / "small.tiktoken.gz"
    vocabulary(path, b"YWI= 7\n")
    with pytest.raises(TokenizerUnavailable, match="small"):
        read_ranks(path, "0" * 64)


@pytest.mark.parametrize("content", [None, b"", b"not packed", gzip.compress(b"x", mtime=0)[:-9]])
def test_unreadable_vocabulary_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing or torn file is one error that says which file."""
    path = tmp_path / "small.tiktoken.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TokenizerUnavailable, match="small"):
        read_ranks(path, "0" * 64)


def test_token_ids_are_turned_back_into_text() -> None:
    """Embeddings are often sent as ids; one that is in no vocabulary is an error."""
    from gateway_hooks.estimating.tokenizer import decode_tokens

    assert decode_tokens([15339, 1917], CL100K) == "hello world"
    with pytest.raises(ValueError, match="no such token"):
        decode_tokens([10**7], CL100K)
    with pytest.raises(ValueError, match="no such token"):
        decode_tokens([-1], CL100K)
