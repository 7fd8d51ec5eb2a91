"""Changed faces: what a face would be with one sign undone, or with one patch of its image blurred.

Landmarks, chip and crop change together, as if the image had shown the other face: all landmarks align a chip, so
that undoing one sign moves the rest of the chip a little, too.
"""

from dataclasses import replace

import numpy as np

from landmark_fer.core.geometry import interocular_distance, inverse_transform, transform_points
from landmark_fer.perception.alignment import chip_transform, crop_transform
from landmark_fer.perception.warping import move_landmarks
from landmark_fer.recognition.cues import undo_cues
from landmark_fer.recognition.occlusion import occluded


def without_cues(face, *, fields, crop_margin=0.0):
    """Return the face once for each of `CUES`, that sign undone.

    Parameters
    ----------
    face : Face
    fields : sequence of str
        What the model reads of a face record; images that it does not read are left as they are.
    crop_margin : float, default=0
        Of the crop, as in `ExtractorSettings`.

    Returns
    -------
    list of Face
    """
    reads = {"fields": fields, "crop_margin": crop_margin}
    return [with_landmarks(face, moved, **reads) for moved in undo_cues(face.landmarks)]


def without_patches(face, *, fields, crop_margin=0.0):
    """Return the face once for each patch of its chip, that patch blurred in the images that the model reads.

    Parameters
    ----------
    face, fields, crop_margin
        As for `without_cues`.

    Returns
    -------
    list of Face
    """
    size = len(face.chip)
    images = {}
    if "chip" in fields:
        images["chip"] = occluded(face.chip, chip_size=size)
    if "crop" in fields:
        to_chip = _composed(
            chip_transform(face.landmarks, size=size),
            inverse_transform(crop_transform(face.box, size=len(face.crop), margin=crop_margin)),
        )
        images["crop"] = occluded(face.crop, chip_size=size, to_chip=to_chip)
    return [replace(face, **dict(zip(images, row, strict=True))) for row in zip(*images.values(), strict=True)]


def with_landmarks(face, moved, *, fields, crop_margin=0.0):
    """Return the face with its landmarks moved to `moved`, shape (68, 2), and the pixels that the model reads, too."""
    images = {}
    if "chip" in fields:
        before, after = (chip_transform(landmarks, size=len(face.chip)) for landmarks in (face.landmarks, moved))
        back = _composed(before, inverse_transform(after))
        images["chip"] = _moved(face.chip, face.landmarks, moved, before, after, back)
    if "crop" in fields:
        place = crop_transform(face.box, size=len(face.crop), margin=crop_margin)
        images["crop"] = _moved(face.crop, face.landmarks, moved, place, place, None)
    return replace(face, landmarks=moved.astype(np.float32), **images)


def _moved(image, landmarks, moved, before, after, back):
    there = transform_points(after, moved)
    here, interocular = transform_points(before, landmarks), interocular_distance(there)
    return move_landmarks(image, here, there, interocular=interocular, transform=back)


def _composed(second, first):
    """Return the transform of shape (2, 3) that applies `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])
