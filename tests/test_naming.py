"""File names: numbers sort by value; system files are recognized."""

import random

import pytest

from landmark_fer.core.naming import is_hidden, is_litter, natural_key


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.png", "2.png", "10.png", "11.png", "100.png"],
        ["im.png", "im1.png", "im2.png", "im10.png"],
        ["a/2/10.png", "a/10/2.png", "b/1/1.png"],
        ["v1.2.png", "v1.10.png", "v2.1.png"],
        ["001.png", "01.png", "1.png", "2.png"],
        ["a/2.png", "a b/1.png", "a-b/1.png"],
        ["01b.png", "1c.png", "02a.png"],
        ["frame 9 of 12.jpg", "frame 10 of 12.jpg"],
        ["S5.png", "S40.png", "s5.png"],
    ],
)
def test_numbers_sort_by_their_value(ordered):
    mixed = ordered.copy()
    random.Random(5).shuffle(mixed)
    assert sorted(mixed, key=natural_key) == ordered


def test_different_names_have_different_keys():
    names = ["0", "00", "", "a0", "a", "1", "01", "10", "1/0", "1-0", "a01b2", "a1b02"]
    assert len({natural_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "happy/.DS_Store",
        "Thumbs.db",
        "THUMBS.DB",
        "happy/desktop.ini",
        "Desktop.ini",
        "._1.jpg",
        "happy/._1.jpg",
        "__MACOSX/happy/._1.jpg",
        "__MACOSX/happy/1.jpg",
        "happy/.ipynb_checkpoints/1-checkpoint.png",
        "@eaDir/1.jpg/SYNOFILE_THUMB_M.jpg",
        "$RECYCLE.BIN/1.jpg",
        "System Volume Information/x",
        ".git/objects/1",
        ".Trash-1000/files/1.jpg",
        "notes.txt~",
        "~$labels.xlsx",
        "../.DS_Store",
    ],
)
def test_system_files_are_recognized(name):
    assert is_litter(name)


@pytest.mark.parametrize(
    "name",
    ["1.jpg", "happy/thumbs.jpg", "desktop/1.jpg", "MACOSX/1.jpg", "notes.txt", ".mine/1.jpg", "checkpoints/1.jpg"],
)
def test_other_files_are_kept(name):
    assert not is_litter(name)


def test_hidden_names_have_a_part_with_a_leading_dot():
    assert is_hidden(".mine/1.jpg") and is_hidden("happy/.1.jpg")
    assert not is_hidden("../happy/1.jpg") and not is_hidden("./1.jpg") and not is_hidden("a.b/1.jpg")
