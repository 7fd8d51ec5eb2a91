"""Label review: training faces whose label an out-of-fold model or a near-duplicate contradicts."""

from dataclasses import dataclass

import pandas as pd

from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.datasets.readers.ferplus import majority
from landmark_fer.evaluation.label_errors import agreement_with_votes, contradicting_near_duplicates, label_errors

_SIDES = "suggestion", "label", "neither"
_MOST_CONTRADICTED = 1000


@dataclass(frozen=True, eq=False)
class LabelReview:
    """Suspected label errors among the training faces.

    Attributes
    ----------
    label_errors : DataFrame
        As from `label_errors`; `row` is the face's row in the source.
    positions : ndarray of shape (m,), int
        Positions of these faces among the training faces.
    near_duplicates : DataFrame
        As from `contradicting_near_duplicates`, with rows of the source.
    agreement : dict or None
        As from `agreement_with_votes`; None without votes.
    agreement_at_top : dict or None
        The same for the thousand labels that the model contradicts most.
    fitted_on_votes : bool
        Whether the model was fitted on such votes, so that the votes are no independent check.
    """

    label_errors: pd.DataFrame
    positions: object
    near_duplicates: pd.DataFrame
    agreement: dict | None
    agreement_at_top: dict | None = None
    fitted_on_votes: bool = False

    @property
    def text(self):
        """The result in a few sentences."""
        text = (
            f"{len(self.label_errors):,} training faces have a label that the chosen model contradicts out of fold; "
            f"{len(self.near_duplicates):,} faces have a near-duplicate with another label."
        )
        if not (self.agreement and self.agreement["compared"]):
            return text
        text = f"{text} FER+ votes with a clear majority {_sides(self.agreement)}"
        if self.agreement_at_top != self.agreement:
            text += f"; of the {_MOST_CONTRADICTED:,} most contradicted labels, votes {_sides(self.agreement_at_top)}"
        return f"{text}. The model was fitted on such votes." if self.fitted_on_votes else f"{text}."


def review_labels(dataset, comparison, *, votes=None, cache=None):
    """Return the training faces with suspected label errors; no label is changed.

    Parameters
    ----------
    dataset : FaceDataset
    comparison : Comparison
        The chosen candidate's out-of-fold predictions are compared with the labels.
    votes : ndarray of shape (n, m), optional
        FER+ votes for the faces of the data set; by default those that the models were fitted on.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    LabelReview
    """
    training = comparison.split.training
    expressions, rows = dataset.expressions[training], dataset.rows[training]
    errors = label_errors(expressions, comparison.results[comparison.chosen].probabilities, dataset.classes)
    groups = find_near_duplicates(dataset, cache=cache).groups[training]
    near_duplicates = contradicting_near_duplicates(expressions, groups)
    votes = dataset.votes if votes is None else votes
    agreement = agreement_at_top = None
    if votes is not None:
        majorities = majority(votes[training])
        agreement = agreement_with_votes(errors, majorities, classes=dataset.classes)
        agreement_at_top = agreement_with_votes(errors[:_MOST_CONTRADICTED], majorities, classes=dataset.classes)
    return LabelReview(
        label_errors=errors.assign(row=rows[errors["row"].to_numpy()]),
        positions=errors["row"].to_numpy(),
        near_duplicates=near_duplicates.assign(row=rows[near_duplicates["row"].to_numpy()]),
        agreement=agreement,
        agreement_at_top=agreement_at_top,
        fitted_on_votes=dataset.votes is not None,
    )


def _sides(agreement):
    if not agreement["compared"]:
        return "decide none"
    model, label, neither = (100 * agreement[f"with_{side}"] / agreement["compared"] for side in _SIDES)
    return (
        f"agree with the model for {model:.0f} %, with the label for {label:.0f} % and with neither for {neither:.0f} %"
    )
