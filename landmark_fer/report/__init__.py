"""``python -m landmark_fer.report``: write the report of a saved model again."""
