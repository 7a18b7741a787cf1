"""From a partition key to a partition, the way Event Hubs clients resolve it themselves.

Bob Jenkins' lookup3 (`hashlittle2`) over the key's UTF-8 bytes, folded to a signed 16-bit number,
modulo the number of partitions.
"""

from __future__ import annotations

_MASK = 0xFFFFFFFF
_START = 0xDEADBEEF
_BLOCK_BYTES = 12
_SIGN = 0x8000
_FOLD = 0xFFFF
_MIX = ((4, 0), (6, 1), (8, 2), (16, 0), (19, 1), (4, 2))
_FINAL = (14, 11, 25, 16, 4, 14, 24)


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(state: list[int]) -> None:
    """Stir a block in: each step subtracts, xors and adds, one register further each time."""
    for bits, turn in _MIX:
        left, middle, right = turn, (turn + 1) % 3, (turn + 2) % 3
        state[left] = ((state[left] - state[right]) & _MASK) ^ _rotate(state[right], bits)
        state[right] = (state[right] + state[middle]) & _MASK


def _finish(state: list[int]) -> None:
    """Let every bit of the last block reach the result."""
    for step, bits in enumerate(_FINAL):
        target = (2, 0, 1)[step % 3]
        source = (target + 2) % 3
        mixed = state[target] ^ state[source]
        state[target] = (mixed - _rotate(state[source], bits)) & _MASK


def lookup3(data: bytes) -> tuple[int, int]:
    """The primary and the secondary hash of `hashlittle2` with both seeds 0."""
    state = [(_START + len(data)) & _MASK] * 3
    position = 0
    while position < len(data):
        block = data[position : position + _BLOCK_BYTES].ljust(_BLOCK_BYTES, b"\0")
        for register in range(3):
            word = int.from_bytes(block[4 * register : 4 * register + 4], "little")
            state[register] = (state[register] + word) & _MASK
        position += _BLOCK_BYTES
        if position < len(data):
            _mix(state)
        else:
            _finish(state)
    return state[2], state[1]


def partition_of(key: str, partitions: int) -> int:
    """The index of the partition that a key belongs to."""
    if not key:
        return 0
    primary, secondary = lookup3(key.encode())
    folded = (primary ^ secondary) & _FOLD
    signed = folded - 2 * _SIGN if folded & _SIGN else folded
    return signed % partitions
