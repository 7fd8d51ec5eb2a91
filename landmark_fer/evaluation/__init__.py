"""Evaluation: splits without leakage, scores with confidence intervals, comparisons and hyperparameter search."""
