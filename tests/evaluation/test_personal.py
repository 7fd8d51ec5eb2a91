"""Scores given each subject's neutral face, and scores of groups of people."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.assessment import assess
from landmark_fer.evaluation.image_rows import add_images
from landmark_fer.evaluation.personal import (
    baseline_rows,
    group_names,
    groups_of_columns,
    is_scored,
    probabilities_with_baseline,
    scores_by_group,
)
from landmark_fer.models.neutral_shift import given_neutral_face, log_probabilities
from tests.conftest import made_up_dataset

CLASSES = ("happy", "sad", "neutral")
EXPRESSIONS = ["happy", "neutral", "neutral", "sad", "neutral", "happy", "happy"]
SUBJECTS = ["ann", "ann", "ann", "ann", "bob", "eve", ""]
PROBABILITIES = np.array(
    [[0.3, 0.1, 0.6], [0.02, 0.08, 0.9], [0.04, 0.06, 0.9], [0.1, 0.7, 0.2]] + [[0.2, 0.2, 0.6]] * 3
)


@pytest.fixture
def dataset():
    faces = made_up_dataset(3).take(np.arange(7))
    return replace(
        faces,
        expressions=np.array(EXPRESSIONS),
        subjects=np.array(SUBJECTS),
        attributes={"Gender": np.array(["f", "f", "f", "f", "m", "f", "NA"])},
    )


class Predictor:
    """Returns given probabilities for the rows of a data set."""

    classes_ = np.array(CLASSES)

    def predict_proba(self, records):
        return PROBABILITIES[: len(records)]


def test_the_first_neutral_face_of_a_subject_is_the_baseline_and_not_scored(dataset):
    rows = baseline_rows(dataset)
    assert rows.tolist() == [1, 1, 1, 1, 4, -1, -1]
    assert is_scored(rows).tolist() == [True, False, True, True, False, False, False]


def test_probabilities_are_those_given_the_own_neutral_face(dataset):
    result = probabilities_with_baseline(PROBABILITIES, baseline_rows(dataset), CLASSES)
    for row in range(4):
        expected = given_neutral_face(PROBABILITIES[row], log_probabilities(PROBABILITIES[1]), CLASSES)
        np.testing.assert_allclose(result[row], expected)
    np.testing.assert_array_equal(result[5:], PROBABILITIES[5:])


def test_scores_are_those_of_an_independent_computation():
    """One face at a time, with dictionaries, for people with several, one or no neutral face."""
    generator, classes = np.random.default_rng(3), ("angry", "happy", "neutral")
    n = 60
    faces = replace(
        made_up_dataset(20),
        expressions=generator.choice(classes, n),
        subjects=generator.choice(["", "a", "b", "B", "c", "d", "e", "f", "g", "h", "i", "j"], n),
        attributes={"site": generator.choice(["north", "South", "south", "NA"], n)},
    )
    probabilities = generator.dirichlet([1.0] * 3, n)

    class Random:
        classes_ = np.array(classes)

        def predict_proba(self, records):
            return probabilities[: len(records)]

    neutral, right, n_of, site = {}, {}, {}, {}
    for row, (subject, expression) in enumerate(zip(faces.subjects, faces.expressions, strict=True)):
        if subject and expression == "neutral" and subject not in neutral:
            neutral[subject] = row
    scored = [row for row in range(n) if faces.subjects[row] in neutral and row not in neutral.values()]
    for row in scored:
        angry, happy, rest = np.log(probabilities[row])
        angry_0, happy_0, rest_0 = np.log(probabilities[neutral[faces.subjects[row]]])
        angry -= max(0, angry_0 - rest_0 + 1)
        both = np.exp(happy) + np.exp(rest)
        share = 1 / (1 + np.exp(-2 * (happy - rest - happy_0 + rest_0 - 1)))
        shifted = {"angry": np.exp(angry), "happy": both * share, "neutral": both * (1 - share)}
        label = faces.expressions[row]
        n_of[label] = n_of.get(label, 0) + 1
        right[label] = right.get(label, 0) + (max(shifted, key=shifted.get) == label)
        group = {"NA": "unknown"}.get(faces.attributes["site"][row], faces.attributes["site"][row].lower())
        site.setdefault(group, []).append(max(shifted, key=shifted.get) == label)
    scores, _ = assess(Random(), faces, classes, with_baseline=True, by=["site"])
    assert scores["n"] == scores["n_with_baseline"] == len(scored) > 20
    assert scores["accuracy_with_baseline"] == pytest.approx(sum(right.values()) / len(scored))
    assert scores["accuracy"] == pytest.approx(
        np.mean(np.array(classes)[probabilities[scored].argmax(axis=1)] == faces.expressions[scored])
    )
    for name, each in scores["per_class_with_baseline"].items():
        assert each["n"] == n_of[name]
        assert each["recall"] == pytest.approx(right[name] / n_of[name])
    groups = {row["group"].lower(): row for row in scores["by"]["site"] if not row["expression"]}
    assert {name: (each["n"], each["accuracy_with_baseline"]) for name, each in groups.items()} == {
        name: (len(each), pytest.approx(np.mean(each))) for name, each in site.items()
    }


def test_rows_of_a_folder_say_which_faces_served_as_baselines(dataset, tmp_path):
    (tmp_path / "left_out.csv").write_text("name,reason,status\n")
    for name in dataset.names:
        (tmp_path / name).write_bytes(b"")
    dataset = replace(dataset, left_out_csv=str(tmp_path / "left_out.csv"))
    _, table = assess(Predictor(), dataset, CLASSES, with_baseline=True)
    rows = add_images(table, dataset, tmp_path).set_index("row").loc[dataset.rows]
    assert rows["status"].tolist() == ["ok", "baseline", "ok", "ok", "left out", "left out", "left out"]
    _, table = assess(Predictor(), dataset, CLASSES)
    assert set(add_images(table, dataset, tmp_path)["status"]) == {"ok"}


def test_scores_with_and_without_baseline_are_of_the_same_faces(dataset):
    scores, table = assess(Predictor(), dataset, CLASSES, with_baseline=True, by=["gender"])
    assert scores["n"] == scores["n_with_baseline"] == 3 == len(table)
    assert (scores["n_baselines"], scores["left_out_without_baseline"]) == (1, 3)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["accuracy_with_baseline"] == 1
    assert scores["per_class"]["happy"]["recall"] == 0
    assert scores["per_class_with_baseline"]["happy"]["recall"] == 1
    assert table["predicted"].tolist() == ["neutral", "neutral", "sad"]
    assert table["predicted_with_baseline"].tolist() == ["happy", "neutral", "sad"]
    assert table["Gender"].tolist() == ["f"] * 3
    (everyone, *each) = scores["by"]["Gender"]
    assert (everyone["group"], everyone["expression"], everyone["n"]) == ("f", "", 3)
    assert [row["accuracy_with_baseline"] for row in each] == [1, 1, 1]


def test_without_the_option_all_faces_are_scored(dataset):
    scores, _ = assess(Predictor(), dataset, CLASSES)
    assert scores["n"] == 7
    assert not any("baseline" in name for name in scores)


def test_groups_add_up_to_all_faces(dataset):
    (groups,) = groups_of_columns(dataset, ["GENDER"]).values()
    rows = scores_by_group(dataset, groups, {"": PROBABILITIES}, CLASSES)
    totals = [row for row in rows if row["expression"] == ""]
    assert [(row["group"], row["n"], row["n_subjects"]) for row in totals] == [
        ("f", 5, 2),
        ("m", 1, 1),
        ("unknown", 1, 0),
    ]
    right = sum(row["accuracy"] * row["n"] for row in totals)
    assert right == pytest.approx((np.array(CLASSES)[PROBABILITIES.argmax(axis=1)] == dataset.expressions).sum())
    for row in rows:
        low, high = row["accuracy_interval"]
        assert 0 <= low <= row["accuracy"] <= high <= 1


class NeverPredicts:
    """Fails if it is used: options are checked before faces are predicted."""


def test_missing_columns_subjects_and_classes_are_named_before_faces_are_predicted(dataset):
    def refused(faces=dataset, classes=CLASSES, **options):
        with pytest.raises(InputError) as error:
            assess(NeverPredicts(), faces, classes, **options)
        return str(error.value)

    assert "further column of the csv (Gender), got 'age'" in refused(by=["age"])
    several = {f"column {number}": np.full(7, "") for number in range(2000)}
    assert len(refused(replace(dataset, attributes=several), by=["age"])) < 300
    assert "add a column subject" in refused(replace(dataset, subjects=np.full(7, "")), with_baseline=True)
    each_other = replace(dataset, subjects=np.arange(7).astype(str))
    assert "the 7 faces of made-up faces to score have none; score other data" in refused(
        each_other, with_baseline=True
    )
    assert "predicts neutral, got happy, sad, fear" in refused(classes=("happy", "sad", "fear"), with_baseline=True)


def test_words_of_too_many_values_make_no_groups(dataset):
    names = np.array([f"person {number}" for number in range(2000)])
    many = replace(
        made_up_dataset(667).take(np.arange(2000)), attributes={"name": names, "number": np.arange(2000).astype(str)}
    )
    with pytest.raises(InputError, match="at most 100 different words, or of numbers, and name has 2,000; choose"):
        groups_of_columns(many, ["number", "name"])


def test_columns_are_found_in_any_letter_case_and_once(dataset):
    attributes = {name: np.full(7, cell) for name, cell in {"Größe": "a", "g": "b", "G": "c", "g (7)": "d"}.items()}
    groups = groups_of_columns(replace(dataset, attributes=attributes), ["GRÖSSE", "G", "größe", "g", "G (7)"])
    assert {name: set(each) for name, each in groups.items()} == {
        "Größe": {"a"},
        "G": {"c"},
        "g": {"b"},
        "g (7)": {"d"},
    }


def test_columns_named_as_those_of_the_table_stay_apart(dataset):
    names = ["row", "happy", "predicted", "predicted_with_baseline", "image", "status", "Gender"]
    attributes = {name: np.full(7, f"cell of {name}") for name in names}
    _, table = assess(Predictor(), replace(dataset, attributes=attributes), CLASSES, with_baseline=True, by=names)
    assert table["row"].tolist() == dataset.rows[[0, 2, 3]].tolist()
    for name in names:
        column = name if name == "Gender" else f"{name} (data)"
        assert set(table[column]) == {f"cell of {name}"}


def test_numbers_of_many_values_become_ranges_of_similar_size():
    ages = np.array([str(age) for age in range(18, 48)] + ["NA", ""])
    names = group_names(ages).tolist()
    assert names[:30] == ["18 to 27"] * 10 + ["28 to 37"] * 10 + ["38 to 47"] * 10
    assert names[30:] == ["unknown"] * 2


def test_ranges_of_large_numbers_have_different_names():
    cells = np.array([str(10_000_001 + row) for row in range(9)])
    assert dict.fromkeys(group_names(cells).tolist()) == dict.fromkeys(
        ["10000001 to 10000003", "10000004 to 10000006", "10000007 to 10000009"]
    )
    assert group_names(np.array(["0.5"] * 4 + list("2345678"))).tolist()[:4] == ["0.5"] * 4


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["Female", "female", "FEMALE ", "male"], ["Female", "Female", "Female", "male"]),
        (["24", "24.0", "024", "7"], ["24", "24", "24", "7"]),
        (["24", "24.0", "seven"], ["24", "24.0", "seven"]),
        (["N/A", "?", "", "unknown", "Unknown "], ["unknown"] * 5),
        (["none", "round", "None", "n/a"], ["none", "round", "none", "unknown"]),
        (["none", "24", "30"], ["unknown", "24", "30"]),
        (["East\nAsian", "east  asian", " "], ["East Asian", "East Asian", "unknown"]),
    ],
)
def test_spellings_of_one_value_are_one_group(cells, names):
    assert group_names(np.array(cells)).tolist() == names


@pytest.mark.parametrize("cells", [["1", "2", "10", "2"], ["white", "black", "7"], []])
def test_words_and_few_numbers_stay(cells):
    assert group_names(np.array(cells, dtype=np.str_)).tolist() == cells
