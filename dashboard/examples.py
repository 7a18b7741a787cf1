"""Queries to start from on the SQL page; each is run by a test."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final = {
    "The latest requests": """\
SELECT started_at, key_name, team, model, backend, status_code, input_tokens, output_tokens, cost
FROM usage_events
ORDER BY started_at DESC
LIMIT 50""",
}
