"""The search: what it tries, on how many faces, for how long; that it ends the same however often it was stopped."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform, randint
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline

import landmark_fer.evaluation.search as search_module
from landmark_fer.errors import DataError, InputError, SinkError
from landmark_fer.evaluation.comparison import comparison_rows
from landmark_fer.evaluation.search import search_candidates
from landmark_fer.evaluation.search_log import Measurement, MeasurementLog, pool
from landmark_fer.evaluation.search_plan import FEATURES, TimeLimit, draw_settings, plan_rungs
from landmark_fer.evaluation.search_report import format_search
from landmark_fer.evaluation.validation import cross_validate_candidates, make_folds
from landmark_fer.models.candidates import Candidate, make_candidates
from tests.conftest import made_up_faces

CLASSES = ("happy", "sad", "surprise")
N_EACH = 60  # three folds then leave 120 to train on, and the rungs have 15, 45 and 120


class Flat(TransformerMixin, BaseEstimator):
    """Landmarks in one row, times a factor; counts its fits in the process and the faces of each."""

    fitted = []

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Flat.fitted.append(len(X))
        return self

    def transform(self, X):
        return self.factor * X["landmarks"].reshape(len(X), -1)


class Blurred(ClassifierMixin, BaseEstimator):
    """Nearest mean face, of a picture that is the worse the larger `blur`; notes its fits, and stops when told."""

    fitted = []
    after = {}  # number of fits: what to do then

    def __init__(self, blur=40.0):
        self.blur = blur

    def fit(self, X, y):
        if self.blur < 0:
            raise ValueError("blur must not be negative\nsecond line")
        Blurred.fitted.append((self.blur, len(X)))
        Blurred.after.get(len(Blurred.fitted), Blurred.after.get("each", lambda: None))()
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == name].mean(axis=0) for name in self.classes_])
        return self

    def predict_proba(self, X):
        seen = X + self.blur * np.random.default_rng(0).normal(size=X.shape)
        scores = -np.linalg.norm(seen[:, None] - self.means_, axis=2)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def blurred(grid=None, **options):
    grid = {"classifier__blur": loguniform(0.1, 1000)} if grid is None else grid
    return Candidate(Pipeline([("features", Flat()), ("classifier", Blurred())]), grid, **options)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Rungs for few faces, and nothing noted yet."""
    monkeypatch.setattr("landmark_fer.evaluation.search_plan.FEWEST_FACES", 15)
    for noted in (Flat.fitted, Blurred.fitted, Blurred.after):
        noted.clear()


@pytest.fixture(scope="module")
def faces():
    """Records, expressions, and groups of two."""
    records, expressions = made_up_faces(N_EACH, chip_size=8)
    return records, expressions, np.arange(len(records)) // 2


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is moved."""
    clock = SimpleNamespace(now=0.0)
    for module in ("search_plan", "search_fits"):
        place = f"landmark_fer.evaluation.{module}.time"
        monkeypatch.setattr(place, SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


def search(faces, candidates=None, **options):
    options = {"n_folds": 3, "bar": False, "n_settings": 9} | options
    return search_candidates(candidates or {"blurred": blurred()}, *faces, CLASSES, **options)


def timeless(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


class TestSettings:
    def test_the_default_comes_first_and_all_are_different_plain_and_within_the_grid(self):
        grid = {"classifier__blur": loguniform(1, 10), "features__factor": randint(1, 9)}
        settings = draw_settings("a", blurred(grid), n_settings=12, random_state=0)
        assert len(settings) == len({setting.key for setting in settings}) == 12
        assert settings[0].is_default and settings[0].values == {"classifier__blur": 40.0, "features__factor": 1.0}
        for setting in settings[1:]:
            blur, factor = setting.values["classifier__blur"], setting.values["features__factor"]
            assert not setting.is_default and type(blur) is float and type(factor) is int
            assert 1 <= blur <= 10 and 1 <= factor < 9
            assert setting.candidate.grid == {} and setting.candidate.pipeline[-1].blur == blur

    def test_a_small_grid_is_taken_whole_and_the_default_once(self):
        for values, n in [([1.0, 2.0], 3), ([1.0, 40.0], 2), ([40.0], 1)]:
            assert len(draw_settings("a", blurred({"classifier__blur": values}), n_settings=9, random_state=0)) == n
        assert len(draw_settings("a", blurred({}), n_settings=9, random_state=0)) == 1

    def test_a_large_grid_is_drawn_from(self):
        grid = {"classifier__blur": np.arange(1.0, 50.0)}
        settings = draw_settings("a", blurred(grid), n_settings=9, random_state=0)
        assert len(settings) == 9 and {setting.values["classifier__blur"] for setting in settings} > {40.0}

    def test_the_draw_depends_on_the_random_state_alone(self):
        draws = [draw_settings("a", blurred(), n_settings=9, random_state=state) for state in (0, 0, 1)]
        first, again, other = ([setting.key for setting in settings] for settings in draws)
        assert first == again and first[1:] != other[1:] and first[0] == other[0]

    def test_features_that_are_equal_are_known_to_be(self):
        one, *others = draw_settings("a", blurred(), n_settings=9, random_state=0)
        assert {each.features for each in others} == {one.features}
        other = make_candidates(["dummy"], features="geometry")["dummy"]
        assert draw_settings("b", other, n_settings=1, random_state=0)[0].features != one.features

    def test_what_the_candidate_says_of_itself_is_kept(self):
        drawn = draw_settings(
            "a", blurred(fold_sample=50, blends=False, fields=("chip",)), n_settings=3, random_state=0
        )
        said = {(each.candidate.fold_sample, each.candidate.blends, each.candidate.fields) for each in drawn}
        assert said == {(50, False, ("chip",))}
        assert all(each.candidate.grid == {} for each in drawn)

    def test_what_it_cannot_draw_is_refused(self):
        with pytest.raises(InputError, match="grid of a must name parameters of its pipeline, got classifier__x"):
            draw_settings("a", blurred({"classifier__x": [1]}), n_settings=9, random_state=0)
        with pytest.raises(InputError, match="must be 1 or more, got 0"):
            draw_settings("a", blurred(), n_settings=0, random_state=0)


class TestRungs:
    @pytest.mark.parametrize(
        ("n", "fewest", "expected"),
        [
            (27, 15, [18]),
            (48, 15, [15, 32]),
            (900, 15, [67, 201, 600]),
            (1200, 1000, [800]),
            (30_000, 1000, [2223, 6669, 20_000]),
        ],
    )
    def test_faces_grow_threefold_from_a_ninth_or_the_fewest_to_all(self, monkeypatch, n, fewest, expected):
        monkeypatch.setattr("landmark_fer.evaluation.search_plan.FEWEST_FACES", fewest)
        expressions, everyone = np.repeat(CLASSES, n // 3), np.arange(n)
        folds = [(everyone[everyone % 3 != fold], everyone[everyone % 3 == fold]) for fold in range(3)]
        rungs = plan_rungs(expressions, folds)
        assert [rung.faces for rung in rungs] == expected and [rung.size for rung in rungs] == [*expected[:-1], None]
        assert [rung.number for rung in rungs] == list(range(1, len(expected) + 1))
        assert [rung.n_folds for rung in rungs] == [1] * (len(expected) - 1) + [3]

    def test_a_class_too_rare_to_draw_from_leaves_the_last_rung_alone(self):
        expressions = np.array(["happy"] * 98 + ["sad"] * 2)
        folds = make_folds(expressions, np.arange(100), n_folds=2)
        assert [rung.n_folds for rung in plan_rungs(expressions, folds)] == [2]


class TestTimeLimit:
    def test_an_unknown_work_has_no_expectation(self, clock):
        assert TimeLimit(1, 1).expect("svm", 100) is None

    def test_time_grows_as_measured_and_is_the_mean_of_what_was(self, clock):
        limit = TimeLimit(1, 1)
        limit.note("svm", 100, 1.0)
        limit.note("svm", 100, 3.0)
        assert limit.expect("svm", 100) == 2.0 and limit.expect("svm", 300) == pytest.approx(18)
        limit.note("svm", 300, 6.0)
        assert limit.expect("svm", 900) == pytest.approx(18)
        limit.note(FEATURES, 100, 1.0)
        assert limit.expect(FEATURES, 300) == pytest.approx(3)

    def test_growth_stays_within_reason(self, clock):
        limit = TimeLimit(1, 1)
        for name, seconds in [("falls", 0.5), ("leaps", 1000.0)]:
            limit.note(name, 100, 1.0)
            limit.note(name, 200, seconds)
        assert limit.expect("falls", 400) == 0.5 and limit.expect("leaps", 400) == pytest.approx(8000)

    def test_work_may_begin_if_it_would_end_in_time(self, clock):
        limit = TimeLimit(1, 2)
        assert limit.allows(120, 60) and not limit.allows(122, 60) and not limit.allows(62, 61)
        clock.now = 30
        assert limit.allows(60, 30) and not limit.allows(62, 30)
        assert TimeLimit(None, 1).allows(1e9, 1e9)

    @pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
    def test_a_limit_that_is_none_is_refused(self, minutes):
        with pytest.raises(InputError, match=f"minutes must be a positive number, got {minutes}"):
            TimeLimit(minutes, 1)


class TestLog:
    def test_what_was_added_is_there_again(self, tmp_path):
        path = tmp_path / "new" / "log.jsonl"
        log = MeasurementLog(path)
        kept = {"a": Measurement(3, 7, 0.1 + 0.2, 1 / 3), "b": Measurement(problem="no ünity\nat all")}
        for key, measurement in kept.items():
            log.add(key, measurement, model="svm", parameters={"gamma": np.float64(1)})
        again = MeasurementLog(path)
        assert {key: again.get(key) for key in kept} == kept and again.get("c") is None

    def test_a_line_cut_short_is_passed_over_and_the_next_begins_anew(self, tmp_path):
        path = tmp_path / "log.jsonl"
        log = MeasurementLog(path)
        log.add("a", Measurement(1, 2))
        log.add("b", Measurement(1, 2))
        path.write_bytes(path.read_bytes()[:-9])
        log = MeasurementLog(path)
        assert log.get("a") and log.get("b") is None
        log.add("c", Measurement(2, 2))
        again = MeasurementLog(path)
        assert again.get("a") and again.get("c") == Measurement(2, 2) and again.get("b") is None

    def test_lines_of_other_kinds_are_passed_over(self, tmp_path):
        path = tmp_path / "log.jsonl"
        path.write_bytes(b'\xff\xfe\n[]\n3\n{"key": "a"}\n{"key": "b", "colour": 1}\n{}\n')
        log = MeasurementLog(path)
        assert log.get("a") == Measurement() and log.get("b") is None

    def test_a_place_that_is_no_file_is_refused(self, tmp_path):
        with pytest.raises(SinkError, match="cannot be read and written"):
            MeasurementLog(tmp_path)
        (tmp_path / "file").touch()
        with pytest.raises(SinkError, match="name another file"):
            MeasurementLog(tmp_path / "file" / "log.jsonl")

    def test_measurements_are_pooled_by_their_faces(self):
        one, two = Measurement(1, 2, 1.0, 3.0), Measurement(6, 6, 2.0, 4.0)
        assert pool([one, two]) == Measurement(7, 8, 1.75, 7.0) and pool([one, two]).accuracy == 7 / 8
        failed = pool([one, Measurement(problem="why")])
        assert failed.problem == "why" and failed.accuracy is None and failed.interval is None


class TestSearch:
    def test_it_finds_better_than_the_default(self, faces):
        outcome = search(faces)
        (chosen,) = (row for row in outcome.rows if row["chosen"])
        (default,) = (row for row in outcome.rows if row["default"])
        assert chosen["rung"] == default["rung"] == 3 and chosen["accuracy"] > default["accuracy"] + 0.1
        best = outcome.best["blurred"]
        assert best.grid == {} and best.pipeline[-1].blur == chosen["parameters"]["classifier__blur"] < 40
        assert not hasattr(best.pipeline[-1], "means_")

    def test_the_last_rung_is_what_cross_validation_says(self, faces):
        records, expressions, groups = faces
        outcome = search(faces, {"a": blurred(fold_sample=80), "b": blurred()}, n_folds=4, random_state=3)
        folds = make_folds(expressions, groups, n_folds=4, random_state=3)
        options = {"random_state": 3, "bar": False}
        results = cross_validate_candidates(outcome.best, records, expressions, folds, CLASSES, **options)
        for by_hand in comparison_rows(results, expressions, CLASSES):
            (row,) = (row for row in outcome.rows if row["chosen"] and row["name"] == by_hand["name"])
            assert row["accuracy"] == by_hand["accuracy"] and row["accuracy_interval"] == by_hand["accuracy_interval"]
            assert row["log_loss"] == pytest.approx(by_hand["log_loss"])

    def test_each_rung_has_its_faces_and_the_best_third_and_the_default_go_on(self, faces):
        outcome = search(faces)
        assert Counter(size for _, size in Blurred.fitted) == {15: 9, 45: 4, 120: 3 * 3}
        assert Counter(row["rung"] for row in outcome.rows) == {1: 5, 2: 1, 3: 3}
        early = [row["accuracy"] for row in outcome.rows if row["rung"] == 1]
        assert early == sorted(early, reverse=True)

    def test_every_model_arrives_at_the_last_rung(self, faces):
        candidates = {"few": blurred({"classifier__blur": [30.0]}), "many": blurred()}
        outcome = search(faces, candidates)
        assert {row["name"] for row in outcome.rows if row["rung"] == 3} == {"few", "many"}
        assert [row["name"] for row in outcome.rows] == ["few"] * 2 + ["many"] * 9
        assert list(outcome.best) == ["few", "many"]

    def test_equal_features_are_fitted_once_a_fold_and_rung(self, faces):
        search(faces, {"a": blurred(), "b": blurred({"classifier__blur": [1.0, 2.0]})}, n_settings=12)
        assert Flat.fitted == [15, 45, 120, 120, 120]

    def test_different_features_are_searched_too(self, faces):
        outcome = search(faces, {"a": blurred({"features__factor": [1.0, 10.0, 1000.0]})})
        assert outcome.best["a"].pipeline[0].factor == 1000 and Flat.fitted.count(15) == 3

    @pytest.mark.slow
    def test_neither_jobs_nor_repetition_change_the_result(self, faces):
        candidates = {"a": blurred(), **make_candidates(["knn"], features="geometry")}
        one, again, two = (search(faces, candidates, jobs=jobs) for jobs in (1, 1, 2))
        assert timeless(one.rows) == timeless(again.rows) == timeless(two.rows)
        assert one.text == two.text and one.best["a"].pipeline[-1].blur == two.best["a"].pipeline[-1].blur

    def test_a_candidate_without_a_grid_is_left_as_it_is(self, faces):
        fixed = Candidate(Pipeline([("features", Flat(2.0)), ("classifier", Blurred())]), {})
        outcome = search(faces, {"fixed": fixed, "a": blurred({"classifier__blur": [1.0]})})
        row = outcome.rows[0]
        assert row["name"] == "fixed" and row["rung"] == 0 and row["accuracy"] is None and row["chosen"]
        assert outcome.best["fixed"].pipeline[-1].blur == 40 and len(Blurred.fitted) == 2 + 2 + 3 * 2
        assert "nothing to search" in search(faces, {"fixed": blurred({})}).text

    def test_the_text_says_what_was_done(self, faces):
        assert search(faces).text == (
            "Successive halving of settings (9 of blurred) on 15 faces of one fold, then 45 faces of one fold, then "
            "all (120) training faces of 3 folds; of each model the best third and the default went on."
        )

    def test_a_bar_is_drawn_on_stderr_alone_and_ends_full(self, faces, capsys):
        search(faces, bar=True)
        captured = capsys.readouterr()
        assert captured.out == "" and "rung 3 of 3" in captured.err and "100%" in captured.err

    def test_nothing_to_search_is_refused(self, faces):
        with pytest.raises(InputError, match="at least one candidate, got none"):
            search_candidates({}, *faces, CLASSES)
        with pytest.raises(InputError, match="minutes must be a positive number, got -1"):
            search(faces, minutes=-1)


class TestFailures:
    def test_a_setting_that_cannot_be_fitted_is_told_and_not_chosen(self, faces):
        outcome = search(faces, {"a": blurred({"classifier__blur": [-1.0, 1.0, -2.0]})})
        problems = {row["parameters"]["classifier__blur"]: row["problem"] for row in outcome.rows}
        assert problems == {40: "", 1: "", -1: "blur must not be negative", -2: "blur must not be negative"}
        assert outcome.best["a"].pipeline[-1].blur == 1 and outcome.rows[-1]["accuracy"] is None
        assert format_search(outcome).count("failed") == 2

    def test_a_model_that_can_never_be_fitted_is_named(self, faces):
        candidate = blurred({"classifier__blur": [-1.0, -2.0]})
        candidate.pipeline.set_params(classifier__blur=-3.0)
        with pytest.raises(DataError, match="one setting of a at least must be fitted on all faces, and none of 1"):
            search(faces, {"a": candidate})


class Killed(BaseException):
    """As when the process ends."""


def kill():
    raise Killed


class TestTakingUp:
    @pytest.mark.parametrize("fits", [1, 5, 9, 12, 20])
    def test_a_killed_search_ends_as_if_it_had_not_been(self, faces, tmp_path, fits):
        whole = search(faces)
        n_fits = len(Blurred.fitted)
        Blurred.fitted.clear()
        Blurred.after[fits] = kill
        with pytest.raises(Killed):
            search(faces, state=tmp_path / "state")
        lines = (tmp_path / "state").read_bytes().splitlines(keepends=True) if fits > 1 else []
        assert len(lines) == fits - 1
        Blurred.fitted.clear()
        Blurred.after.clear()
        taken_up = search(faces, state=tmp_path / "state")
        assert len(Blurred.fitted) == n_fits - (fits - 1)
        assert timeless(taken_up.rows) == timeless(whole.rows) and taken_up.text == whole.text

    def test_a_finished_search_is_not_repeated_and_its_table_is_the_same_to_the_second(self, faces, tmp_path):
        first = search(faces, state=tmp_path / "state")
        Blurred.fitted.clear()
        Flat.fitted.clear()
        again = search(faces, state=tmp_path / "state", jobs=2)
        assert Blurred.fitted == Flat.fitted == [] and again.rows == first.rows
        assert format_search(again) == format_search(first)

    def test_a_line_cut_short_is_measured_again(self, faces, tmp_path):
        first = search(faces, state=tmp_path / "state")
        (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-20])
        Blurred.fitted.clear()
        assert timeless(search(faces, state=tmp_path / "state").rows) == timeless(first.rows)
        assert len(Blurred.fitted) == 1

    def test_other_faces_folds_or_seeds_are_measured_anew_and_more_settings_only_where_new(self, faces, tmp_path):
        records, expressions, groups = faces
        search(faces, state=tmp_path / "state")
        moved = records.copy()
        moved["landmarks"][0] += 1
        for others, options in [
            ((moved, expressions, groups), {}),
            ((records, expressions, np.arange(180)), {}),
            (faces, {"random_state": 1}),
        ]:
            Blurred.fitted.clear()
            search(others, state=tmp_path / "state", **options)
            assert Counter(size for _, size in Blurred.fitted)[15] == 9
        Blurred.fitted.clear()
        search(faces, state=tmp_path / "state", n_settings=12)
        assert Counter(size for _, size in Blurred.fitted)[15] == 3


class TestShortOfTime:
    """A fit takes a second for each 15 faces: 1, 3, and 8 on each of the last rung's folds; 9 + 12 + 72 in all."""

    @pytest.fixture(autouse=True)
    def passing(self, clock):
        def pass_time():
            clock.now += Blurred.fitted[-1][1] / 15

        Blurred.after["each"] = pass_time

    def run(self, faces, seconds, **options):
        return search(faces, minutes=seconds / 60, **options)

    def test_enough_time_changes_nothing(self, faces, clock):
        outcome = self.run(faces, 94)
        assert clock.now == 93 and "cut" not in outcome.text
        assert outcome.rows == search(faces).rows

    def test_the_rung_before_decides_where_there_is_no_time_for_the_next(self, faces, clock):
        outcome = self.run(faces, 17)
        assert clock.now == 9 and {row["rung"] for row in outcome.rows} == {1}
        assert "cut it short: 4 settings were not tried on rung 2 of 3 (4 of blurred)." in outcome.text
        assert outcome.rows[0]["chosen"] and outcome.best["blurred"].pipeline[-1].blur < 40

    def test_what_is_begun_ends_within_the_limit_and_the_default_comes_second(self, faces, clock):
        for seconds, reached in [(68, [False]), (70, [False, True])]:
            clock.now = 0
            outcome = self.run(faces, seconds)
            assert clock.now <= seconds and f"{3 - len(reached)} settings were not tried" in outcome.text
            assert [row["default"] for row in outcome.rows if row["rung"] == 3] == reached

    def test_one_setting_alone_on_a_rung_decides_nothing(self, faces, clock, monkeypatch):
        seen = []
        decide = "landmark_fer.evaluation.search._rank"
        rank = search_module._rank
        monkeypatch.setattr(decide, lambda measured, rung, fits: seen.append(rung.number) or rank(measured, rung, fits))
        self.run(faces, 68)
        assert seen == [1, 2]

    def test_settings_that_time_forbids_are_counted(self, faces, clock):
        outcome = self.run(faces, 4)
        assert clock.now == 4 and Counter(row["rung"] for row in outcome.rows) == {1: 4, 0: 5}
        assert "5 settings were not tried on rung 1 of 3 (5 of blurred)" in outcome.text
        assert sum(" - " in line for line in format_search(outcome).splitlines()) >= 5

    def test_a_quicker_model_goes_on_where_a_slower_may_not(self, faces, clock):
        outcome = self.run(faces, 20, candidates={"slow": blurred(), "quick": blurred(fold_sample=5)})
        reached = {name: max(row["rung"] for row in outcome.rows if row["name"] == name) for name in outcome.best}
        assert reached == {"slow": 1, "quick": 3} and "(4 of slow)" in outcome.text

    def test_features_that_settings_share_are_counted_once(self, faces, clock, monkeypatch):
        fit = Flat.fit

        def slow_fit(self, X, y=None):
            clock.now += len(X) / 15 * 10
            return fit(self, X, y)

        monkeypatch.setattr(Flat, "fit", slow_fit)
        outcome = self.run(faces, 93 + 10 + 30 + 3 * 80 + 1)
        assert clock.now == 93 + 10 + 30 + 3 * 80 and "cut" not in outcome.text

    def test_next_time_it_goes_on_from_there(self, faces, clock, tmp_path):
        whole, runs = search(faces), []
        while not runs or "cut" in runs[-1].text:
            clock.now = 0
            runs.append(self.run(faces, 45, state=tmp_path / "state"))
        assert 2 <= len(runs) <= 4 and runs[-1].rows == whole.rows

    def test_no_time_at_all_keeps_the_defaults(self, faces, clock, monkeypatch):
        Blurred.after["each"] = lambda: setattr(clock, "now", clock.now + 1000)
        outcome = self.run(faces, 1, candidates={"a": blurred(), "b": blurred({"classifier__blur": [1.0]})})
        assert "Nothing was decided for" in outcome.text and len(Blurred.fitted) == 2
        assert [best.pipeline[-1].blur for best in outcome.best.values()] == [40, 40]


class TestTable:
    def test_a_line_for_each_setting_with_its_figures(self, faces):
        outcome = search(faces, {"a": blurred(), "fixed": blurred({})})
        heading, *lines = format_search(outcome).splitlines()
        assert heading.split()[:2] == ["setting", "rung"] and len(lines) == 10
        assert lines[0].startswith("a blur=") and "120" in lines[0] and "chosen" in lines[0]
        assert sum("default" in line for line in lines) == 2
        assert "-" in lines[-1] and lines[-1].startswith("fixed")

    def test_of_many_the_best_and_the_default(self, faces):
        lines = format_search(search(faces), most=1).splitlines()
        assert len(lines) == 3 and "chosen" in lines[1] and "default" in lines[2]
