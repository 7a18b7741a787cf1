"""What the operator says about Content Safety: `[content_safety]` in the gateway's file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

Category = Literal["Hate", "SelfHarm", "Sexual", "Violence"]
OutputType = Literal["FourSeverityLevels", "EightSeverityLevels"]
Threshold = Annotated[int, Field(ge=1, le=7)]
BlocklistName = Annotated[str, Field(pattern=r"^[0-9A-Za-z._~-]{1,64}$")]

MOST_CHARACTERS: Final = 10_000
"""What the service takes in one text; code points."""
MEDIUM: Final = 4
_SCHEMES: Final = frozenset({"http", "https"})
_FOUR_LEVELS: Final = frozenset({2, 4, 6})


def _all_at_medium() -> dict[Category, int]:
    return {"Hate": MEDIUM, "SelfHarm": MEDIUM, "Sexual": MEDIUM, "Violence": MEDIUM}


class ContentSafetySettings(BaseModel):
    """What is checked, how strictly, and what happens when nobody can check."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = Field(
        description="Address of the resource: https://NAME.cognitiveservices.azure.com"
    )
    key_env: str | None = Field(
        default=None, description="Environment variable that holds the resource's key"
    )
    identity: str | None = Field(
        default=None,
        min_length=1,
        description="Entra ID instead of a key: `default`, `managed` or `managed:CLIENT_ID`",
    )
    api_version: str = Field(default="2024-09-01", description="api-version of the service")

    categories: dict[Category, Threshold] = Field(
        default_factory=_all_at_medium,
        description="Category and the severity from which on it is blocked: 2 low, 4 medium, "
        "6 high. A category that is left out is not looked at",
    )
    output_type: OutputType = Field(
        default="FourSeverityLevels", description="Severities 0, 2, 4, 6 or 0 to 7"
    )
    blocklists: tuple[BlocklistName, ...] = Field(
        default=(), description="Block lists of the resource; a hit blocks"
    )
    halt_on_blocklist: bool = Field(
        default=False, description="Do not look at categories once a block list was hit"
    )
    shield_prompt: bool = Field(
        default=False, description="Look for attacks: jailbreaks, and instructions in documents"
    )
    document_names: tuple[str, ...] = Field(
        default=(),
        description="Messages with one of these in their field `name` are documents, "
        "beside the results of tools",
    )
    check: Literal["whole", "last_turn"] = Field(
        default="whole",
        description="The whole conversation, or what came after the last answer in it",
    )

    check_answers: Literal["off", "buffered", "window"] = Field(
        default="off",
        description="Answers: not at all, whole before the caller sees any of it, or streams in "
        "windows, each before it goes out",
    )
    window_characters: int = Field(
        default=1000,
        ge=50,
        le=9000,
        description="How much text of a stream is collected before it is checked",
    )

    on_failure: Literal["closed", "open"] = Field(
        default="closed",
        description="What happens to a request when the service fails or the text is too long for "
        "it: refused or let through. A body that cannot be read is always refused",
    )
    timeout_ms: int = Field(
        default=1000, ge=10, le=60_000, description="Most time for a request's checks together"
    )
    blocked_status: Literal[400, 403] = Field(
        default=400,
        description="400: block as Azure OpenAI does (a blocked answer is a 200 with "
        "finish_reason content_filter). 403: block as API Management does, answers too",
    )
    most_pieces: int = Field(
        default=20,
        ge=1,
        le=200,
        description="A text of more pieces of 10,000 characters than this cannot be checked",
    )
    overlap_characters: int = Field(
        default=100,
        ge=0,
        le=1000,
        description="How much of a piece or window is looked at again with the next one",
    )
    most_concurrent: int = Field(
        default=4, ge=1, le=64, description="Questions to the service at once, for one request"
    )

    products: tuple[str, ...] = Field(
        default=(), description="Only callers of these products (patterns: team-*); empty: all"
    )
    deployments: tuple[str, ...] = Field(
        default=(), description="Only calls of these deployments or models (patterns); empty: all"
    )

    @field_validator("endpoint")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        try:
            whole = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or parts.query or parts.fragment or parts.username:
            raise ValueError(
                "write the resource's address, https://NAME.cognitiveservices.azure.com"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.key_env is None) == (self.identity is None):
            raise ValueError('name the key\'s variable with key_env, or set identity = "default"')
        if self.output_type == "FourSeverityLevels" and not (
            set(self.categories.values()) <= _FOUR_LEVELS
        ):
            raise ValueError(
                "with FourSeverityLevels a threshold is 2, 4 or 6; "
                'for others set output_type = "EightSeverityLevels"'
            )
        if not (self.categories or self.blocklists or self.shield_prompt):
            raise ValueError("nothing is checked: name categories, blocklists or shield_prompt")
        if self.check_answers != "off" and not self.analyses:
            raise ValueError("answers are checked for categories and blocklists: name some")
        return self

    @property
    def analyses(self) -> bool:
        """Whether texts are looked at for categories or block lists."""
        return bool(self.categories or self.blocklists)

    def key(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """The resource's key; None when the identity is used.

        Raises:
            SettingsError: the variable is not there or empty.
        """
        if self.key_env is None:
            return None
        found = environment.get(self.key_env, "").strip()
        if not found or not found.isascii() or not found.isprintable():
            raise SettingsError(
                f"{self.key_env}: put the Content Safety resource's key into this variable"
            )
        return found
