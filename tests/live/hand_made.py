"""Faces and recognitions for tests."""

import numpy as np

from landmark_fer.core.records import Box, Face
from landmark_fer.live.sources.demo_textures import LANDMARKS
from landmark_fer.recognition.results import Recognition, RecognizedFace

CLASSES = ("angry", "happy", "neutral")


def make_face(x=100.0, y=80.0, side=120.0):
    """A face whose landmarks fill its box."""
    shape = (LANDMARKS - LANDMARKS.min(axis=0)) / np.ptp(LANDMARKS, axis=0)
    landmarks = (shape * side + (x, y)).astype(np.float32)
    return Face(Box(x, y, side, side), landmarks, np.zeros((80, 80), np.uint8), 1.0)


def make_recognition(expression="happy", confidence=0.7, **place):
    rest = (1 - confidence) / (len(CLASSES) - 1)
    probabilities = {name: confidence if name == expression else rest for name in CLASSES}
    return Recognition(make_face(**place), expression, confidence, probabilities)


def make_faces(*recognitions, versus=None):
    """The recognized faces of one frame, numbered from 1."""
    return [RecognizedFace(number, prediction, prediction, versus) for number, prediction in enumerate(recognitions, 1)]
