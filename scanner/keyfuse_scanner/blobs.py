"""Blobs that have paths: each is read once, and what is found in it stands at all of its paths."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Document, Hit, Place, Unscanned
from keyfuse_scanner.scanning import Scanning


def blobs(
    scanning: Scanning,
    repository: Repository,
    paths: dict[str, list[bytes]],
    contents: Mapping[str, bytes] = MappingProxyType({}),
    place: Place = "staged",
) -> Iterator[Document | Unscanned]:
    """Yield the blobs that have paths; those whose contents are at hand are not read again."""
    missing = []
    for object_id in paths:
        if object_id in contents:
            yield Document(place, None, object_id, (contents[object_id],))
        else:
            missing.append(object_id)
    if not missing:
        return
    from keyfuse_scanner.objects import read_objects

    for entry in read_objects(repository, missing, place=place, max_size=scanning.max_size):
        if isinstance(entry, Unscanned) and entry.object_id in paths:
            yield entry._replace(path=paths[entry.object_id][0])
        else:
            yield entry


def paths_by_id(placed: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    """Return the paths of each blob, from pairs of an id and a path."""
    paths: dict[str, list[bytes]] = {}
    for object_id, path in placed:
        paths.setdefault(object_id, []).append(path)
    return paths


def at_paths(hits: Iterable[Hit], paths: dict[str, list[bytes]]) -> list[Hit]:
    """Return each hit of a blob once for each path of the blob."""
    return [
        placed
        for hit in hits
        for placed in (
            [hit._replace(path=path) for path in paths[hit.object_id]]
            if hit.object_id is not None
            else [hit]
        )
    ]
