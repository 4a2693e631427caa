"""Standard input as one document."""

from collections.abc import Iterator
from typing import BinaryIO

from keyfuse_scanner.model import Document
from keyfuse_scanner.windows import PIECE


def documents(stdin: BinaryIO) -> Iterator[Document]:
    """Yield what comes in, read in pieces."""
    yield Document("stdin", None, None, iter(lambda: stdin.read(PIECE), b""))
