"""Who reads which partition, and from where: the SDK's checkpoint store, put to our own use.

The SDK asks one store for both. Owners stand in Blob storage, where consumers see each other, or
in memory when there is but one consumer. Positions do not: they come from the ledger of our store,
because only that moves in one transaction with the rows.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from azure.eventhub.aio import CheckpointStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

_CONTAINER_EXISTS: Final = "ContainerAlreadyExists"


class LoneOwner(CheckpointStore):
    """Owners in memory, for the only consumer of a group."""

    def __init__(self) -> None:
        self._owned: dict[str, dict[str, Any]] = {}

    async def list_ownership(self, *_place: object, **_options: object) -> Iterable[dict[str, Any]]:
        """See the SDK."""
        return [dict(one) for one in self._owned.values()]

    async def claim_ownership(
        self, ownership_list: Iterable[dict[str, Any]], **_options: object
    ) -> Iterable[dict[str, Any]]:
        """See the SDK; every claim succeeds."""
        claimed = []
        for one in ownership_list:
            owned = {**one, "etag": uuid.uuid4().hex, "last_modified_time": time.time()}
            self._owned[one["partition_id"]] = owned
            claimed.append(dict(owned))
        return claimed

    async def update_checkpoint(self, *_checkpoint: object, **_options: object) -> None:
        """Nothing to keep: the ledger has it."""

    async def list_checkpoints(
        self, *_place: object, **_options: object
    ) -> Iterable[dict[str, Any]]:
        """None: the ledger has them."""
        return []


class LedgerStarts(CheckpointStore):
    """Owners as `owners` has them; tells when new partitions need their positions."""

    def __init__(self, owners: CheckpointStore, refresh: Callable[[], Awaitable[None]]) -> None:
        self._owners = owners
        self._refresh = refresh

    async def list_ownership(self, *place: object, **options: object) -> Iterable[dict[str, Any]]:
        """See the SDK; the place is namespace, hub and consumer group."""
        namespace, hub, group = map(str, place)
        return await self._owners.list_ownership(namespace, hub, group, **options)

    async def claim_ownership(
        self, ownership_list: Iterable[dict[str, Any]], **options: object
    ) -> Iterable[dict[str, Any]]:
        """See the SDK."""
        return await self._owners.claim_ownership(ownership_list, **options)

    async def update_checkpoint(self, *_checkpoint: object, **_options: object) -> None:
        """Nothing to keep: the ledger has it."""

    async def list_checkpoints(
        self, *_place: object, **_options: object
    ) -> Iterable[dict[str, Any]]:
        """Called when partitions were claimed, before they are read: fetch their positions."""
        await self._refresh()
        return []


async def blob_owners(address: str, container: str) -> CheckpointStore:
    """Owners in a Blob container, which is made when it is not there.

    Args:
        address: a storage account's connection string, or its URL to log in by Entra.
        container: the container's name.
    """
    from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

    if "=" in address:
        store = BlobCheckpointStore.from_connection_string(address, container)
    else:
        from azure.identity.aio import DefaultAzureCredential

        store = BlobCheckpointStore(address, container, credential=DefaultAzureCredential())
    with contextlib.suppress(Exception):
        # When it exists, or may not be made by us, the first use tells whether it can be used.
        await store._container_client.create_container()  # noqa: SLF001 - the SDK has no other way
    return store
