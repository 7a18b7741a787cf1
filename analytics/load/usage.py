"""What a staged event used, by meter, and whether anybody bills it: SQL over `staged`.

Billed is what a backend answered: status 2xx, and prompts that its content filter turned away
(400). Throttled, failed and gateway-made answers, cached answers and the reading of earlier
responses cost nothing; nor does a prompt that a policy of the gateway turned away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from analytics.ratecard.rate import Meter

_NEVER_BILLED: Final = "('fetch_response', 'image_operation')"
_MAY_USE_NOTHING: Final = "('other', 'ingestion_job', 'fetch_response', 'image_operation')"
_MAKES_IMAGES: Final = "('image_generation', 'image_edit')"
_MOST_SECONDS: Final = 1e12

NO_TOKENS: Final = "(input_tokens IS NULL AND output_tokens IS NULL)"
_ALL_INPUT: Final = """
    COALESCE(input_tokens, COALESCE(cached_input_tokens, 0) + COALESCE(cache_write_tokens, 0)
             + COALESCE(audio_input_tokens, 0) + COALESCE(image_input_tokens, 0))"""
_ALL_OUTPUT: Final = """
    COALESCE(output_tokens, COALESCE(audio_output_tokens, 0) + COALESCE(image_output_tokens, 0))"""

_DENIED: Final = """
    (len(COALESCE(attempts, [])) = 0
     AND len(list_filter(COALESCE(decisions, []), x -> x."action" = 'denied')) > 0)"""
BILLED: Final = f"""
    NOT COALESCE(cache_hit, FALSE)
    AND NOT {_DENIED}
    AND operation NOT IN {_NEVER_BILLED}
    AND (status_code BETWEEN 200 AND 299
         OR COALESCE(attempts[-1].status_code BETWEEN 200 AND 299, FALSE)
         OR (status_code = 400
             AND (COALESCE(error_code = 'content_filter', FALSE) OR content_filter IS NOT NULL))
         OR (COALESCE(client_disconnected, FALSE) AND usage_source <> 'none'
             AND status_code < 500 AND status_code <> 429))"""

UNKNOWN: Final = f"""
    COALESCE(audio_seconds > {_MOST_SECONDS}, FALSE)
    OR (COALESCE(input_tokens, cached_input_tokens, cache_write_tokens, audio_input_tokens,
                 image_input_tokens, output_tokens, audio_output_tokens, image_output_tokens,
                 images, audio_seconds, characters) IS NULL
        AND operation NOT IN {_MAY_USE_NOTHING})"""
"""True when a billed request says nothing, or nothing possible, of what it used."""

# A part is taken out of what the parts before it left of their whole. So it is never larger than
# that, whatever a provider reports, and the parts add up to the whole.
_INPUT_PARTS: Final[tuple[tuple[Meter, str], ...]] = (
    ("cached_input", "COALESCE(cached_input_tokens, 0)"),
    ("cache_write", "COALESCE(cache_write_tokens, 0)"),
    ("audio_input", "COALESCE(audio_input_tokens, 0)"),
    ("image_input", "COALESCE(image_input_tokens, 0)"),
)
# What an image model puts out is images, also where its answer does not say so.
_OUTPUT_PARTS: Final[tuple[tuple[Meter, str], ...]] = (
    ("audio_output", "COALESCE(audio_output_tokens, 0)"),
    (
        "image_output",
        f"""COALESCE(image_output_tokens,
                CASE WHEN operation IN {_MAKES_IMAGES} THEN all_output ELSE 0 END)""",
    ),
)
_COUNTS: Final[tuple[tuple[Meter, str], ...]] = (
    ("image", "images"),
    ("character", "characters"),
    ("second", "audio_seconds"),
)
_PRESENT: Final[dict[Meter, str]] = {
    "input": "TRUE",
    "cached_input": "max(cached_input_tokens) > 0",
    "cache_write": "max(cache_write_tokens) > 0",
    "audio_input": "max(audio_input_tokens) > 0",
    "image_input": "max(image_input_tokens) > 0",
    "output": "TRUE",
    "audio_output": "max(audio_output_tokens) > 0",
    "image_output": (
        "max(image_output_tokens) > 0 "
        f"OR bool_or(operation IN {_MAKES_IMAGES} AND output_tokens > 0)"
    ),
    "image": "max(images) > 0",
    "second": "max(audio_seconds) > 0",
    "character": "max(characters) > 0",
}


def meters_used(
    connection: duckdb.DuckDBPyConnection,
    source: str = "staged",
    parameters: Mapping[str, object] | None = None,
) -> tuple[Meter, ...]:
    """The meters that any event of a table uses; most batches use few of them."""
    flags = ", ".join(_PRESENT.values())
    query = f"SELECT {flags} FROM {source}"  # noqa: S608 - our own texts
    row = connection.execute(query, parameters or {}).fetchall()[0]
    return tuple(meter for meter, used in zip(_PRESENT, row, strict=True) if used)


def quantities(meters: tuple[Meter, ...]) -> str:
    """Select list that computes `n_<meter>` for each of `meters`, whole numbers but for seconds."""
    lines = [f"{_ALL_INPUT} AS all_input", f"{_ALL_OUTPUT} AS all_output"]
    lines += _parts("input", "all_input", _INPUT_PARTS, meters)
    lines += _parts("output", "all_output", _OUTPUT_PARTS, meters)
    for meter, column in _COUNTS:
        if meter in meters:
            kind = "DECIMAL(18, 6)" if meter == "second" else "BIGINT"
            amount = f"CASE WHEN {NO_TOKENS} THEN COALESCE({column}, 0) ELSE 0 END"
            if meter == "second":
                amount = f"CASE WHEN {column} <= {_MOST_SECONDS} THEN {amount} ELSE 0 END"
            lines.append(f"({amount})::{kind} AS n_{meter}")
    return ",\n".join(lines)


def _parts(
    rest: Meter, whole: str, parts: tuple[tuple[Meter, str], ...], meters: tuple[Meter, ...]
) -> list[str]:
    lines, left = [], whole
    for meter, amount in parts:
        if meter in meters:
            lines.append(f"LEAST({amount}, {left})::BIGINT AS n_{meter}")
            left = f"{left} - n_{meter}"
    return [*lines, f"({left})::BIGINT AS n_{rest}"]
