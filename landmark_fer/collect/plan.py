"""The plan of a session: which expressions are still missing or often confused, in which order."""

from dataclasses import dataclass
from pathlib import Path

from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, expression_named

ASKED = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear")
"""The expressions that are asked for unless others are, the easiest first."""


@dataclass(frozen=True)
class Confusion:
    """How well a model reads one expression.

    Attributes
    ----------
    recall : float
        Share of its faces that are read rightly.
    n_faces : int
    mistaken_for : str
        The most frequent wrong answer.
    share : float
        Of its faces.
    where : str
        The faces that were scored.
    """

    recall: float
    n_faces: int
    mistaken_for: str
    share: float
    where: str

    def sentence(self, expression):
        """Return it in words."""
        return (
            f"the model reads {self.recall:.0%} of {expression} rightly and takes {self.share:.0%} for "
            f"{self.mistaken_for} ({self.where}, {self.n_faces:,} faces)"
        )


@dataclass(frozen=True)
class Ask:
    """One expression to ask for, and why it is its turn; the reason may be empty."""

    expression: str
    round: int
    reason: str = ""


def read_confusions(manifest, source=""):
    """Return what a model confuses, by expression, from the manifest of its artifact.

    Parameters
    ----------
    manifest : dict
    source : str
        Name of the collection: faces held out of it say most, then other test faces, then those of cross-validation.

    Returns
    -------
    dict of str to Confusion
        Only expressions that were scored.
    """
    classes, scores = manifest["classes"], manifest.get("scores") or {}
    own = [name for name in scores if name == f"held out of {source}"]
    if (manifest.get("data") or {}).get("source") == source:
        own += [name for name in scores if name == "held out"]
    tables = [(name, scores[name].get("confusion")) for name in [*own, *scores]]
    rows = manifest.get("comparison") or []
    tables += [("out of fold", row.get("confusion")) for row in rows if row["name"] == manifest.get("model_name")]
    where, table = next(((name, table) for name, table in tables if table), ("", None))
    return {} if table is None else _confusions(classes, table, where)


def _confusions(classes, table, where):
    found = {}
    for column, (name, row) in enumerate(zip(classes, table, strict=True)):
        wrong = [0 if other == column else count for other, count in enumerate(row)]
        if sum(row) and sum(wrong):
            most = max(range(len(wrong)), key=wrong.__getitem__)
            found[name] = Confusion(row[column] / sum(row), sum(row), classes[most], wrong[most] / sum(row), where)
        elif sum(row):
            found[name] = Confusion(1.0, sum(row), "nothing", 0.0, where)
    return found


def plan_asks(counts, *, rounds, expressions=ASKED, confusions=None):
    """Return what to ask for, in order.

    Rounds that are missing come first, the first of them before the second; within a round, what the model confuses
    most comes first. Where nothing is missing, one more round is asked of the expressions that the model reads worse
    than it does on average.

    Parameters
    ----------
    counts : dict of str to int
        Takes that there are of each expression.
    rounds : int
    expressions : sequence of str
    confusions : dict of str to Confusion, optional

    Returns
    -------
    list of Ask
    """
    confusions = confusions or {}

    def recall(expression):
        return confusions[expression].recall if expression in confusions else 2.0  # what was never scored comes last

    order = sorted(expressions, key=lambda name: (recall(name), _place(name, expressions)))
    reasons = {name: confusions[name].sentence(name) for name in order if name in confusions and recall(name) < 1}
    asks = [
        Ask(name, number, reasons.get(name, ""))
        for number in range(1, rounds + 1)
        for name in order
        if counts.get(name, 0) < number
    ]
    if asks or not confusions:
        return asks
    mean = sum(known.recall for known in confusions.values()) / len(confusions)
    return [Ask(name, counts.get(name, 0) + 1, reasons[name]) for name in order if recall(name) < min(mean, 1.0)]


def plan_missing(takes, *, expressions=ASKED, **how):
    """Return what to ask somebody for, as `plan_asks` does, by their takes, as from `read_takes`."""
    kept = [take["expression"] for take in takes]
    return plan_asks({name: kept.count(name) for name in expressions}, expressions=expressions, **how)


def _place(name, expressions):
    return list(expressions).index(name), EXPRESSIONS.index(name)


def read_expressions(text):
    """Return the expressions in comma-separated words, each once; `ASKED` for None.

    Raises
    ------
    InputError
        If there is none, or one that is no expression.
    """
    if text is None:
        return ASKED
    words = [word for word in text.split(",") if word.strip()]
    if not words:
        raise InputError(f"--expressions must name some, got {text!r}; leave it out for all")
    return tuple(dict.fromkeys(expression_named(word) for word in words))


def find_confusions(path, model=None):
    """Return what a model confuses, by expression, and a sentence where no model was named and one was found.

    Parameters
    ----------
    path : path-like
        Of the collection.
    model : path-like, optional
        A fitted model. Without it the one that was fitted last, if it was fitted on this collection.

    Returns
    -------
    confusions : dict of str to Confusion
    sentence : str

    Raises
    ------
    ArtifactError
        If the model that was named cannot be read.
    """
    from landmark_fer.artifact.manifest import read_manifest
    from landmark_fer.fit.options import DEFAULT_OUT

    source = Path(path).resolve().name
    if model is not None:
        return read_confusions(read_manifest(model), source), ""
    try:
        manifest = read_manifest(DEFAULT_OUT)
    except ArtifactError:
        return {}, ""
    fitted_on = str((manifest.get("data") or {}).get("source", "")).split(" + ")
    if source not in fitted_on:
        return {}, ""
    sentence = f"{DEFAULT_OUT} was fitted on {source}: what it confuses is asked for first"
    return read_confusions(manifest, source), sentence


def say_plan(asks, *, subject, n_takes, rounds):
    """Return what is missing and why the first is first, in lines."""
    if not asks:
        return [f"{subject} has {rounds} takes of each expression; --rounds {rounds + 2} asks for more"]
    reasons = dict.fromkeys(ask.reason for ask in asks if ask.reason)
    return [f"{subject}: {n_takes} takes are there, {len(asks)} are asked for", *(f"  {reason}" for reason in reasons)]
