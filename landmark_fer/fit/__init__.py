"""``python -m landmark_fer.fit``: compare models on a data set, choose, refit, test, save."""
