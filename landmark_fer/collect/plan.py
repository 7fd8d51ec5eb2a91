"""The plan of a collecting session: which takes are missing, and which expressions a model confuses most."""

from dataclasses import dataclass
from pathlib import Path

from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.core.expressions import expression_named

DEFAULT_EXPRESSIONS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear")
"""The expressions that are recorded by default, the easiest first."""


@dataclass(frozen=True)
class Confusion:
    """How well a model recognizes one expression.

    Attributes
    ----------
    recall : float
        Share of the expression's faces that are predicted correctly.
    n_faces : int
    mistaken_for : str
        The most frequent wrong prediction.
    share : float
        Share of the faces with that prediction.
    scored_on : str
        Name of the scored faces.
    """

    recall: float
    n_faces: int
    mistaken_for: str
    share: float
    scored_on: str

    def describe(self, expression):
        """Return the confusion as a clause."""
        return (
            f"the model predicts {self.recall:.0%} of {expression} correctly and mistakes {self.share:.0%} for "
            f"{self.mistaken_for} ({self.scored_on}, {self.n_faces:,} faces)"
        )


@dataclass(frozen=True)
class PlannedTake:
    """A take to record: the expression, its round, and the reason for its place in the plan (can be empty)."""

    expression: str
    round: int
    reason: str = ""


def read_confusions(manifest, source=""):
    """Return what a model confuses, from the manifest of its artifact.

    Parameters
    ----------
    manifest : dict
    source : str
        Name of the collection. Faces held out of it are preferred, then other test faces, then cross-validation.

    Returns
    -------
    dict of str to Confusion
        Expressions that were scored.
    """
    classes, scores = manifest["classes"], manifest.get("scores") or {}
    own = [name for name in scores if name == f"held out of {source}"]
    if (manifest.get("data") or {}).get("source") == source:
        own += [name for name in scores if name == "held out"]
    tables = [(name, scores[name].get("confusion")) for name in [*own, *scores]]
    rows = manifest.get("comparison") or []
    tables += [("out of fold", row.get("confusion")) for row in rows if row["name"] == manifest.get("model_name")]
    scored_on, table = next(((name, table) for name, table in tables if table), ("", None))
    return {} if table is None else _confusions(classes, table, scored_on)


def _confusions(classes, table, scored_on):
    confusions = {}
    for column, (name, row) in enumerate(zip(classes, table, strict=True)):
        wrong = [0 if other == column else count for other, count in enumerate(row)]
        if sum(row) and sum(wrong):
            worst = max(range(len(wrong)), key=wrong.__getitem__)
            recall, share = row[column] / sum(row), wrong[worst] / sum(row)
            confusions[name] = Confusion(recall, sum(row), classes[worst], share, scored_on)
        elif sum(row):
            confusions[name] = Confusion(1.0, sum(row), "nothing", 0.0, scored_on)
    return confusions


@dataclass(frozen=True)
class Planner:
    """Plans a subject's takes.

    Missing rounds come first, in order; within a round, the expressions that the model confuses most come first.
    If nothing is missing, expressions whose recall is below the model's mean get one more round.

    Attributes
    ----------
    rounds : int
        Takes of each expression.
    expressions : tuple of str
    confusions : dict of str to Confusion, optional
    """

    rounds: int
    expressions: tuple = DEFAULT_EXPRESSIONS
    confusions: dict | None = None

    def plan(self, counts):
        """Return the takes to record, in order, as a list of PlannedTake.

        Parameters
        ----------
        counts : dict of str to int
            Recorded takes by expression.
        """
        confusions = self.confusions or {}
        recalls = {name: confusion.recall for name, confusion in confusions.items()}
        unscored = 2.0  # sorts expressions without a score last
        order = sorted(self.expressions, key=lambda name: (recalls.get(name, unscored), self.expressions.index(name)))
        reasons = {name: confusions[name].describe(name) for name in order if recalls.get(name, unscored) < 1}
        missing = [
            PlannedTake(name, number, reasons.get(name, ""))
            for number in range(1, self.rounds + 1)
            for name in order
            if counts.get(name, 0) < number
        ]
        if missing or not recalls:
            return missing
        limit = min(sum(recalls.values()) / len(recalls), 1.0)
        return [
            PlannedTake(name, counts.get(name, 0) + 1, reasons[name])
            for name in order
            if recalls.get(name, unscored) < limit
        ]

    def plan_missing(self, takes):
        """Return the takes to record given a subject's takes, as from `read_takes`."""
        recorded = [take["expression"] for take in takes]
        return self.plan({name: recorded.count(name) for name in self.expressions})

    def describe(self, plan, *, subject, n_takes):
        """Return a summary of a plan, in lines."""
        if not plan:
            return [f"{subject} has {self.rounds} takes of each expression; --rounds {self.rounds + 2} plans more"]
        reasons = dict.fromkeys(take.reason for take in plan if take.reason)
        return [f"{subject}: {n_takes} takes are stored, {len(plan)} are left", *(f"  {text}" for text in reasons)]


def parse_expressions(text):
    """Return the expressions in a comma-separated list, each once; `DEFAULT_EXPRESSIONS` for None.

    Raises
    ------
    InputError
        If the list is empty or an entry is not an expression.
    """
    if text is None:
        return DEFAULT_EXPRESSIONS
    names = [name for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"--expressions must name expressions, got {text!r}; leave it out for all")
    return tuple(dict.fromkeys(expression_named(name) for name in names))


def find_confusions(path, model=None):
    """Return what a model confuses, and a message if no model was named and one was found.

    Parameters
    ----------
    path : path-like
        Folder of the collection.
    model : path-like, optional
        Artifact. By default the artifact that was fitted last, if it was fitted on this collection.

    Returns
    -------
    confusions : dict of str to Confusion
    message : str

    Raises
    ------
    ArtifactError
        If the named model cannot be read.
    """
    from landmark_fer.artifact.manifest import artifact_path, read_manifest
    from landmark_fer.fit.options import DEFAULT_OUT

    source = Path(path).resolve().name
    if model is not None:
        return read_confusions(read_manifest(artifact_path(model)), source), ""
    try:
        manifest = read_manifest(DEFAULT_OUT)
    except ArtifactError:
        return {}, ""
    fitted_on = str((manifest.get("data") or {}).get("source", "")).split(" + ")
    if source not in fitted_on:
        return {}, ""
    message = f"{DEFAULT_OUT} was fitted on {source}: the expressions that it confuses come first"
    return read_confusions(manifest, source), message
