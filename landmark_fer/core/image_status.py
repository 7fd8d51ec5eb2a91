"""Statuses of images, in logs and predictions."""

OK = "ok"
NO_FACE = "no face"  # an image or a frame in which no face was found
LOW_QUALITY = "low quality"  # one in which every face was left out because of its quality
NOT_READ = "not read"  # a frame in which every face waited, because faces before a camera take turns
UNREADABLE = "unreadable"
LEFT_OUT = "left out"  # by its label, pose or folder
BASELINE = "baseline"  # the neutral face of a person, given to the predictions of their other faces
