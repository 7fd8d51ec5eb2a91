"""Label review: training faces whose label an out-of-fold model or a near-duplicate contradicts."""

from dataclasses import dataclass

import pandas as pd

from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.datasets.readers.ferplus import majority
from landmark_fer.evaluation.label_errors import agreement_with_votes, contradicting_near_duplicates, label_errors

_SIDES = "suggestion", "label", "neither"
_CLEAREST = 1000


@dataclass(frozen=True, eq=False)
class LabelReview:
    """What a second look at the training labels found.

    Attributes
    ----------
    suspects : DataFrame
        As from `label_errors`; `row` is the face's row in the source.
    positions : ndarray of shape (m,), int
        Of the suspects among the training faces.
    near-duplicates : DataFrame
        As from `contradicting_near_duplicates`, with rows of the source.
    agreement, of_clearest : dict or None
        As from `agreement_with_votes`, where votes are known: of all suspects, and of the thousand that are
        contradicted most.
    learnt : bool
        Whether the model had learnt from such votes, so that they are no independent judge.
    """

    label_errors: pd.DataFrame
    positions: object
    near_duplicates: pd.DataFrame
    agreement: dict | None
    of_clearest: dict | None = None
    learnt: bool = False

    @property
    def text(self):
        """What was found, in a few sentences."""
        text = (
            f"{len(self.label_errors):,} training faces have a label that the chosen model, not having seen them, "
            f"contradicts; {len(self.near_duplicates):,} faces have a near-duplicate with another label."
        )
        if not (self.agreement and self.agreement["compared"]):
            return text
        text = f"{text} FER+, where it has a clear majority, {_sides(self.agreement)}"
        if self.of_clearest != self.agreement:
            text += f"; of the {_CLEAREST:,} that are contradicted most it {_sides(self.of_clearest)}"
        return f"{text}. The model had learnt from such votes." if self.learnt else f"{text}."


def review_labels(dataset, comparison, *, votes=None, cache=None):
    """Return the training faces whose labels deserve a second look; nothing is changed.

    Parameters
    ----------
    dataset : FaceDataset
    comparison : Comparison
        Its chosen candidate's out-of-fold answers are the second opinion.
    votes : ndarray of shape (n, m), optional
        FER+'s of the data set's faces; by default those that the models learnt from.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    LabelReview
    """
    training = comparison.split.training
    expressions, rows = dataset.expressions[training], dataset.rows[training]
    doubted = label_errors(expressions, comparison.results[comparison.chosen].probabilities, dataset.classes)
    positions = doubted["row"].to_numpy()
    judges = dataset.votes if votes is None else votes
    agreement = of_clearest = None
    if judges is not None:
        clear = majority(judges[training])
        agreement = agreement_with_votes(doubted, clear, classes=dataset.classes)
        of_clearest = agreement_with_votes(doubted[:_CLEAREST], clear, classes=dataset.classes)
    near_duplicates = contradicting_near_duplicates(
        expressions, find_near_duplicates(dataset, cache=cache).groups[training]
    )
    named = [table.assign(row=rows[table["row"].to_numpy()]) for table in (doubted, near_duplicates)]
    return LabelReview(named[0], positions, named[1], agreement, of_clearest, learnt=dataset.votes is not None)


def _sides(agreement):
    compared = agreement["compared"]
    if not compared:
        return "has nothing to say"
    model, label, neither = (100 * agreement[f"with_{side}"] / compared for side in _SIDES)
    return (
        f"sides with the model {model:.0f} %, with the label {label:.0f} % and with neither {neither:.0f} % of the time"
    )
