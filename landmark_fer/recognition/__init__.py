"""Recognition: from an image to expressions, their explanation, smoothing over time and the neutral baseline."""

AUTO, KEY, OFF = BASELINES = ("auto", "key", "off")
"""Modes of the neutral baselines of tracks: found by itself, and recorded on request; only recorded; none."""
