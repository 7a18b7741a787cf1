"""What all tests share. In CI, properties are tried on the same, fewer examples at every run."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.hubs import hub
from tests.queue_samples import event_line, hand_writer
from tests.servers import azurite, postgres, redis_server

__all__ = ["azurite", "event_line", "hand_writer", "hub", "postgres", "redis_server"]

settings.register_profile("ci", derandomize=True, print_blob=True, max_examples=10)
if os.environ.get("CI"):
    settings.load_profile("ci")
