"""Recognition: from an image to expressions, their explanation, smoothing over time and the neutral baseline."""
