"""Tell an archive by its first bytes. Runs over every object, so it costs next to nothing."""

# From the first three bytes to the step's name and the bytes that make it sure.
_MAGICS = {
    b"PK\x03": ("zip", (b"PK\x03\x04",)),
    b"\x1f\x8b\x08": ("gzip", (b"\x1f\x8b\x08",)),
    b"BZh": ("bzip2", tuple(b"BZh%d" % level for level in range(1, 10))),
    b"\xfd7z": ("xz", (b"\xfd7zXZ\0",)),
    b"\x28\xb5\x2f": ("zstd", (b"\x28\xb5\x2f\xfd",)),
}
# A compressed block, or the end of an empty stream (the digits of π and of its square root).
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")

HEAD_LENGTH = 512
"""So many bytes are enough to tell."""


def archive_kind(head: bytes) -> str | None:
    """Return what kind of archive begins with these bytes, as reports name it, or None."""
    found = _MAGICS.get(head[:3])
    if found is None:
        return "tar" if head[257:262] == b"ustar" else None
    kind, magics = found
    if not head.startswith(magics):
        return None
    return None if kind == "bzip2" and not head.startswith(_BZIP2_BLOCKS, 4) else kind
