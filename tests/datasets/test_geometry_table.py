import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.datasets import geometry_table, load_dataset
from landmark_fer.datasets.geometry_table import STEPS, main, read_table, table_path, write_table
from landmark_fer.datasets.near_duplicates import find_near_duplicates


@pytest.fixture(scope="module")
def table(tmp_path_factory, dataset, cache):
    return write_table(dataset, tmp_path_factory.mktemp("table") / "geometry.npz", cache=cache)


def test_a_table_round_trips_the_landmarks(table, dataset, cache):
    back, expected = read_table(table), dataset.take(dataset.splits != "PrivateTest")
    assert len(back) == 17
    assert back.records.dtype.names == ("landmarks",)
    assert np.abs(back.records["landmarks"] - expected.records["landmarks"]).max() <= 0.5 / STEPS
    for name in ("expressions", "splits", "subjects", "rows", "names"):
        assert np.array_equal(getattr(back, name), getattr(expected, name)), name
    assert np.allclose(back.detector_scores, expected.detector_scores, atol=5e-4, equal_nan=True)
    assert back.classes == expected.classes


def test_near_duplicates_come_with_the_table_and_follow_take(table, dataset, cache):
    expected = dataset.take(dataset.splits != "PrivateTest")
    searched = find_near_duplicates(expected, cache=cache)
    back = read_table(table)
    stored = find_near_duplicates(back)
    assert np.array_equal(stored.correlations, searched.correlations, equal_nan=True)
    assert np.array_equal(stored.groups, searched.groups)
    test = back.of_split("PublicTest")
    assert np.array_equal(
        find_near_duplicates(test).correlations, searched.correlations[expected.splits == "PublicTest"]
    )
    assert np.array_equal(
        find_near_duplicates(test, against=back).correlations, find_near_duplicates(test).correlations
    )
    with pytest.raises(InputError, match="has none; give the images instead"):
        find_near_duplicates(back, against=dataset)


def test_a_table_without_faces_of_its_splits_is_refused(table, tmp_path, dataset):
    with pytest.raises(InputError, match="needs faces of the splits Training, PublicTest"):
        write_table(dataset.of_split("PrivateTest"), tmp_path / "none.npz")


def test_packing_is_exact_to_half_a_step():
    landmarks = np.random.default_rng(0).uniform(-60, 120, size=(7, 68, 2)).astype(np.float32)
    packed = geometry_table._packed(landmarks)
    assert packed.dtype == np.int16
    unpacked = geometry_table._unpacked(packed)
    assert unpacked.dtype == np.float32
    assert np.abs(unpacked - landmarks).max() <= 0.5 / STEPS
    assert np.array_equal(geometry_table._packed(unpacked), packed)
    with pytest.raises(InputError, match="must lie within 1023 pixels"):
        geometry_table._packed(landmarks + 2000)


@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: b"", lambda c: b"not a table"])
def test_a_damaged_table_is_reported(tmp_path, table, damage):
    path = tmp_path / "geometry.npz"
    path.write_bytes(damage(table.read_bytes()))
    with pytest.raises(DataError, match="is damaged"):
        read_table(path)


def test_another_format_or_file_is_reported(tmp_path, table):
    with np.load(table) as file:
        arrays = dict(file)
    np.savez(tmp_path / "next.npz", **(arrays | {"format": 99}))
    with pytest.raises(DataError, match="must have format 2, got 99"):
        read_table(tmp_path / "next.npz")
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    with pytest.raises(DataError, match="is damaged"):
        read_table(tmp_path / "other.npz")
    np.savez(tmp_path / "short.npz", **(arrays | {"row": arrays["row"][:3]}))
    with pytest.raises(DataError, match="is damaged"):
        read_table(tmp_path / "short.npz")


def test_a_missing_table_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(geometry_table, "bundled", lambda name: tmp_path / name)
    with pytest.raises(DataError, match=r"does not exist; it comes with the package, or make it: python -m"):
        load_dataset()


def test_the_command_makes_the_table(tmp_path, fer_csv, cache, capsys):
    out = tmp_path / "out.npz"
    assert main(["--data", str(fer_csv), "--out", str(out), "--cache", str(cache), "--jobs", "1"]) == 0
    assert "out.npz: 0." in capsys.readouterr().out
    assert len(read_table(out)) == 17
    assert main(["--data", str(tmp_path / "none.csv")]) == 2
    assert "none.csv does not exist" in capsys.readouterr().err


def test_an_unwritable_file_is_reported(tmp_path, dataset, cache):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot be written"):
        write_table(dataset, tmp_path / "file" / "table.npz", cache=cache)


def test_the_bundled_table():
    assert table_path().stat().st_size <= 8_000_000
    dataset = load_dataset()
    assert (len(dataset.of_split("Training")), len(dataset.of_split("PublicTest"))) == (28709, 3589)
    assert len(dataset.classes) == 7
    assert np.isnan(dataset.near_duplicate_correlations[dataset.splits == "Training"]).all()
    assert 0.6 < find_near_duplicates(dataset).leak_free[dataset.splits == "PublicTest"].mean() < 0.75
