"""Plots of evaluation results: each figure is a dataclass of values, computed apart from the drawing."""
