"""Owns: trees and operations as values, and what a sync makes certain."""

from streamz_core.testing.disk_tree import (
    ROOT,
    Enter,
    Grow,
    Leave,
    Mark,
    Rename,
    SyncDirectory,
    SyncFailed,
    SyncFile,
    Tree,
    Truncate,
    Write,
    after,
)
from streamz_core.testing.durable import Durable

FILES = {"a/b/x": b"1", "a/y": b"22", "z": b""}


def test_a_tree_is_its_paths_and_contents():
    tree = Tree.of(FILES)

    assert tree.files() == FILES
    assert tree.paths() == ["a/", "a/b/", "a/b/x", "a/y", "z"]


def test_equal_content_has_an_equal_digest_whatever_the_inodes():
    one = after(Tree(), [Enter(ROOT, "x", 7), Write(7, 0, b"1")])

    assert one.digest() == Tree.of({"x": b"1"}).digest()
    assert one.digest() != Tree.of({"x": b"2"}).digest()
    assert one.digest() != Tree.of({"y": b"1"}).digest()
    assert Tree.of({"x": b""}).digest() != after(Tree(), [Enter(ROOT, "x", 1, is_directory=True)]).digest()


def test_changes_of_content():
    tree = after(Tree(), [Enter(ROOT, "x", 1)])

    assert after(tree, [Write(1, 2, b"ab")]).files() == {"x": b"\0\0ab"}
    assert after(tree, [Write(1, 0, b"abcd"), Write(1, 1, b"XY")]).files() == {"x": b"aXYd"}
    assert after(tree, [Write(1, 0, b"abcd"), Truncate(1, 2)]).files() == {"x": b"ab"}
    assert after(tree, [Write(1, 0, b"ab"), Truncate(1, 3)]).files() == {"x": b"ab\0"}
    assert after(tree, [Write(1, 0, b"abcd"), Grow(1, 2)]).files() == {"x": b"abcd"}
    assert after(tree, [Grow(1, 2)]).files() == {"x": b"\0\0"}
    assert tree.files() == {"x": b""}


def test_changes_of_names():
    tree = Tree.of({"old": b"1", "target": b"2", "d/x": b"3"})
    old = tree.directories[ROOT]["old"]
    directory = tree.directories[ROOT]["d"]

    assert after(tree, [Rename(ROOT, "old", ROOT, "target", old)]).files() == {"target": b"1", "d/x": b"3"}
    assert after(tree, [Rename(ROOT, "d", ROOT, "e", directory)]).files()["e/x"] == b"3"
    assert after(tree, [Leave(ROOT, "target")]).files() == {"old": b"1", "d/x": b"3"}
    assert after(tree, [Leave(ROOT, "nothing")]).files() == tree.files()


def test_a_rename_whose_create_was_lost_still_brings_the_new_name():
    lost_create = after(Tree({5: b"new"}, {ROOT: {}}), [Rename(ROOT, "x.tmp", ROOT, "x", 5)])

    assert lost_create.files() == {"x": b"new"}


def test_a_file_sync_makes_its_own_content_certain_and_no_name():
    durable = Durable(Tree.of({"other": b""}))
    for operation in (Enter(ROOT, "x", 9), Write(9, 0, b"1"), Write(1, 0, b"2"), SyncFile(9), Mark("acked")):
        durable.feed(operation)

    assert durable.tree.files() == {"other": b""}
    assert durable.tree.contents[9] == b"1"
    assert durable.pending == [Enter(ROOT, "x", 9), Write(1, 0, b"2")]

    durable.feed(SyncDirectory(ROOT))
    assert durable.tree.files() == {"other": b"", "x": b"1"}


def test_a_rename_becomes_certain_with_the_directory_it_came_to():
    durable = Durable(Tree.of({"a/x": b"1", "b/y": b"2"}))
    a, b = (durable.tree.directories[ROOT][name] for name in "ab")
    inode = durable.tree.directories[a]["x"]
    durable.feed(Rename(a, "x", b, "x", inode))

    durable.feed(SyncDirectory(a))
    assert "a/x" in durable.tree.files()
    durable.feed(SyncDirectory(b))
    assert durable.tree.files() == {"b/x": b"1", "b/y": b"2"}


def test_after_a_failed_sync_a_later_one_means_nothing_for_what_was_there():
    durable = Durable(Tree.of({"x": b""}))
    for operation in (Write(1, 0, b"1"), SyncFailed(1), Write(1, 1, b"2"), SyncFile(1)):
        durable.feed(operation)

    assert durable.pending == [Write(1, 0, b"1")]
    assert durable.tree.files() == {"x": b"\x002"}


def test_trees_handed_out_do_not_change_later():
    durable = Durable(Tree.of({"x": b"1"}))
    before = durable.tree
    durable.feed(Write(1, 0, b"2"))
    durable.feed(SyncFile(1))

    assert before.files() == {"x": b"1"}
    assert durable.tree.files() == {"x": b"2"}
