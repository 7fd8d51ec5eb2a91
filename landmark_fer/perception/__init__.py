"""From an image to faces: detection, 68 landmarks, alignment. The only layer that knows dlib or warps images."""

DETECTORS = {
    "hog": "landmark_fer.perception.detection.HogDetector",
    "haar": "landmark_fer.perception.detection.HaarDetector",
    "whole": "landmark_fer.perception.detection.WholeImageDetector",
}
"""The face detectors by name: where the class of each is, which is imported when it is asked for."""
