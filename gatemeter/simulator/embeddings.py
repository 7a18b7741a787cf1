"""POST embeddings: vectors of the right length for texts or token ids, as floats or base64."""

from __future__ import annotations

import array
import base64
import functools
from random import Random
from typing import TYPE_CHECKING, Final

from gatemeter.simulator import errors, filters
from gatemeter.simulator.completions import token_lists
from gatemeter.simulator.ledger import Used

if TYPE_CHECKING:
    from starlette.responses import Response

    from gatemeter.simulator.call import Call

_DIMENSIONS: Final = {"text-embedding-3-large": 3072}
_USUAL_DIMENSIONS: Final = 1536


async def answer(call: Call) -> Response:
    """Answer one embeddings request."""
    counts = token_lists(call.model, call.body.get("input"), "input")
    used = Used(input_tokens=sum(counts))
    try:
        filters.check_prompt(str(call.body["input"]))
    except errors.AzureError:
        call.bill(used, status_code=400)
        raise
    dimensions = call.body.get("dimensions") or _DIMENSIONS.get(call.model, _USUAL_DIMENSIONS)
    as_base64 = call.body.get("encoding_format") == "base64"
    offset = call.rng.randrange(dimensions)
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _vector(dimensions, offset + index, as_base64=as_base64),
        }
        for index in range(len(counts))
    ]
    payload = {
        "object": "list",
        "data": data,
        "model": call.model,
        "usage": {"prompt_tokens": used.input_tokens, "total_tokens": used.input_tokens},
    }
    return call.reply(payload, used)


@functools.lru_cache(maxsize=8)
def _unit_vector(dimensions: int) -> array.array[float]:
    rng = Random(dimensions)  # noqa: S311 - any fixed vector will do
    values = [rng.gauss(0, 1) for _ in range(dimensions)]
    length = sum(value * value for value in values) ** 0.5
    return array.array("f", [value / length for value in values])


def _vector(dimensions: int, offset: int, *, as_base64: bool) -> str | list[float]:
    """A vector of length one: a fixed one, turned round by so many places."""
    unit = _unit_vector(dimensions)
    turn = offset % dimensions
    turned = unit[turn:] + unit[:turn]
    return base64.b64encode(turned.tobytes()).decode() if as_base64 else turned.tolist()
