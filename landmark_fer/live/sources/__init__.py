"""Sources of frames: camera, video, image, folder, stream, demo clip."""
