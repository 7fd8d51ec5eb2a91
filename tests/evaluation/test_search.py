"""Tests of the hyperparameter search: settings tried and pruned, resuming, time limits."""

import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline

from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.core.probabilities import softmax
from landmark_fer.evaluation.comparison import comparison_rows
from landmark_fer.evaluation.cross_validation import cross_validate_candidates, make_folds
from landmark_fer.evaluation.search import search_candidates
from landmark_fer.evaluation.search_study import COMPLETE, FAILED, PRUNED, UNFINISHED
from landmark_fer.evaluation.tables import format_search
from landmark_fer.models.candidates import Candidate, make_candidates
from tests.conftest import made_up_faces
from tests.selection import slow

pytest.importorskip("optuna", reason="needs requirements-search.txt")

CLASSES = ("happy", "sad", "surprise")
N_EACH = 60  # three folds leave 120 faces to train on
BLURS = np.geomspace(0.1, 1000, 40)  # more than the search tries; the default is 40


class Flat(TransformerMixin, BaseEstimator):
    """Scaled landmarks as features; records the number of faces of each fit."""

    fitted = []

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Flat.fitted.append(len(X))
        return self

    def transform(self, X):
        return self.factor * X["landmarks"].reshape(len(X), -1)


class Blurred(ClassifierMixin, BaseEstimator):
    """Nearest mean face of features with noise of size `blur`; records its fits and runs hooks."""

    fitted = []
    after = {}  # functions to call, by number of fits

    def __init__(self, blur=40.0):
        self.blur = blur

    def fit(self, X, y):
        if self.blur is None or isinstance(self.blur, tuple) or self.blur < 0:
            raise ValueError("blur must not be negative\nsecond line")
        Blurred.fitted.append((self.blur, len(X)))
        Blurred.after.get(len(Blurred.fitted), Blurred.after.get("each", lambda: None))()
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == name].mean(axis=0) for name in self.classes_])
        return self

    def predict_proba(self, X):
        noisy = X + self.blur * np.random.default_rng(0).normal(size=X.shape)
        scores = -np.linalg.norm(noisy[:, None] - self.means_, axis=2)
        return softmax(scores)


def blurred(grid=None, **options):
    grid = {"classifier__blur": BLURS} if grid is None else grid
    return Candidate(Pipeline([("features", Flat()), ("classifier", Blurred())]), grid, **options)


@pytest.fixture(autouse=True)
def no_records():
    for records in (Flat.fitted, Blurred.fitted, Blurred.after):
        records.clear()


@pytest.fixture(scope="module")
def faces():
    """Records, expressions, and groups of two."""
    records, expressions = made_up_faces(N_EACH, chip_size=8)
    return records, expressions, np.arange(len(records)) // 2


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    clock = SimpleNamespace(now=0.0)
    now = SimpleNamespace(monotonic=lambda: clock.now, perf_counter=lambda: clock.now)
    monkeypatch.setattr("landmark_fer.evaluation.search.time", now)
    return clock


def search(faces, candidates=None, **options):
    options = {"n_folds": 3, "bar": False, "n_settings": 12} | options
    return search_candidates(candidates or {"blurred": blurred()}, *faces, CLASSES, **options)


def timeless(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def blurs(rows, state):
    return {row["parameters"]["classifier__blur"] for row in rows if row["state"] == state}


class TestSearch:
    def test_the_default_is_tried_first_and_on_all_folds(self, faces):
        search(faces)
        tried = [blur for blur, _ in Blurred.fitted]
        assert tried[:3] == [40.0] * 3 and tried[3] != 40
        assert all(count in (1, 2, 3) for count in Counter(tried).values()) and len(set(tried)) == 12

    def test_a_better_setting_than_the_default_is_chosen(self, faces):
        outcome = search(faces)
        (chosen,) = (row for row in outcome.rows if row["chosen"])
        (default,) = (row for row in outcome.rows if row["default"])
        assert chosen["state"] == default["state"] == COMPLETE and chosen["accuracy"] > default["accuracy"] + 0.1
        best = outcome.best["blurred"]
        assert best.grid == {} and best.pipeline[-1].blur == chosen["parameters"]["classifier__blur"] < 40
        assert not hasattr(best.pipeline[-1], "means_")

    def test_the_best_default_is_kept(self, faces):
        candidate = blurred({"classifier__blur": [500.0, 1000.0, 2000.0]})
        candidate.pipeline.set_params(classifier__blur=0.1)
        outcome = search(faces, {"a": candidate})
        assert outcome.rows[0]["default"] and outcome.rows[0]["chosen"] and "a keeps its defaults." in outcome.text
        assert outcome.best["a"].pipeline[-1].blur == 0.1

    def test_settings_below_the_median_are_pruned(self, faces):
        outcome = search(faces)
        pruned, complete = blurs(outcome.rows, PRUNED), blurs(outcome.rows, COMPLETE)
        assert pruned and max(complete - {40.0}) < min(pruned) and len(complete) + len(pruned) == 12
        fits = Counter(blur for blur, _ in Blurred.fitted)
        assert all(fits[blur] < 3 for blur in pruned) and all(fits[blur] == 3 for blur in complete)
        assert f"{len(complete)} were measured on all folds, {len(pruned)} pruned before the last" in outcome.text

    def test_the_accuracy_is_that_of_cross_validation(self, faces):
        records, expressions, groups = faces
        candidates = {"a": blurred(fold_sample=60), "b": blurred(fold_sample=90)}
        outcome = search(faces, candidates, n_folds=4, random_state=3)
        folds = make_folds(expressions, groups, n_folds=4, random_state=3)
        options = {"random_state": 3, "bar": False}
        results = cross_validate_candidates(outcome.best, records, expressions, folds, CLASSES, **options)
        for by_hand in comparison_rows(results, expressions, CLASSES):
            (row,) = (row for row in outcome.rows if row["chosen"] and row["name"] == by_hand["name"])
            assert row["accuracy"] == by_hand["accuracy"] and row["accuracy_interval"] == by_hand["accuracy_interval"]
            assert row["log_loss"] == pytest.approx(by_hand["log_loss"])

    def test_a_small_grid_is_tried_completely(self, faces):
        grid = {"classifier__blur": [1.0, 30.0, 40.0], "features__factor": [1.0, 2.0]}
        rows = search(faces, {"a": blurred(grid)}).rows
        tried = {tuple(row["parameters"].values()) for row in rows}
        assert len(rows) == len(tried) == 6 and tried == {(b, f) for b in (1.0, 30.0, 40.0) for f in (1.0, 2.0)}

    def test_parameters_keep_their_types(self, faces):
        grid = {"classifier__blur": [np.float64(1), None, (3, 4)], "features__factor": np.array([1.0, 2.0])}
        rows = search(faces, {"a": blurred(grid)}).rows
        assert {type(row["parameters"]["features__factor"]) for row in rows} == {float}
        assert {row["parameters"]["classifier__blur"] for row in rows} == {40.0, 1.0, None, "(3, 4)"}

    def test_equal_features_are_computed_once_per_fold(self, faces):
        search(faces, {"a": blurred(), "b": blurred({"classifier__blur": [1.0, 2.0]})})
        assert Flat.fitted == [120] * 3

    def test_parameters_of_features_are_searched(self, faces):
        outcome = search(faces, {"a": blurred({"features__factor": [10.0, 1000.0]})})
        assert outcome.best["a"].pipeline[0].factor == 1000

    def test_the_settings_depend_on_the_seed(self, faces):
        one, again, other = (search(faces, random_state=seed) for seed in (0, 0, 1))
        assert timeless(one.rows) == timeless(again.rows) and one.text == again.text
        tried = [{row["parameters"]["classifier__blur"] for row in each.rows} for each in (one, other)]
        assert tried[0] != tried[1] and 40.0 in tried[0] & tried[1]

    @pytest.mark.slow
    def test_jobs_do_not_change_the_result(self, faces):
        candidates = {"a": blurred(), **make_candidates(["embedding_knn"], features="geometry")}
        one, two = (search(faces, candidates, jobs=jobs, n_settings=6) for jobs in (1, 2))
        assert timeless(one.rows) == timeless(two.rows) and one.text == two.text

    def test_a_candidate_without_a_grid_is_not_searched(self, faces):
        outcome = search(faces, {"fixed": blurred({}), "a": blurred({"classifier__blur": [1.0]})})
        row = outcome.rows[0]
        assert row["name"] == "fixed" and row["folds"] == 0 and row["accuracy"] is None and row["chosen"]
        assert outcome.best["fixed"].pipeline[-1].blur == 40 and len(Blurred.fitted) == 2 * 3
        assert "fixed" not in outcome.text and "nothing to search" in search(faces, {"fixed": blurred({})}).text

    def test_the_text_reports_settings_and_gains(self, faces):
        outcome = search(faces, {"a": blurred({"classifier__blur": [1.0, 2000.0]})})
        accuracy = {row["parameters"]["classifier__blur"]: 100 * row["accuracy"] for row in outcome.rows}
        assert outcome.text == (
            "Optuna tried 3 settings (3 of a) on 3 folds: 2 were measured on all folds, 1 pruned before the last. "
            f"a: {accuracy[1]:.1f} % with blur=1, {accuracy[40]:.1f} % with the defaults. "
            "The accuracy of a chosen setting is slightly optimistic, since the same folds chose it."
        )

    def test_only_the_progress_bar_is_written_to_stderr(self, faces, capsys):
        search(faces, bar=True)
        captured = capsys.readouterr()
        assert captured.out == "" and "12/12" in captured.err and "Trial" not in captured.err

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"candidates": {"a": blurred({"classifier__x": [1]})}}, "grid of a must name parameters .* classifier__x"),
            ({"n_settings": 0}, "must be 1 or more, got 0"),
            *(({"minutes": each}, f"minutes must be a positive number, got {each}") for each in (0, -1, float("nan"))),
        ],
    )
    def test_invalid_arguments_are_refused(self, faces, options, sentence):
        with pytest.raises(InputError, match=sentence):
            search(faces, **options)

    def test_no_candidate_is_refused(self, faces):
        with pytest.raises(InputError, match="at least one candidate, got none"):
            search_candidates({}, *faces, CLASSES)


class TestFailures:
    def test_failing_settings_are_reported_and_not_chosen(self, faces):
        outcome = search(faces, {"a": blurred({"classifier__blur": [-1.0, 1.0, -2.0]})})
        problems = {row["parameters"]["classifier__blur"]: row["problem"] for row in outcome.rows}
        assert problems == {40: "", 1: "", -1: "blur must not be negative", -2: "blur must not be negative"}
        assert outcome.best["a"].pipeline[-1].blur == 1 and blurs(outcome.rows, FAILED) == {-1, -2}
        assert outcome.rows[-1]["accuracy"] is None and "2 could not be fitted" in outcome.text
        assert format_search(outcome).count("failed") == 2

    def test_a_failing_default_is_replaced(self, faces):
        candidate = blurred({"classifier__blur": [1.0, 2.0]})
        candidate.pipeline.set_params(classifier__blur=-3.0)
        outcome = search(faces, {"a": candidate})
        assert outcome.best["a"].pipeline[-1].blur in (1, 2) and "the defaults could not be fitted" in outcome.text

    def test_a_candidate_without_a_working_setting_is_refused(self, faces):
        candidate = blurred({"classifier__blur": [-1.0, -2.0]})
        candidate.pipeline.set_params(classifier__blur=-3.0)
        with pytest.raises(DataError, match="one setting of a must be fitted on all folds, and none of 3 could be"):
            search(faces, {"a": candidate})

    @pytest.mark.slow
    def test_without_optuna_the_message_has_the_command_to_install_it(self, tmp_path):
        code = "import sys; sys.modules['optuna'] = None; from landmark_fer.fit.__main__ import main; sys.exit(main())"
        words = (
            "--data",
            tmp_path / "is not there",
            "--models",
            "embedding_knn",
            "--search",
            "--out",
            tmp_path / "model",
        )
        done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
        assert "--search needs the package optuna" in done.stderr
        assert "pip install -r requirements-search.txt" in done.stderr


class Killed(BaseException):
    """Simulates the end of the process."""


def kill():
    raise Killed


class TestResuming:
    @pytest.mark.parametrize("grid", [None, {"classifier__blur": [1.0, 30.0, 500.0], "features__factor": [1.0, 2.0]}])
    @pytest.mark.parametrize("fits", [1, *slow(3, 5), 9, 14])
    def test_a_killed_search_resumes_without_repeating_fits(self, faces, tmp_path, fits, grid):
        candidates, state = {"a": blurred(grid)}, tmp_path / "state"
        whole = search(faces, candidates)
        n_fits = len(Blurred.fitted)
        Blurred.fitted.clear()
        Blurred.after[fits] = kill
        with pytest.raises(Killed):
            search(faces, candidates, state=state)
        Blurred.fitted.clear()
        Blurred.after.clear()
        resumed = search(faces, candidates, state=state)
        assert len(Blurred.fitted) == n_fits - (fits - 1)
        assert timeless(resumed.rows) == timeless(whole.rows) and resumed.text == whole.text

    def test_a_finished_search_is_not_repeated(self, faces, tmp_path):
        first = search(faces, state=tmp_path / "state")
        Blurred.fitted.clear()
        Flat.fitted.clear()
        again = search(faces, state=tmp_path / "state", jobs=2)
        assert Blurred.fitted == Flat.fitted == []
        assert again.rows == first.rows and format_search(again) == format_search(first)

    @pytest.mark.parametrize("cut", [1, 20, 400])
    def test_a_journal_that_ends_within_a_line_resumes(self, faces, tmp_path, cut):
        first = search(faces, state=tmp_path / "state")
        (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-cut])
        assert timeless(search(faces, state=tmp_path / "state").rows) == timeless(first.rows)

    def test_other_faces_folds_seeds_or_grids_are_measured_again(self, faces, tmp_path):
        records, expressions, groups = faces
        search(faces, state=tmp_path / "state")
        moved = records.copy()
        moved["landmarks"][0] += 1
        for others, options in [
            ((moved, expressions, groups), {}),
            ((records, expressions, np.arange(180)), {}),
            (faces, {"random_state": 1}),
            (faces, {"candidates": {"blurred": blurred({"classifier__blur": BLURS[:30]})}}),
        ]:
            Blurred.fitted.clear()
            search(others, state=tmp_path / "state", **options)
            assert [blur for blur, _ in Blurred.fitted[:3]] == [40.0] * 3

    @pytest.mark.parametrize("content", [b"[]\n", b"3\n", b"\xff\xfe\n{}\n", b'{"op_code": 99}\n{"a": 1}\n'])
    def test_files_that_are_not_a_journal_are_refused_and_unchanged(self, faces, tmp_path, content):
        (tmp_path / "state").write_bytes(content)
        with pytest.raises(InputError, match=r"must be a journal of Optuna, .* delete it to begin the search again"):
            search(faces, state=tmp_path / "state")
        assert (tmp_path / "state").read_bytes() == content

    def test_paths_that_are_not_files_are_refused(self, faces, tmp_path):
        (tmp_path / "file").touch()
        for state in (tmp_path, tmp_path / "file" / "state"):
            with pytest.raises(SinkError, match="cannot be read and written"):
                search(faces, state=state)


class TestMinutes:
    """A fit takes one second."""

    @pytest.fixture(autouse=True)
    def passing(self, clock):
        def pass_time():
            clock.now += 1

        Blurred.after["each"] = pass_time

    def run(self, faces, seconds, **options):
        return search(faces, minutes=seconds / 60, **options)

    def test_enough_time_changes_nothing(self, faces):
        assert self.run(faces, 1000).rows == search(faces).rows

    def test_no_fit_starts_after_the_limit(self, faces, clock):
        outcome = self.run(faces, 9)
        assert clock.now == 9 == len(Blurred.fitted)
        assert outcome.rows[0]["chosen"] and outcome.rows[0]["folds"] == 3 and blurs(outcome.rows, UNFINISHED)
        assert "The limit of 0.15 minutes ended the search of blurred early; the same command resumes" in outcome.text

    def test_incomplete_settings_are_not_chosen(self, faces):
        outcome = self.run(faces, 4, candidates={"a": blurred({"classifier__blur": [1.0]})})
        assert [row["state"] for row in outcome.rows] == [COMPLETE, UNFINISHED]
        assert outcome.rows[1]["accuracy"] > outcome.rows[0]["accuracy"]
        assert outcome.best["a"].pipeline[-1].blur == 40 and "a keeps its defaults" in outcome.text

    def test_defaults_are_kept_without_time(self, faces):
        outcome = self.run(faces, 1, candidates={"a": blurred(), "b": blurred({"classifier__blur": [1.0]})})
        assert [best.pipeline[-1].blur for best in outcome.best.values()] == [40, 40]
        assert len(Blurred.fitted) == 1 and "ended the search of a, b early" in outcome.text

    def test_the_next_run_resumes(self, faces, clock, tmp_path):
        whole, runs = search(faces), []
        while not runs or "early" in runs[-1].text:
            clock.now = 0
            runs.append(self.run(faces, 7, state=tmp_path / "state"))
        assert len(runs) > 2 and timeless(runs[-1].rows) == timeless(whole.rows)


class TestTable:
    def test_the_table_has_one_row_per_setting(self, faces):
        outcome = search(faces, {"a": blurred(), "fixed": blurred({})})
        heading, *lines = format_search(outcome).splitlines()
        assert heading.split()[:2] == ["setting", "folds"] and len(lines) == 13
        assert lines[0].startswith("a blur=") and lines[0].endswith("chosen")
        assert sum("default" in line for line in lines) == 2 and sum("pruned" in line for line in lines) > 1
        assert lines[-1].startswith("fixed") and lines[-1].endswith("not searched")

    def test_the_table_can_be_limited_to_the_best_and_the_default(self, faces):
        lines = format_search(search(faces), most=1).splitlines()
        assert len(lines) == 3 and "chosen" in lines[1] and "default" in lines[2]
