"""Collecting own faces: what is asked for, how it is shown, what of a film becomes a take."""
