"""What stands in the folders of an object store, by name."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{38}").fullmatch
_LONG_NAME = re.compile(r"[0-9a-f]{62}").fullmatch


def list_packs(directory: Path, odd: list[str]) -> list[str]:
    """Return the names of the indexes in an object directory.

    Args:
        directory: The object directory.
        odd: Gets the reason where git has to be asked for what is here.
    """
    try:
        names = sorted(os.listdir(directory / "pack"))  # noqa: PTH208 - half the price of Path.iterdir
    except FileNotFoundError:
        return []
    except OSError as error:
        odd.append(f"packs cannot be listed: {error.strerror}")
        return []
    # Git does not see an index without its pack, or a pack without its index.
    packs = {name[:-5] for name in names if name.endswith(".pack")}
    return [name for name in names if name.endswith(".idx") and name[:-4] in packs]


def list_loose(directory: Path, odd: list[str]) -> Iterator[tuple[bytes, Path]]:
    """Yield id and file of each loose object in an object directory.

    Args:
        directory: The object directory.
        odd: Gets the reason where git has to be asked for what is here.
    """
    for byte in range(256):
        folder = directory / f"{byte:02x}"
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - half the price of Path.iterdir
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            odd.append(f"loose objects cannot be listed: {error.strerror}")
            continue
        for name in names:
            if _NAME(name):
                yield bytes.fromhex(folder.name + name), folder / name
            elif _LONG_NAME(name):
                odd.append("loose objects of another hash function")
                return
