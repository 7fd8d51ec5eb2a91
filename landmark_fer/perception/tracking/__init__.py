"""Following faces through a video: landmarks carry them from frame to frame; detectors look for new ones."""
