"""Azure Event Hubs as the log: from the file queue to a hub, with nothing lost on the way.

The hook's write stays the append to the file queue. A forwarder beside the gateway reads the
queue's segments, packs many events into one message, sends it, and frees a segment only when the
hub has taken all of it. What is sent twice (a lost acknowledgement, a restart) goes to the same
partition again and is told apart by its event ids in the store.
"""

from gateway_hooks.event_hubs.address import HubAddress
from gateway_hooks.event_hubs.forwarder import Forwarder
from gateway_hooks.event_hubs.sender import HubSender

__all__ = ["Forwarder", "HubAddress", "HubSender"]
