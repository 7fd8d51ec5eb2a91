"""The plan: what is missing first, what a model confuses first of that, and the reason in words."""

from landmark_fer.collect.plan import ASKED, plan_asks, read_confusions

CLASSES = ["happy", "sad", "neutral"]
TABLE = [[9, 0, 1], [2, 5, 3], [1, 1, 8]]


def asked(asks):
    return [(ask.expression, ask.round) for ask in asks]


def test_every_round_is_asked_for_before_the_next():
    asks = plan_asks({}, rounds=2)
    assert asked(asks) == [(name, number) for number in (1, 2) for name in ASKED]
    assert not any(ask.reason for ask in asks)


def test_what_is_there_is_not_asked_for_again():
    asks = plan_asks({"happy": 2, "sad": 1}, rounds=2, expressions=("happy", "sad", "neutral"))
    assert asked(asks) == [("neutral", 1), ("sad", 2), ("neutral", 2)]
    assert plan_asks(dict.fromkeys(ASKED, 2), rounds=2) == []


def test_what_the_model_confuses_most_comes_first_and_says_why():
    confusions = read_confusions({"classes": CLASSES, "scores": {"PublicTest": {"confusion": TABLE}}})
    asks = plan_asks({}, rounds=1, expressions=CLASSES, confusions=confusions)
    assert asked(asks) == [("sad", 1), ("neutral", 1), ("happy", 1)]
    assert asks[0].reason == "the model reads 50% of sad rightly and takes 30% for neutral (PublicTest, 10 faces)"


def test_missing_rounds_come_before_confusions():
    confusions = read_confusions({"classes": CLASSES, "scores": {"PublicTest": {"confusion": TABLE}}})
    asks = plan_asks({"sad": 1}, rounds=2, expressions=CLASSES, confusions=confusions)
    assert asked(asks) == [("neutral", 1), ("happy", 1), ("sad", 2), ("neutral", 2), ("happy", 2)]


def test_where_nothing_is_missing_only_what_is_confused_is_asked_for():
    confusions = read_confusions({"classes": CLASSES, "scores": {"PublicTest": {"confusion": TABLE}}})
    asks = plan_asks(dict.fromkeys(CLASSES, 2), rounds=2, expressions=CLASSES, confusions=confusions)
    assert asked(asks) == [("sad", 3)]


def test_a_model_without_a_mistake_asks_for_nothing():
    confusions = read_confusions(
        {"classes": CLASSES, "scores": {"x": {"confusion": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]}}}
    )
    assert plan_asks(dict.fromkeys(CLASSES, 1), rounds=1, expressions=CLASSES, confusions=confusions) == []


def test_own_held_out_faces_say_most():
    perfect = {"confusion": [[5, 0, 0], [0, 5, 0], [0, 0, 5]]}
    scores = {"PublicTest": perfect, "held out of mine": {"confusion": TABLE}}
    manifest = {"classes": CLASSES, "scores": scores, "data": {"source": "fer + mine"}}
    assert read_confusions(manifest, "mine")["sad"].where == "held out of mine"
    assert read_confusions(manifest, "other")["sad"].where == "PublicTest"
    alone = {"classes": CLASSES, "scores": {"held out": {"confusion": TABLE}}, "data": {"source": "mine"}}
    assert read_confusions(alone, "mine")["sad"].where == "held out"


def test_out_of_fold_where_there_are_no_test_faces():
    manifest = {"classes": CLASSES, "model_name": "ls_svm", "comparison": [{"name": "ls_svm", "confusion": TABLE}]}
    assert read_confusions(manifest)["sad"].where == "out of fold"
    assert read_confusions({"classes": CLASSES}) == {}


def test_expressions_without_faces_were_not_scored():
    table = [[0, 0, 0], [2, 5, 3], [1, 1, 8]]
    assert set(read_confusions({"classes": CLASSES, "scores": {"x": {"confusion": table}}})) == {"sad", "neutral"}
