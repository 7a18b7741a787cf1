"""Partition keys lead where the SDK says they do."""

from __future__ import annotations

from typing import Any

from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver
from hypothesis import given
from hypothesis import strategies as st

from gatemeter.emulator.partition_keys import lookup3, partition_of


@given(key=st.text(st.characters(codec="ascii"), max_size=80), partitions=st.integers(1, 64))
def test_the_sdk_resolves_keys_the_same_way(key: str, partitions: int) -> None:
    """Buffered and unbuffered producers agree on where a key belongs."""
    resolver: Any = PartitionResolver
    resolve = resolver([str(number) for number in range(partitions)])
    assert resolve.get_partition_id_by_partition_key(key) == str(partition_of(key, partitions))


def test_the_hash_is_jenkins_own() -> None:
    """The test vectors that Bob Jenkins printed with lookup3 (both seeds 0)."""
    assert lookup3(b"") == (0xDEADBEEF, 0xDEADBEEF)
    assert lookup3(b"Four score and seven years ago") == (0x17770551, 0xCE7226E6)
