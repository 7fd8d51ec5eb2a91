"""landmark_fer as a peer: a video's frames through live's reader, crops as evaluate reads them."""

import itertools
import sys

import cv2
from reporting import report

from landmark_fer import Recognizer, load_artifact
from landmark_fer.live.reader import LiveReader


def make(_):
    """Return what answers to a frame and to a cropped face."""
    cv2.setNumThreads(1)
    recognizer = Recognizer(load_artifact(sys.argv[2]), reject=None)
    reader, index = LiveReader(recognizer), itertools.count()

    def of_frame(frame):
        seen = reader.read(frame, time_s=next(index) / 25)
        return seen[0].recognition.likeliest if seen else None

    def of_face(face):
        return recognizer.recognize_faces([recognizer.extractor.extract_crop(face)])[0].likeliest

    return of_frame, of_face


if __name__ == "__main__":
    report(make)
