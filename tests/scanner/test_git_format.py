"""What git prints, taken apart; whatever it prints."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner.errors import NoSuchRevision
from keyfuse_scanner.gitbatch import BatchObject, MissingObject, TruncatedBatch, read_batch
from keyfuse_scanner.gitchanges import Change, LogCommit, parse_changes, read_tokens, zsplit
from keyfuse_scanner.gitformat import (
    TreeEntry,
    parse_head,
    parse_index,
    parse_listing,
    parse_tree,
)
from keyfuse_scanner.sources.revisions import parse_range

ids = st.integers(1, 2**160 - 1).map(lambda number: f"{number:040x}")
kinds = st.sampled_from(["blob", "commit", "tree", "tag"])
path_bytes = st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path)
batches = st.lists(st.tuples(ids, kinds, st.binary(max_size=100) | st.none()), max_size=8)


def render(batch):
    return b"".join(
        f"{object_id} missing\n".encode()
        if content is None
        else f"{object_id} {kind} {len(content)}\n".encode() + content + b"\n"
        for object_id, kind, content in batch
    )


def read(raw, skip=lambda _index: False):
    found = []
    for index, entry in enumerate(read_batch(BytesIO(raw))):
        if isinstance(entry, MissingObject):
            found.append((entry.object_id, None))
        else:
            found.append((entry.object_id, None if skip(index) else b"".join(entry.pieces)))
    return found


@given(batches)
def test_a_batch_is_read_back(batch):
    assert read(render(batch)) == [(object_id, content) for object_id, _, content in batch]


@given(batches)
def test_objects_that_are_not_taken_are_passed_over(batch):
    assert [entry[0] for entry in read(render(batch), skip=lambda index: index % 2)] == [
        object_id for object_id, _, _ in batch
    ]


@given(batches, st.integers(0, 500))
def test_a_batch_that_breaks_off_is_truncated_and_never_wrong(batch, length):
    raw = render(batch)[:length]
    whole = []
    try:
        for entry in read_batch(BytesIO(raw)):
            content = b"".join(entry.pieces) if isinstance(entry, BatchObject) else None
            whole.append((entry.object_id, content))
    except TruncatedBatch:
        pass
    expected = [(object_id, content) for object_id, _, content in batch]
    if whole:
        assert whole[:-1] == expected[: len(whole) - 1]


@given(st.lists(st.binary(max_size=9).filter(lambda token: b"\0" not in token)), st.integers(1, 9))
def test_tokens_do_not_depend_on_the_size_of_pieces(tokens, piece):
    raw = b"".join(token + b"\0" for token in tokens)
    assert list(read_tokens(BytesIO(raw), piece)) == tokens == zsplit(raw)


def test_a_last_token_without_its_nul_counts():
    assert list(read_tokens(BytesIO(b"a\0b"))) == [b"a", b"b"]


@given(
    st.lists(
        st.tuples(
            ids,
            st.binary(max_size=20).filter(lambda name: not {0, 10} & set(name)),
            st.lists(st.tuples(ids, path_bytes), max_size=3),
        ),
        max_size=4,
    )
)
def test_a_log_is_read_back_whatever_authors_and_paths_look_like(commits):
    tokens = []
    for commit_id, author, changes in commits:
        tokens.append(f"{commit_id} 12 ".encode() + author)
        for number, (new_id, path) in enumerate(changes):
            start = b"\n" if number == 0 else b""
            tokens += [start + f":000000 100644 {'0' * 40} {new_id} A".encode(), path]
    expected = []
    for commit_id, author, changes in commits:
        expected.append(LogCommit(commit_id, author, 12))
        expected += [Change(None, new_id, b"100644", b"A", path) for new_id, path in changes]
    assert list(parse_changes(tokens)) == expected


def test_a_commit_without_a_date_has_none():
    assert list(parse_changes([b"ab  name"])) == [LogCommit("ab", b"name", None)]


@given(st.lists(st.tuples(path_bytes, st.binary(min_size=20, max_size=20)), max_size=5))
def test_a_tree_is_read_back(entries):
    raw = b"".join(b"100644 " + name + b"\0" + object_id for name, object_id in entries)
    assert parse_tree(raw, 20) == [TreeEntry(b"100644", name) for name, _ in entries]


@given(st.binary(max_size=200))
def test_any_tree_and_any_head_can_be_taken_apart(raw):
    parse_tree(raw, 20)
    parse_head(raw)


def test_a_commit_is_taken_apart():
    head = parse_head(
        b"tree " + b"1" * 40 + b"\nparent " + b"2" * 40 + b"\nauthor A <a> 5 +0100\n"
        b"committer C <c> 6 -0100\ngpgsig one\n two\n\nsubject\n\nbody\n"
    )
    assert (head.author, head.when, head.people) == (b"A <a>", 5, b"A <a>\nC <c>")
    assert head.message == b"subject\n\nbody\n\ngpgsig one\n two"


def test_a_tag_is_taken_apart():
    head = parse_head(
        b"object " + b"1" * 40 + b"\ntype commit\ntag v1\ntagger T <t> 7 +0000\n\nmessage"
    )
    assert (head.author, head.when, head.name, head.message) == (b"T <t>", 7, b"v1", b"message")


@given(st.binary(min_size=1, max_size=30).filter(lambda value: b"\n" not in value))
def test_nothing_in_a_header_escapes(value):
    links = {b"commit", b"tree", b"blob", b"tag"}
    for key in (b"tag", b"tree", b"type", b"mergetag", b"odd"):
        head = parse_head(key + b" " + value + b"\n\nmessage")
        assert value in head.name + head.message or value in links


@given(st.binary(min_size=1, max_size=30).filter(lambda value: b"\n" not in value))
def test_a_name_without_a_time_is_kept_whole(value):
    for key in (b"author", b"committer", b"tagger"):
        assert parse_head(key + b" " + value + b"x\n\nmessage").people == value + b"x"


def test_submodules_are_left_out_of_index_and_listing():
    one, two = "1" * 40, "2" * 40
    index = [f"100644 {one} 2\ta\tb".encode(), f"160000 {two} 0\tsub".encode()]
    assert list(parse_index(index)) == [(one, 2, b"a\tb")]
    listing = [f"100644 blob {one}\ta".encode(), f"160000 commit {two}\tsub".encode()]
    assert list(parse_listing(listing)) == [(one, b"a")]


names = st.text(st.characters(blacklist_characters=".", blacklist_categories=["Cs"]), min_size=1)


@given(names, names, st.sampled_from(["..", "..."]))
def test_a_range_has_two_sides(old, new, dots):
    assert parse_range(old + dots + new) == (old, new)


@given(st.text())
def test_any_text_is_a_range_or_one_clear_line(value):
    with suppress(NoSuchRevision):
        assert all(parse_range(value))
        return
    with pytest.raises(NoSuchRevision, match=r"\A[^\n]*not a range[^\n]*\Z"):
        parse_range(value)


def test_an_unknown_header_is_a_truncated_batch():
    with pytest.raises(TruncatedBatch):
        list(read_batch(BytesIO(b"what is this\n")))
