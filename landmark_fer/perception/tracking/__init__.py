"""Face tracking: landmarks follow faces from frame to frame, detectors find new ones."""
