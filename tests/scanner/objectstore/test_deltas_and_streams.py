"""Native code and its stand-ins do the same: slower, never different."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner.objectstore import deltas, inflating
from keyfuse_scanner.objectstore.model import Damaged
from scanner.objectstore.stores import as_git_sees, read, varint
from scanner.objectstore.test_objectstore_equals_git import build


@st.composite
def _delta(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a base and a delta that is mostly sound."""
    base = draw(st.binary(max_size=300))
    out = bytearray()
    size = 0
    for _ in range(draw(st.integers(0, 6))):
        if base and draw(st.booleans()):
            offset = draw(st.integers(0, len(base) - 1))
            length = draw(st.integers(1, len(base) - offset))
            out += bytes((0x80 | 0x01 | 0x02 | 0x10 | 0x20,))
            out += offset.to_bytes(2, "little") + length.to_bytes(2, "little")
            size += length
        else:
            data = draw(st.binary(min_size=1, max_size=127))
            out += bytes((len(data),)) + data
            size += len(data)
    head = varint(len(base)) + varint(draw(st.sampled_from((size, size, size, size + 1))))
    return base, head + bytes(out[: draw(st.sampled_from((None, None, None, -1)))])


@given(st.one_of(_delta(), st.tuples(st.binary(max_size=9), st.binary(max_size=30))))
def test_both_ways_to_apply_a_delta_agree(pair: tuple[bytes, bytes]) -> None:
    """Also on what is damaged, if not on how they say so."""
    pytest.importorskip("dulwich")

    def applied(how: deltas.Apply) -> bytes | None:
        try:
            return b"".join(how(*pair))
        except (*deltas.DAMAGE, MemoryError):
            return None

    assert applied(deltas.fastest) == applied(deltas.apply_delta)


@given(st.one_of(_delta(), st.tuples(st.binary(max_size=9), st.binary(max_size=30))))
def test_a_result_is_never_larger_than_one_base_for_each_byte_of_delta(
    pair: tuple[bytes, bytes],
) -> None:
    """What the walk relies on to leave most deltas unchecked."""
    base, delta = pair
    try:
        result = b"".join(deltas.apply_delta(base, delta))
    except Damaged:
        return
    assert len(result) == deltas.result_size(delta)
    assert len(result) <= len(delta) * max(1, len(base))


@pytest.fixture(params=["native", "zlib"])
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "zlib":
        monkeypatch.setattr(inflating, "inflater", zlib)
    return str(request.param)


@pytest.mark.parametrize("size", [0, 1, 70_000, 2_000_000])
def test_a_stream_is_inflated_whole_or_in_pieces(inflater: str, size: int) -> None:
    """Whatever follows it, and however well it is compressed."""
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    for level in (0, 6):
        packed = memoryview(zlib.compress(data, level) + b"what follows" * 50_000)
        assert inflating.inflate(packed, size) == data
        pieces = list(inflating.inflate_pieces(packed, size, 100_000))
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= 200_000


@pytest.mark.parametrize("size", [50, 100_000])
def test_a_damaged_stream_is_told(inflater: str, size: int) -> None:
    """Cut, changed, or of another length than announced."""
    packed = zlib.compress(bytes(range(50)) * (size // 50), 0)
    changed = packed[:30] + b"?" + packed[31:]
    for stream, announced in (
        (packed[:-1], size),
        (packed[:-5], size),
        (packed[: size // 2], size),
        (packed, size + 1),
        (packed, size - 1),
        (changed, size),
        (b"", 0),
        (b"junk", 4),
    ):
        with pytest.raises(Damaged):
            inflating.inflate(memoryview(stream), announced)
        with pytest.raises(Damaged):
            list(inflating.inflate_pieces(memoryview(stream), announced, 1_000))


def test_without_native_code_the_reader_sees_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflating, "inflater", zlib)
    monkeypatch.setattr(deltas, "fastest", deltas.apply_delta)
    repository = build(tmp_path, [("commits", 20, 3), ("repack", 20, 10), ("commits", 5, 4)])
    assert dict(read(repository).found) == as_git_sees(repository)
