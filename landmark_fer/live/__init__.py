"""``python -m landmark_fer.live``: recognize expressions in a camera, a video, images, a stream or the demo clip."""
