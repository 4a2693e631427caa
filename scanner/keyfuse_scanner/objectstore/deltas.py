"""Apply a delta to its base (gitformat-pack(5), "Deltified representation")."""

from collections.abc import Callable

from keyfuse_scanner.objectstore.model import Damaged

_MORE = 0x80  # this bit says that another byte follows

Apply = Callable[[bytes, bytes], list[bytes]]
"""Base and delta to the result in parts, as dulwich has it."""


def apply_delta(base: bytes, delta: bytes) -> list[bytes]:
    """Return the result in parts; the same as dulwich's native function, slower.

    Raises:
        Damaged: the delta is malformed or of another base.
    """
    try:
        return _apply(base, delta)
    except IndexError as error:
        raise Damaged("delta ends within an instruction") from error


def _apply(base: bytes, delta: bytes) -> list[bytes]:
    base_size, position = _size(delta, 0)
    result_size, position = _size(delta, position)
    if base_size != len(base):
        raise Damaged("delta of another base")
    parts = []
    end = len(delta)
    while position < end:
        code = delta[position]
        position += 1
        if code & 0x80:
            offset = size = 0
            for bit, shift in _OFFSET_BYTES:
                if code & bit:
                    offset |= delta[position] << shift
                    position += 1
            for bit, shift in _SIZE_BYTES:
                if code & bit:
                    size |= delta[position] << shift
                    position += 1
            size = size or 0x10000
            part = base[offset : offset + size]
        elif code:
            size = code
            part = delta[position : position + size]
            position += size
        else:
            raise Damaged("delta holds the reserved instruction")
        if len(part) != size:
            raise Damaged("delta copies what is not there")
        result_size -= size
        if result_size < 0:
            break
        parts.append(part)
    if result_size:
        raise Damaged("delta gives another size than it says")
    return [b"".join(parts)]


_OFFSET_BYTES = ((0x01, 0), (0x02, 8), (0x04, 16), (0x08, 24))
_SIZE_BYTES = ((0x10, 0), (0x20, 8), (0x40, 16))


def result_size(delta: bytes) -> int:
    """Return how long the result will be, by the delta's own word.

    Raises:
        Damaged: the delta ends before it says so.
    """
    try:
        _, position = _size(delta, 0)
        size, _ = _size(delta, position)
    except IndexError as error:
        raise Damaged("delta without sizes") from error
    return size


def _size(delta: bytes, position: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        byte = delta[position]
        position += 1
        size |= (byte & 0x7F) << shift
        if byte < _MORE:
            return size, position
        shift += 7


def _fastest() -> tuple[str, Apply, tuple[type[Exception], ...]]:
    try:
        from dulwich._pack import (  # type: ignore[import-not-found]  # compiled, without stubs
            apply_delta as native,
        )
        from dulwich.errors import ApplyDeltaError
    except ImportError:
        return "python", apply_delta, (Damaged,)
    return "dulwich", native, (Damaged, ApplyDeltaError)


NAME, fastest, DAMAGE = _fastest()
"""What is in use, and what it raises where a delta is damaged."""
