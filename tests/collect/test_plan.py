"""The plan: missing takes first, among them the expressions that a model confuses most, with the reason."""

from landmark_fer.collect.plan import DEFAULT_EXPRESSIONS, Planner, read_confusions

CLASSES = ["happy", "sad", "neutral"]
TABLE = [[9, 0, 1], [2, 5, 3], [1, 1, 8]]


def planned(takes):
    return [(take.expression, take.round) for take in takes]


def test_each_round_comes_before_the_next():
    takes = Planner(rounds=2).plan({})
    assert planned(takes) == [(name, number) for number in (1, 2) for name in DEFAULT_EXPRESSIONS]
    assert not any(take.reason for take in takes)


def test_stored_takes_are_not_planned_again():
    takes = Planner(rounds=2, expressions=("happy", "sad", "neutral")).plan({"happy": 2, "sad": 1})
    assert planned(takes) == [("neutral", 1), ("sad", 2), ("neutral", 2)]
    assert Planner(rounds=2).plan(dict.fromkeys(DEFAULT_EXPRESSIONS, 2)) == []


def test_the_most_confused_expression_comes_first_with_the_reason():
    confusions = read_confusions({"classes": CLASSES, "scores": {"PublicTest": {"confusion": TABLE}}})
    takes = Planner(rounds=1, expressions=CLASSES, confusions=confusions).plan({})
    assert planned(takes) == [("sad", 1), ("neutral", 1), ("happy", 1)]
    reason = "the model predicts 50% of sad correctly and mistakes 30% for neutral (PublicTest, 10 faces)"
    assert takes[0].reason == reason


def test_missing_rounds_come_before_confusions():
    confusions = read_confusions({"classes": CLASSES, "scores": {"PublicTest": {"confusion": TABLE}}})
    takes = Planner(rounds=2, expressions=CLASSES, confusions=confusions).plan({"sad": 1})
    assert planned(takes) == [("neutral", 1), ("happy", 1), ("sad", 2), ("neutral", 2), ("happy", 2)]


def test_if_nothing_is_missing_confused_expressions_get_another_round():
    confusions = read_confusions({"classes": CLASSES, "scores": {"PublicTest": {"confusion": TABLE}}})
    takes = Planner(rounds=2, expressions=CLASSES, confusions=confusions).plan(dict.fromkeys(CLASSES, 2))
    assert planned(takes) == [("sad", 3)]


def test_a_perfect_model_adds_nothing():
    confusions = read_confusions(
        {"classes": CLASSES, "scores": {"x": {"confusion": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]}}}
    )
    assert Planner(rounds=1, expressions=CLASSES, confusions=confusions).plan(dict.fromkeys(CLASSES, 1)) == []


def test_own_held_out_faces_are_preferred():
    perfect = {"confusion": [[5, 0, 0], [0, 5, 0], [0, 0, 5]]}
    scores = {"PublicTest": perfect, "held out of mine": {"confusion": TABLE}}
    manifest = {"classes": CLASSES, "scores": scores, "data": {"source": "fer + mine"}}
    assert read_confusions(manifest, "mine")["sad"].scored_on == "held out of mine"
    assert read_confusions(manifest, "other")["sad"].scored_on == "PublicTest"
    alone = {"classes": CLASSES, "scores": {"held out": {"confusion": TABLE}}, "data": {"source": "mine"}}
    assert read_confusions(alone, "mine")["sad"].scored_on == "held out"


def test_without_test_faces_cross_validation_is_used():
    manifest = {"classes": CLASSES, "model_name": "ls_svm", "comparison": [{"name": "ls_svm", "confusion": TABLE}]}
    assert read_confusions(manifest)["sad"].scored_on == "out of fold"
    assert read_confusions({"classes": CLASSES}) == {}


def test_expressions_without_faces_are_not_scored():
    table = [[0, 0, 0], [2, 5, 3], [1, 1, 8]]
    assert set(read_confusions({"classes": CLASSES, "scores": {"x": {"confusion": table}}})) == {"sad", "neutral"}
