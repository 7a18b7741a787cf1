"""Asks Content Safety about texts: all pieces at once as far as allowed, in one time together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.content_safety.assessment import Assessment, failed
from gateway_hooks.gateway.content_safety.pieces import pieces, shield_questions
from gateway_hooks.gateway.content_safety.questions import (
    ANALYZE,
    SHIELD,
    analyze_question,
    shield_question,
)
from gateway_hooks.gateway.content_safety.service import Address, SafetyService, Unanswered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.content_safety.service import Question
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings

    _Asked = tuple[str, Question[Assessment]]


@dataclass(slots=True)
class Texts:
    """What is to be checked of a request."""

    everything: list[str] = field(default_factory=list)
    """For categories and block lists."""
    user: list[str] = field(default_factory=list)
    """What the user says to a model: for attacks."""
    documents: list[str] = field(default_factory=list)
    """What the model is given to read: for attacks hidden there."""


class Checker:
    """The service together with the settings it is asked by."""

    def __init__(self, settings: ContentSafetySettings, service: SafetyService) -> None:
        """Read the key.

        Raises:
            SettingsError: the key is missing, or nobody gives tokens.
        """
        key = settings.key()
        if key is None and not service.has_identity:
            raise SettingsError(
                "content_safety.identity: the gateway has no identity here; use key_env"
            )
        self._settings = settings
        self._service = service
        self._address = Address(settings.endpoint, settings.api_version, key, settings.identity)

    async def check(self, texts: Texts) -> Assessment:
        """What the service says of all texts, and whether something could not be checked."""
        questions = self._questions(texts)
        if questions is None:
            return failed("too_long")
        return await self._ask_all(questions)

    async def check_text(self, text: str) -> Assessment:
        """The same for a text that is looked at for categories and block lists only."""
        return await self.check(Texts(everything=[text]))

    def _questions(self, texts: Texts) -> list[_Asked] | None:
        """Operations with their questions; None when that would be more than may be asked."""
        settings = self._settings
        overlap, most = settings.overlap_characters, settings.most_pieces
        analyses: list[_Asked] = []
        shields: list[_Asked] = []
        if settings.analyses:
            analyses = [
                (ANALYZE, analyze_question(piece, settings))
                for piece in pieces("\n".join(texts.everything), overlap)
            ]
        if settings.shield_prompt:
            shields = [
                (SHIELD, shield_question(one))
                for one in shield_questions("\n".join(texts.user), texts.documents, overlap)
            ]
        return None if max(len(analyses), len(shields)) > most else analyses + shields

    async def _ask_all(self, questions: Sequence[_Asked]) -> Assessment:
        deadline = asyncio.get_running_loop().time() + self._settings.timeout_ms / 1000
        if len(questions) == 1:
            return await self._ask(questions[0], deadline)
        places = asyncio.Semaphore(self._settings.most_concurrent)

        async def in_turn(asked: _Asked) -> Assessment:
            async with places:
                return await self._ask(asked, deadline)

        total = Assessment()
        for assessment in await asyncio.gather(*map(in_turn, questions)):
            total.add(assessment)
        return total

    async def _ask(self, asked: _Asked, deadline: float) -> Assessment:
        operation, question = asked
        try:
            return await self._service.ask(self._address, operation, question, deadline)
        except Unanswered as problem:
            return failed(problem.failure)
