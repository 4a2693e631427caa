"""Streams with one compressed content: gzip, bzip2, xz, zstd; several in a row are one."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from keyfuse_scanner.archives.model import MEBIBYTE, PIECE, Damaged, LimitReached

# `xz -9` needs 65 MiB; pages that nothing was unpacked into are not used.
_XZ_MEMORY = 80 * MEBIBYTE
_ZSTD_WINDOW_LOG = 25
# What xz and zstd say of a stream that is whole and yet cannot be unpacked here.
_REASONS = {
    "Memory usage limit exceeded": "it takes too much memory to unpack",
    "too much memory": "it takes too much memory to unpack",
    "Dictionary mismatch": "it cannot be unpacked without its dictionary",
}
_INPUT = 65_536
# Streams in a row; empty ones cost time and give nothing.
_STREAMS_MAX = 10_000


class _Decompressor(Protocol):
    """What the decompressors of `bz2`, `lzma` and `compression.zstd` have in common."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def decompressed(kind: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content in pieces of bounded size.

    Raises:
        LimitReached: It needs a library or a dictionary that is not here, or too much memory.
        Damaged: It breaks off or does not decode.
    """
    make, errors = _DECOMPRESSORS[kind]()
    inputs = _slices(pieces)
    rest = b""
    streams = 0
    decompressor: _Decompressor | None = None
    try:
        while True:
            if not rest and (decompressor is None or decompressor.needs_input):
                rest = next(inputs, b"")
                if not rest:
                    break
            if decompressor is None:
                decompressor = make()
                streams += 1
                if streams > _STREAMS_MAX:
                    raise LimitReached("it has too many members")
            content = decompressor.decompress(rest, PIECE)
            if content:
                yield content
            rest = b""
            if decompressor.eof:
                rest, decompressor = decompressor.unused_data, None
    except errors as error:
        raise _reason(kind, error) from None
    if decompressor is not None:
        raise Damaged(kind)


def _reason(kind: str, error: Exception) -> Damaged | LimitReached:
    for words, reason in _REASONS.items():
        if words in str(error):
            return LimitReached(reason)
    return Damaged(kind)


def _slices(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes little by little: what a decompressor has not used, it copies."""
    for piece in pieces:
        for begin in range(0, len(piece), _INPUT):
            yield piece[begin : begin + _INPUT]


_Maker = tuple[Callable[[], Any], tuple[type[Exception], ...]]


def _gzip() -> _Maker:
    import zlib

    return _Gzip, (zlib.error,)


def _bzip2() -> _Maker:
    import bz2

    return bz2.BZ2Decompressor, (OSError, ValueError)


def _xz() -> _Maker:
    import lzma

    return lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), (lzma.LZMAError,)


def _zstd() -> _Maker:
    try:
        from compression import zstd  # type: ignore[import-not-found] # from Python 3.14 on
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            raise LimitReached("zstd needs Python 3.14 or the package backports.zstd") from None
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError,)


class _Gzip:
    """`zlib` with the manners of the others."""

    def __init__(self) -> None:
        import zlib

        self._inner = zlib.decompressobj(wbits=31)
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        content = self._inner.decompress(self._waiting + data, max_length)
        self._waiting = self._inner.unconsumed_tail
        return content


_DECOMPRESSORS: dict[str, Callable[[], _Maker]] = {
    "gzip": _gzip,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstd": _zstd,
}
