"""An archive that is not looked into, or not to its end, is named and scanned as it is."""

import io
import zipfile

from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import OWN
from keyfuse_scanner import archived
from keyfuse_scanner.archives.model import LIMITS
from keyfuse_scanner.model import Document
from support.keys import make_key


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("member.txt", data)
    return file.getvalue()


def look_into(pieces: list[bytes], matcher: Matcher) -> archived.Looked:
    document = Document("file", b"a.zip", None, pieces)
    return archived.look_into(document, iter(pieces), matcher)


def test_an_archive_over_the_limit_is_named_and_its_bytes_are_still_there() -> None:
    piece = bytes(LIMITS.whole // 2 + 1)
    looked = look_into([piece, piece, b"end"], Matcher([OWN]))
    assert (looked.hits, len(looked.unscanned)) == ([], 1)
    assert "MiB is not looked into" in looked.unscanned[0].reason
    assert sum(map(len, looked.pieces)) == 2 * len(piece) + 3


def test_a_member_with_too_many_candidates_is_named() -> None:
    lines = "\n".join(make_key(seed=seed).reveal() for seed in range(5))
    looked = look_into([zipped(lines.encode())], Matcher([OWN], candidate_limit=3))
    assert len(looked.hits) == 3
    assert [entry.reason for entry in looked.unscanned] == [
        "archive: too many candidates to look at all of them"
    ]
