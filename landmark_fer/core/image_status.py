"""Statuses of images, in logs and predictions."""

OK = "ok"
NO_FACE = "no face"  # an image or a frame in which no face was found
UNREADABLE = "unreadable"
LEFT_OUT = "left out"  # by its label, pose or folder
