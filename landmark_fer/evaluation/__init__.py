"""How good a model is, and how much of that is memory: folds, scores with intervals, comparison."""
