"""An emulator of Azure Event Hubs, for tests and laptops; see docs/emulator.md."""

from gatemeter.emulator.emulator import Emulator
from gatemeter.emulator.errors import EmulatorError, Refusal
from gatemeter.emulator.faults import Faults
from gatemeter.emulator.settings import EmulatorSettings, HubSettings
from gatemeter.emulator.stored_message import StoredMessage

__all__ = [
    "Emulator",
    "EmulatorError",
    "EmulatorSettings",
    "Faults",
    "HubSettings",
    "Refusal",
    "StoredMessage",
]
