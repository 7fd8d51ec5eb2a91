"""Reasons why a face cannot be read: limits of quality and pose, beyond which predictions or landmarks are unsure.

The limits are measured (docs/decisions/0034-labels.md).
"""

from landmark_fer.perception.pose import head_pose
from landmark_fer.perception.quality import brightness, share_inside, size_px
from landmark_fer.recognition.cover import cover_score

CUT_OFF, TOO_SMALL, TOO_DARK, TURNED_AWAY, COVERED = REASONS = (
    "cut off",
    "too small",
    "too dark",
    "turned away",
    "covered",
)
"""All reasons, the first that holds is named."""

MIN_INSIDE = 0.75  # share of the bounding box inside the image
MIN_SIZE_PX = 16
MIN_BRIGHTNESS = 0.02
MAX_YAW = 45.0  # degrees, to either side
MIN_PITCH, MAX_PITCH = -30.0, 45.0


def reason_of(face, image_shape=None):
    """Return the reason why a face cannot be read, a member of `REASONS`; None if it can.

    Parameters
    ----------
    face : Face
    image_shape : tuple of int, optional
        Height and width of its image; without it no face is cut off.
    """
    if image_shape is not None and share_inside(face.box, image_shape) < MIN_INSIDE:
        return CUT_OFF
    if size_px(face.box) < MIN_SIZE_PX:
        return TOO_SMALL
    if brightness(face.chip) < MIN_BRIGHTNESS:
        return TOO_DARK
    pose = head_pose(face.landmarks)
    if abs(pose.yaw) > MAX_YAW or not MIN_PITCH <= pose.pitch <= MAX_PITCH:
        return TURNED_AWAY
    return COVERED if cover_score(face.chip) > 0 else None
