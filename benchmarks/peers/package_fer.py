"""The package fer in the comparison, used as in its README; runs in an environment with that package."""

import cv2
from fer.fer import FER  # fer 25.10 no longer exports it
from reporting import report


def make(_):
    """Return the functions that predict the expression of a frame and of a cropped face."""
    cv2.setNumThreads(1)
    frame_detector, crop_detector = FER(), FER(offsets=(0, 0))  # a crop needs no margin

    def predict_frame(frame):
        return _best(frame_detector.detect_emotions(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)))

    def predict_face(face):
        image = cv2.cvtColor(face, cv2.COLOR_GRAY2BGR)
        return _best(crop_detector.detect_emotions(image, face_rectangles=[(0, 0, *face.shape[::-1])]))

    return predict_frame, predict_face


def _best(faces):
    return max(faces[0]["emotions"], key=faces[0]["emotions"].get) if len(faces) else None


if __name__ == "__main__":
    report(make)
