"""The model card: what a person should know before using an artifact, rendered from its manifest."""

from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE

CARE = """## Use, and what it must not be used for

The model names the expression that a face shows. What the person feels does not follow from it (Barrett et al. 2019),
and neither do character, honesty, health or intent. Made for research, teaching, art and interfaces whose users know
of it and agreed.

- In the European Union, inferring emotions of people at work or in education is prohibited since 2 February 2025 (AI
  Act, Art. 5(1)(f); medical and safety uses excepted), and people must be told that such a system reads them (Art.
  50(3), from 2 August 2026).
- Known weaknesses: posed, frontal faces are read best; profiles, covered or dark faces, and children are read worse;
  fear, sadness and disgust are confused most; the labels of the training images are people's guesses, and
  the images do not represent mankind.
"""


# What loading a model needs and risks, by its file's format; filled with the versions in its manifest.
_READS = {
    "both": "the aligned landmarks and the gradients of the aligned face",
    "geometry": "the landmarks alone",
    "hog": "the gradients of the aligned face",
    "pixels": "the pixels of the face",
}
_LICENCE = "The code is under the MIT licence; the data that a model learnt from have licences of their own."

_LOADING = {
    "joblib": "Fitted {day} with scikit-learn {scikit-learn}, which it needs to load; loading it runs what is in it, "
    "so take it only from people you trust",
    "skops": "Fitted {day} with scikit-learn {scikit-learn}, which it needs to load, with skops; loading it runs no "
    "code",
    "onnx": "Fitted {day} with scikit-learn {scikit-learn}, and needs onnxruntime alone to run, in any language",
    "network": "Trained until {day} with Keras {keras}; onnxruntime alone runs `model.onnx`, and loading it runs no "
    "code. `model.keras` is the same network, to train further",
}

_IMAGES = {
    "chip": "the aligned chip's middle {frame} pixels",
    "crop": "the detector's box with a margin of {margin:g}",
}
_COLOURS = {1: "grey", 3: "grey, three times over"}
_SCALINGS = {"standardised": "each with mean 0 and deviation 1"}

_CURVE_ROWS = 10  # of the table of confidence; a longer curve is shown every other point, the last always


def percent(share):
    """Return a share as text, ``61.3 %``, or a dash for None."""
    return "-" if share is None else f"{100 * share:.1f} %"


def summary_line(name, scores):
    """Return the main scores of a set of faces as one sentence."""
    low, high = (percent(end) for end in scores["accuracy_interval"])
    alike = scores["n_leak_free"] in (None, scores["n"])
    official = "" if alike else " official"
    text = f"{name}: {scores['n']:,} faces, accuracy {percent(scores['accuracy'])}{official} ({low} to {high})"
    if scores["n_leak_free"] == scores["n"]:
        text += ", none with a near-duplicate in training"
    elif scores["accuracy_leak_free"] is not None:
        clean = percent(scores["accuracy_leak_free"])
        text += f", {clean} leak-free (the {scores['n_leak_free']:,} faces without a near-duplicate in training)"
    return (
        f"{text}; macro-F1 {percent(scores['macro_f1'])}, balanced accuracy {percent(scores['balanced_accuracy'])}, "
        f"log loss {scores['log_loss']:.3f}, calibration error {scores['ece']:.3f}"
    )


def answered_line(rejection):
    """Return what a model answers of the faces that were scored, as from `score_accepted`, as one sentence."""
    if rejection["threshold"] == 0:
        return "It always names an expression"
    text = (
        f"With confidence of {percent(rejection['threshold'])} or more it answers {percent(rejection['coverage'])} of "
        f"the faces, and {percent(rejection['accuracy'])} of them rightly"
    )
    if rejection["coverage_leak_free"] is not None:
        clean = percent(rejection["coverage_leak_free"]), percent(rejection["accuracy_leak_free"])
        text += f"; of the leak-free ones {clean[0]}, and {clean[1]} rightly"
    return text


def markdown_table(headings, rows):
    """Return a Markdown table; the first column is text, the others numbers."""
    align = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (headings, align, *rows)) + "\n"


def render_card(manifest):
    """Return the card of a manifest as Markdown."""
    parts = [f"# Model card: {manifest.get('model_name', 'model')}\n", _origin(manifest), _network(manifest)]
    parts += [
        _scores(manifest),
        _rejection(manifest),
        _comparison(manifest),
        CARE,
        f"## Licence\n\n{_LICENCE} {PREDICTOR_LICENCE}\n",
    ]
    return "\n".join(part for part in parts if part)


def _origin(manifest):
    data = manifest.get("data", {})
    loading = _LOADING[manifest["model"].get("format", "joblib")]
    lines = [
        f"- Expressions: {', '.join(manifest['classes'])}.",
        f"- It reads {_READS.get(manifest.get('features'), 'features of its own')}; model: "
        f"{manifest.get('model_name', 'its own')}{_pool(manifest)}.",
        f"- Size: {manifest['model']['bytes'] / 1e6:.1f} MB. "
        f"{loading.format(day=manifest['created'][:10], **manifest['versions'])}.",
    ]
    if data:
        lines.append(
            f"- Data: {data['source']}, {data['n_training']:,} faces; the detector saw none in "
            f"{data['n_undetected']:,} of their images, so that the face was taken to lie where it usually does."
        )
        if data.get("votes"):
            lines.append(
                "- Beside the labels, FER+'s votes for the training faces were learnt from; no label was changed."
            )
        if data.get("n_label_errors_dropped"):
            lines.append(f"- {data['n_label_errors_dropped']:,} training faces with suspicious labels were left out.")
    if "command" in manifest:
        lines.append(f"- Made by `{manifest['command']}`, seed {manifest.get('seed')}.")
    return "\n".join(lines) + "\n"


def _pool(manifest):
    """Return how the model's answers were calibrated, as the end of a sentence."""
    calibration = manifest.get("calibration")
    if not calibration:
        return ""
    several = f" of {', '.join(calibration['members'])}" if len(calibration["members"]) > 1 else ""
    how = "one temperature" if calibration["kind"] == "temperature" else "a logistic regression"
    where = "watched faces" if "network" in manifest else "out-of-fold answers"
    return f"{several}, calibrated on {where} by {how}"


def _network(manifest):
    """Return what a network is and what it looks at, where the model is one."""
    network = manifest.get("network")
    if network is None or "architecture" not in network:
        return ""
    wanted, recipe = network["input"], network["recipe"]
    image = _IMAGES[wanted["image"]].format(**wanted)
    mirrored = ", the mean of the face's and the mirrored face's answers" if network["mirrored"] else ""
    lines = [
        f"- `{network['architecture']}`: {network['source']}; {network['parameters']:,} parameters.",
        f"- It looks at {image}, as {wanted['side']}x{wanted['side']} {_COLOURS[wanted['channels']]}, "
        f"{_SCALINGS.get(wanted['scaling'], wanted['scaling'])}{mirrored}.",
        f"- {network['epochs']} epochs of {recipe['epochs']} at most, batches of {recipe['batch_size']}, learning rate "
        f"{recipe['learning_rate']:g} ({recipe['schedule']}); temperature {network['temperature']:.3f}.",
    ]
    for earlier in network.get("earlier", []):
        lines.append(
            f"- It began where {earlier['epochs']} epochs at {earlier['learning_rate']:g} had ended: "
            f"`{earlier['command']}` (model {earlier['model_sha256'][:8]})."
        )
    if "curves.png" in manifest.get("files", {}):
        lines.append("- Loss and accuracy by epoch: `history.csv`.\n\n![Loss and accuracy by epoch](curves.png)")
    return "## Network\n\n" + "\n".join(lines) + "\n"


def _scores(manifest):
    texts = []
    for split, scores in manifest.get("scores", {}).items():
        low, high = scores["accuracy_interval"]
        rows = [
            ("accuracy, official", f"{percent(scores['accuracy'])} ({percent(low)} to {percent(high)})"),
            ("accuracy, leak-free: faces without a near-duplicate in training", percent(scores["accuracy_leak_free"])),
            ("macro-F1", percent(scores["macro_f1"])),
            ("balanced accuracy", percent(scores["balanced_accuracy"])),
            ("log loss", f"{scores['log_loss']:.3f}"),
            ("expected calibration error", f"{scores['ece']:.3f}"),
        ]
        classes = [
            (name, each["n"], percent(each["precision"]), percent(each["recall"]), percent(each["f1"]))
            for name, each in scores["per_class"].items()
        ]
        near_duplicates = scores["n"] - scores["n_leak_free"] if scores["n_leak_free"] is not None else None
        known = "Near-duplicates were not looked for."
        if near_duplicates is not None:
            verb = "has" if near_duplicates == 1 else "have"
            known = f"{near_duplicates:,} {verb} a near-duplicate among the training faces."
        texts.append(
            f"## {split}: {scores['n']:,} faces\n\n{known}\n\n{markdown_table(('score', 'value'), rows)}\n"
            + markdown_table(("expression", "faces", "precision", "recall", "F1"), classes)
        )
    return "\n".join(texts)


def _rejection(manifest):
    facts = manifest.get("rejection")
    if facts is None:
        return ""
    rule = f"Under a confidence of {percent(facts['threshold'])} it says uncertain"
    if facts["threshold"] == 0:
        rule = "It always names an expression"
    wanted = f"{percent(facts['target'])} of its answers should be right"
    if facts["accuracy"] < facts["target"]:
        wanted += ", which it does not reach for a useful share of faces; the threshold is where it comes closest"
    thinner = facts["curve"][::-2][::-1] if len(facts["curve"]) > _CURVE_ROWS else facts["curve"]
    rows = [(percent(coverage), percent(threshold), percent(right)) for coverage, threshold, right in thinner]
    errors = [f"{scores['ece']:.3f} on {split}" for split, scores in manifest.get("scores", {}).items()]
    calibration = f"Its expected calibration error is {', '.join(errors)}.\n\n" if errors else ""
    return (
        f"## Confidence, and when it says uncertain\n\n{rule}; {wanted}. It named an expression for "
        f"{percent(facts['coverage'])} of the training faces that it had not seen, and {percent(facts['accuracy'])} of "
        f"those answers were right. {calibration}"
        + markdown_table(("faces answered", "confidence, at least", "right"), rows)
    )


def _comparison(manifest):
    rows = [
        (
            row["name"],
            percent(row["macro_f1"]),
            percent(row["balanced_accuracy"]),
            percent(row["accuracy"]),
            f"{row['log_loss']:.3f}",
        )
        for row in manifest.get("comparison", [])
    ]
    if not rows:
        return ""
    table = markdown_table(("model", "macro-F1", "balanced", "accuracy", "log loss"), rows)
    heading = "Networks on the watched faces" if "network" in manifest else "Cross-validation"
    return f"## {heading}\n\n{manifest['folds']}\n\n{table}\n{manifest['choice']}\n"
