"""The package fer as a peer, asked as its README does; runs in an environment that has it."""

import cv2
from fer.fer import FER  # fer 25.10 exports it no more
from reporting import report


def make(_):
    """Return what answers to a frame and to a cropped face."""
    cv2.setNumThreads(1)
    of_frames, of_crops = FER(), FER(offsets=(0, 0))  # a crop is the face already: no room around it

    def of_frame(frame):
        return _best(of_frames.detect_emotions(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)))

    def of_face(face):
        image = cv2.cvtColor(face, cv2.COLOR_GRAY2BGR)
        return _best(of_crops.detect_emotions(image, face_rectangles=[(0, 0, *face.shape[::-1])]))

    return of_frame, of_face


def _best(found):
    return max(found[0]["emotions"], key=found[0]["emotions"].get) if len(found) else None


if __name__ == "__main__":
    report(make)
