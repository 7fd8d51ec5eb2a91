"""``python -m landmark_fer.live``: expressions in a camera, video, image, folder, stream or the demo clip."""
