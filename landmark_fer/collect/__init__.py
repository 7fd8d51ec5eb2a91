"""``python -m landmark_fer.collect``: record labelled expressions of your own."""
