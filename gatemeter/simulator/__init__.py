"""A loopback Azure OpenAI: every operation, Azure's details, failures on demand, and a ledger.

It stands in for the real service in tests, trials and the demo. All it says is filler made of a
small word list, but what it bills is exact, so whoever meters its traffic can be checked.
"""

from gatemeter.simulator.app import build_app
from gatemeter.simulator.config import (
    BLOCKED_ANSWER,
    BLOCKED_PROMPT,
    HARMFUL_ANSWER,
    JAILBREAK_PROMPT,
    Deployment,
    SimulatorConfig,
)
from gatemeter.simulator.faults import FAULTS, HEADER
from gatemeter.simulator.ledger import Entry, Ledger, Used
from gatemeter.simulator.resource import SimulatedResource
from gatemeter.simulator.server import RunningSimulator, running

__all__ = [
    "BLOCKED_ANSWER",
    "BLOCKED_PROMPT",
    "FAULTS",
    "HARMFUL_ANSWER",
    "HEADER",
    "JAILBREAK_PROMPT",
    "Deployment",
    "Entry",
    "Ledger",
    "RunningSimulator",
    "SimulatedResource",
    "SimulatorConfig",
    "Used",
    "build_app",
    "running",
]
