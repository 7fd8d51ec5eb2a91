"""Saved models and what is done with them: artifacts, and from a image to recognitions."""
