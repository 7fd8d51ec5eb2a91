"""landmark_fer in the comparison: frames are read as in live, crops as in evaluate."""

import itertools
import sys

import cv2
from reporting import report

from landmark_fer import Recognizer, load_artifact
from landmark_fer.live.reader import LiveReader


def make(_):
    """Return the functions that predict the expression of a frame and of a cropped face."""
    cv2.setNumThreads(1)
    recognizer = Recognizer(load_artifact(sys.argv[2]), reject=None)
    reader, index = LiveReader(recognizer), itertools.count()

    def predict_frame(frame):
        faces = reader.read(frame, time_s=next(index) / 25)
        return faces[0].recognition.likeliest if faces else None

    def predict_face(face):
        return recognizer.recognize_faces([recognizer.extractor.extract_crop(face)])[0].likeliest

    return predict_frame, predict_face


if __name__ == "__main__":
    report(make)
