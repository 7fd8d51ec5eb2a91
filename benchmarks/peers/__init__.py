"""Comparison of landmark_fer with other software: see `__main__`."""
