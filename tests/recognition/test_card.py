"""The card says what the manifest says, and what a person must know."""

from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE
from landmark_fer.recognition.card import markdown_table, percent, render_card, summary_line


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


def test_without_known_twins_the_card_says_that_none_were_looked_for(saved):
    scores = saved.manifest["scores"]["PublicTest"] | {"accuracy_leak_free": None, "n_leak_free": None}
    card = render_card(saved.manifest | {"scores": {"PublicTest": scores}})
    assert "Twins were not looked for." in card
    assert "leak-free" not in summary_line("PublicTest", scores)


def test_shares_and_tables_as_text():
    assert percent(0.6134) == "61.3 %" and percent(None) == "-"
    assert markdown_table(("a", "b"), [("x", 1)]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"
