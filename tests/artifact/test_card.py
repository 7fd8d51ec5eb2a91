"""The card says what the manifest says, and what a person must know."""

from landmark_fer.artifact.card import answered_line, markdown_table, percent, render_card, summary_line
from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE


def test_the_card_is_that_of_the_manifest(saved):
    assert (saved.path / "card.md").read_text(encoding="utf-8") == render_card(saved.manifest)


def test_the_card_holds_licence_law_and_limits(saved):
    card = render_card(saved.manifest)
    assert PREDICTOR_LICENCE in card and "excludes commercial use" in card
    for part in ("What the person feels does not follow", "Art. 5(1)(f)", "Known weaknesses"):
        assert part in card


def test_the_cards_figures_are_the_manifests(saved):
    card, scores = render_card(saved.manifest), saved.manifest["scores"]["PublicTest"]
    for key in ("accuracy", "accuracy_leak_free", "macro_f1", "balanced_accuracy"):
        assert percent(scores[key]) in card
    assert f"{scores['log_loss']:.3f}" in card and f"{scores['ece']:.3f}" in card
    assert f"## PublicTest: {scores['n']} faces" in card
    for name, each in scores["per_class"].items():
        assert f"| {name} | {each['n']} | {percent(each['precision'])} | {percent(each['recall'])} |" in card
    for row in saved.manifest["comparison"]:
        assert f"| {row['name']} | {percent(row['macro_f1'])} |" in card
    assert saved.manifest["choice"] in card and saved.manifest["folds"] in card
    assert ", ".join(saved.classes) in card


def test_a_card_of_a_model_without_scores_stands(saved):
    needed = ("classes", "model", "created", "versions")
    card = render_card({name: saved.manifest[name] for name in needed})
    assert "## Licence" in card and "Cross-validation" not in card and "None" not in card


def test_without_known_near_duplicates_the_card_says_that_none_were_looked_for(saved):
    scores = saved.manifest["scores"]["PublicTest"] | {"accuracy_leak_free": None, "n_leak_free": None}
    card = render_card(saved.manifest | {"scores": {"PublicTest": scores}})
    assert "Near-duplicates were not looked for." in card
    assert "leak-free" not in summary_line("PublicTest", scores)


CURVE = [[share / 20, 1 - share / 25, 1 - share / 50] for share in range(1, 21)]
REJECTION = {"target": 0.85, "threshold": 0.72, "coverage": 0.35, "accuracy": 0.86, "curve": CURVE}


def test_the_card_tells_when_it_says_uncertain_and_what_other_thresholds_give(saved):
    card = render_card(saved.manifest | {"rejection": REJECTION})
    for part in ("Under a confidence of 72.0 % it says uncertain", "85.0 % of its answers should be right"):
        assert part in card
    assert "for 35.0 % of the training faces that it had not seen, and 86.0 % of those answers were right" in card
    assert f"calibration error is {saved.manifest['scores']['PublicTest']['ece']:.3f} on PublicTest" in card
    rows = card.split("| faces answered |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(rows) == 10 and rows[-1] == "| 100.0 % | 20.0 % | 60.0 % |"


def test_the_card_says_that_the_target_is_not_reached_and_that_nothing_is_rejected(saved):
    facts = REJECTION | {"accuracy": 0.6, "coverage": 1.0, "threshold": 0.0, "curve": [[1.0, 0.2, 0.6]]}
    card = render_card(saved.manifest | {"rejection": facts})
    assert "It always names an expression" in card and "does not reach" in card
    assert "| 100.0 % | 20.0 % | 60.0 % |" in card


def test_a_card_of_a_model_without_rejection_says_nothing_of_it(saved):
    manifest = {key: value for key, value in saved.manifest.items() if key != "rejection"}
    assert "uncertain" not in render_card(manifest)


def test_what_is_answered_reads_well_with_and_without_near_duplicates():
    scores = {"threshold": 0.7, "coverage": 0.4, "accuracy": 0.9, "coverage_leak_free": None}
    plain = "With confidence of 70.0 % or more it answers 40.0 % of the faces, and 90.0 % of them rightly"
    assert answered_line(scores) == plain
    scores |= {"coverage_leak_free": 0.3, "accuracy_leak_free": None}
    assert answered_line(scores) == f"{plain}; of the leak-free ones 30.0 %, and - rightly"


def test_shares_and_tables_as_text():
    assert percent(0.6134) == "61.3 %" and percent(None) == "-"
    assert markdown_table(("a", "b"), [("x", 1)]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"
