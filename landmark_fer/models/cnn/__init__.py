"""Convolutional opponents: Keras networks behind the same contract; trained with Keras, run without it."""
