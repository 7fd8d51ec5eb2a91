"""Landmarks and HOG in an RBF SVM as the popular repository has them: nothing scaled, nothing aligned, 48x48 pixels.

Source: amineHorseman/facial-expression-recognition-svm (2018): dlib's points in a fixed rectangle, scikit-image's HOG
with 8 orientations, cells of 16 pixels and blocks of one cell, side by side, into scikit-learn's SVC with its own
settings. Its figure for both together: 48.2 %.
"""

import cv2
import dlib
import numpy as np
from reporting import report
from skimage.feature import hog
from sklearn.svm import SVC

from landmark_fer.perception.predictor_file import find_predictor

SIDE = 48


def prepare(images):
    """Return the classifier fitted on the training faces."""
    describe = describer()
    described = np.stack([describe(face) for face in images["learnt"]])
    return SVC(kernel="rbf", random_state=0).fit(described, images["labels"])


def describer():
    """Return the function from a grey face of 48x48 pixels to its description."""
    predictor, box = dlib.shape_predictor(str(find_predictor())), dlib.rectangle(1, 1, 47, 47)

    def describe(face):
        parts = predictor(face, box).parts()
        gradients = hog(face, orientations=8, pixels_per_cell=(16, 16), cells_per_block=(1, 1))
        return np.concatenate([np.array([(part.x, part.y) for part in parts], dtype=float).ravel(), gradients])

    return describe


def make(fitted):
    """Return what answers to a frame and to a cropped face."""
    cv2.setNumThreads(1)
    describe, detector = describer(), dlib.get_frontal_face_detector()

    def of_face(face):
        return str(fitted.predict(describe(face)[None])[0])

    def of_frame(frame):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        found = detector(grey)
        if not found:
            return None
        box = found[0]
        part = grey[max(0, box.top()) : box.bottom() + 1, max(0, box.left()) : box.right() + 1]
        return of_face(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA))

    return of_frame, of_face


if __name__ == "__main__":
    report(make, prepare=prepare)
