"""RBF SVM on landmarks and HOG of 48x48 images without scaling or alignment, as in a popular repository.

Source: amineHorseman/facial-expression-recognition-svm (2018). It concatenates dlib's points in a fixed rectangle and
scikit-image's HOG with 8 orientations, cells of 16 pixels and blocks of one cell, for scikit-learn's SVC with its
default parameters. It reports an accuracy of 48.2 %.
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
    extract = feature_extractor()
    features = np.stack([extract(face) for face in images["training"]])
    return SVC(kernel="rbf", random_state=0).fit(features, images["labels"])


def feature_extractor():
    """Return the function from a grey face of 48x48 pixels to its features."""
    predictor, box = dlib.shape_predictor(str(find_predictor())), dlib.rectangle(1, 1, 47, 47)

    def extract(face):
        parts = predictor(face, box).parts()
        gradients = hog(face, orientations=8, pixels_per_cell=(16, 16), cells_per_block=(1, 1))
        return np.concatenate([np.array([(part.x, part.y) for part in parts], dtype=float).ravel(), gradients])

    return extract


def make(fitted):
    """Return the functions that predict the expression of a frame and of a cropped face."""
    cv2.setNumThreads(1)
    extract, detector = feature_extractor(), dlib.get_frontal_face_detector()

    def predict_face(face):
        return str(fitted.predict(extract(face)[None])[0])

    def predict_frame(frame):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        boxes = detector(grey)
        if not boxes:
            return None
        box = boxes[0]
        part = grey[max(0, box.top()) : box.bottom() + 1, max(0, box.left()) : box.right() + 1]
        return predict_face(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA))

    return predict_frame, predict_face


if __name__ == "__main__":
    report(make, prepare=prepare)
