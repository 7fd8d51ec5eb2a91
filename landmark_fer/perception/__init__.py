"""From an image to faces: decoding, detection, 68 landmarks, alignment. The only layer that imports dlib."""

DETECTORS = {
    "hog": "landmark_fer.perception.detection.HogDetector",
    "haar": "landmark_fer.perception.detection.HaarDetector",
    "whole": "landmark_fer.perception.detection.WholeImageDetector",
}
"""The face detectors: name and path of the class, which is imported when `make_detector` needs it."""

SMALLEST_FACE = 40
"""Side of the smallest box that photographs and videos are searched for, in pixels, unless another is given."""

SMALLEST_FACES = 16, 10_000
"""The least and the largest value that may be given instead. Images are enlarged for faces under 80 pixels, and faces
under 16 have no prediction."""
