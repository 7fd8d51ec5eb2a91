"""The model card, rendered from a manifest, and scores as sentences and Markdown tables."""

from landmark_fer.core.templates import render_template
from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE

USE = {
    "purpose": "The model predicts the expression that a face shows. What the person feels does not follow from it "
    "(Barrett et al. 2019), and neither do character, honesty, health or intent. It is made for research, teaching, "
    "art and interfaces whose users know about it and agreed.",
    "limits": (
        "In the European Union, inferring emotions of people at work or in education is prohibited since 2 February "
        "2025 (AI Act, Art. 5(1)(f), except for medical and safety reasons), and people must be informed that such a "
        "system is used on them (Art. 50(3), since 2 August 2026).",
        "Known weaknesses: recognition is best on posed, frontal faces and worse on profiles, covered or dark faces, "
        "and children; fear, sadness and disgust are confused most; the labels of the training images are people's "
        "guesses, and the images do not represent mankind.",
        "Slight smiles are often read as neutral, men's more often than women's: on the London Set (22 women, 28 men; "
        "2026-11-29) the bundled default read 86 % of the women's smiling views as happy and 39 % of the men's, the "
        "bundled network 77 and 36 %; given each person's neutral face 100 and 93 %, and 100 and 86 %.",
    ),
}
"""What a model may and may not be used for, for the card and the reports."""

_CURVE_ROWS = 10


def percent(share):
    """Return a share as text, ``61.3 %``, or a dash for None."""
    return "-" if share is None else f"{100 * share:.1f} %"


def summary_line(name, scores):
    """Return the main scores of a set of faces as one sentence."""
    low, high = (percent(end) for end in scores["accuracy_interval"])
    same = scores["n_leak_free"] in (None, scores["n"])
    official = "" if same else " official"
    text = f"{name}: {scores['n']:,} faces, accuracy {percent(scores['accuracy'])}{official} ({low} to {high})"
    if scores["n_leak_free"] == scores["n"]:
        text += ", none with a near-duplicate in training"
    elif scores["accuracy_leak_free"] is not None:
        leak_free = percent(scores["accuracy_leak_free"])
        text += f", {leak_free} leak-free (the {scores['n_leak_free']:,} faces without a near-duplicate in training)"
    return (
        f"{text}; macro-F1 {percent(scores['macro_f1'])}, balanced accuracy {percent(scores['balanced_accuracy'])}, "
        f"log loss {scores['log_loss']:.3f}, calibration error {scores['ece']:.3f}"
    )


def rejection_line(rejection):
    """Return coverage and accuracy at the confidence threshold, as from `score_accepted`, as one sentence."""
    if rejection["threshold"] == 0:
        return "It always predicts an expression"
    text = (
        f"With a confidence of {percent(rejection['threshold'])} or more it predicts an expression for "
        f"{percent(rejection['coverage'])} of the faces, {percent(rejection['accuracy'])} of them correctly"
    )
    if rejection["coverage_leak_free"] is not None:
        coverage, accuracy = percent(rejection["coverage_leak_free"]), percent(rejection["accuracy_leak_free"])
        text += f"; for {coverage} of the leak-free faces, {accuracy} of them correctly"
    return text


def calibration_text(manifest):
    """Return how a model's probabilities were calibrated, without a verb; empty if they were not."""
    calibration = manifest.get("calibration")
    if not calibration:
        return ""
    method = "one temperature" if calibration["kind"] == "temperature" else "logistic regression"
    if "ensemble" in manifest:
        return f"{method} on the network's validation set"
    faces = "the validation set" if "network" in manifest else "out-of-fold predictions"
    members = f" of {', '.join(calibration['members'])}" if len(calibration["members"]) > 1 else ""
    return f"{method} on {faces}{members}"


def thinned_rows(n):
    """Return which rows of a curve of n points a table shows: every other one of many, always the last."""
    return range(n)[::-2][::-1] if n > _CURVE_ROWS else range(n)


def markdown_table(headings, rows):
    """Return a Markdown table; the first column is text, the others are numbers."""
    align = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (headings, align, *rows)) + "\n"


def render_card(manifest):
    """Return the model card of a manifest as Markdown."""
    return render_template(
        __package__,
        "card.md",
        manifest=manifest,
        calibration=calibration_text(manifest),
        percent=percent,
        table=markdown_table,
        thinned_rows=thinned_rows,
        use=USE,
        predictor_licence=PREDICTOR_LICENCE,
    )
