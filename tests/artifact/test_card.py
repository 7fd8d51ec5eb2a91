"""The model card has the figures of the manifest, the limits of use and the licence."""

from landmark_fer.artifact.card import markdown_table, percent, rejection_line, render_card, summary_line
from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE


def test_the_saved_card_is_rendered_from_the_manifest(saved):
    assert (saved.path / "card.md").read_text(encoding="utf-8") == render_card(saved.manifest)


def test_the_card_holds_licence_law_and_limits(saved):
    card = render_card(saved.manifest)
    assert PREDICTOR_LICENCE in card and "excludes commercial use" in card
    for part in ("What the person feels does not follow", "Art. 5(1)(f)", "Known weaknesses"):
        assert part in card


def test_figures_are_the_manifests(saved):
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


def test_a_minimal_manifest_makes_a_card(saved):
    needed = ("classes", "model", "created", "versions")
    card = render_card({name: saved.manifest[name] for name in needed})
    assert "## Licence" in card and "Cross-validation" not in card and "None" not in card


def test_a_missing_near_duplicate_search_is_reported(saved):
    scores = saved.manifest["scores"]["PublicTest"] | {"accuracy_leak_free": None, "n_leak_free": None}
    card = render_card(saved.manifest | {"scores": {"PublicTest": scores}})
    assert "Near-duplicates were not searched for." in card
    assert "leak-free" not in summary_line("PublicTest", scores)


CURVE = [[share / 20, 1 - share / 25, 1 - share / 50] for share in range(1, 21)]
POINT = {"threshold": 0.42, "coverage": 0.81, "accuracy": 0.86}
REJECTION = {"target": 0.85, "min_coverage": 0.75, **POINT, "curve": CURVE}


def test_the_card_has_the_threshold_and_the_curve(saved):
    card = render_card(saved.manifest | {"rejection": REJECTION})
    for part in ("Below a confidence of 42.0 % it predicts uncertain", "the target is 85.0 % correct predictions"):
        assert part in card
    assert "for 81.0 % of the held-out training faces, and 86.0 % of these predictions were correct" in card
    assert f"calibration error is {saved.manifest['scores']['PublicTest']['ece']:.3f} on PublicTest" in card
    rows = card.split("| faces with a prediction |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(rows) == 10 and rows[-1] == "| 100.0 % | 20.0 % | 60.0 % |"


def test_an_unreached_target_and_a_zero_threshold_are_reported(saved):
    facts = REJECTION | {"accuracy": 0.6, "coverage": 1.0, "threshold": 0.0, "curve": [[1.0, 0.2, 0.6]]}
    card = render_card(saved.manifest | {"rejection": facts})
    assert "It always predicts an expression" in card and "does not reach for 75.0 % of the faces or more" in card
    assert "| 100.0 % | 20.0 % | 60.0 % |" in card


def test_a_card_without_rejection_has_no_threshold(saved):
    manifest = {key: value for key, value in saved.manifest.items() if key != "rejection"}
    assert "uncertain" not in render_card(manifest)


def test_the_rejection_line_has_leak_free_figures_if_known():
    scores = {"threshold": 0.7, "coverage": 0.4, "accuracy": 0.9, "coverage_leak_free": None}
    plain = "With a confidence of 70.0 % or more it predicts an expression for 40.0 % of the faces, "
    plain += "90.0 % of them correctly"
    assert rejection_line(scores) == plain
    scores |= {"coverage_leak_free": 0.3, "accuracy_leak_free": None}
    assert rejection_line(scores) == f"{plain}; for 30.0 % of the leak-free faces, - of them correctly"


def test_shares_and_tables():
    assert percent(0.6134) == "61.3 %" and percent(None) == "-"
    assert markdown_table(("a", "b"), [("x", 1)]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"
