"""What a sitting begins with: which expressions there are to ask for, what a model confuses, and how that is said."""

from pathlib import Path

from landmark_fer.collect.plan import ASKED, read_confusions
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.core.expressions import expression_named


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
