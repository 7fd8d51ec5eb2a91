"""Groups of columns that describe a face: measurements, landmarks, head pose, image quality."""

from landmark_fer.core.errors import InputError
from landmark_fer.core.landmarks import N_LANDMARKS
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure


def _measurements(face, image_shape):
    return measure(face.landmarks).tolist()


def _landmarks(face, image_shape):
    return face.landmarks.astype(float).ravel().tolist()


def _pose(face, image_shape):
    from landmark_fer.perception.pose import head_pose

    return list(head_pose(face.landmarks))


def _quality(face, image_shape):
    from landmark_fer.perception.quality import face_quality

    return list(face_quality(face, image_shape))


FIELD_GROUPS = {
    "measurements": (tuple(f"m_{name}" for name in MEASUREMENT_NAMES), _measurements),
    "landmarks": (tuple(f"{axis}{point}" for point in range(N_LANDMARKS) for axis in "xy"), _landmarks),
    "pose": (("yaw", "pitch", "roll"), _pose),
    "quality": (("detector_score", "size_px", "sharpness", "brightness", "inside"), _quality),
}
"""Columns of each group and the function that computes them from a face and the shape of its image."""

SHIFT_COLUMNS = tuple(f"m_{name}_shift" for name in MEASUREMENT_NAMES)
"""Columns of the differences of the measurements from a neutral baseline."""


def check_fields(names):
    """Return names of groups as a tuple.

    Raises
    ------
    InputError
        If one is not a key of `FIELD_GROUPS`.
    """
    unknown = [name for name in names if name not in FIELD_GROUPS]
    if unknown:
        raise InputError(f"fields must be among {', '.join(FIELD_GROUPS)}, got {', '.join(unknown)}")
    return tuple(names)


def field_columns(names):
    """Return the columns of groups, in their order."""
    return tuple(column for name in check_fields(names) for column in FIELD_GROUPS[name][0])


def field_values(face, names, image_shape):
    """Return the values of groups for one face.

    Parameters
    ----------
    face : Face
    names : sequence of str
        Keys of `FIELD_GROUPS`.
    image_shape : tuple of int or None
        Height and width of the image of the face; needed by ``quality``.

    Returns
    -------
    dict of str to float
        NaN (the detector score of a face that no detector saw) is None.
    """
    values = {}
    for name in check_fields(names):
        if name == "quality" and image_shape is None:
            raise InputError("the fields quality need the shape of the image; give image_shape=(height, width)")
        columns, compute = FIELD_GROUPS[name]
        numbers = compute(face, image_shape)
        values |= {
            column: float(value) if value == value else None for column, value in zip(columns, numbers, strict=True)
        }
    return values


def shift_values(face, baseline):
    """Return the values of `SHIFT_COLUMNS` for a face and its `Baseline`, by column; without one they are None."""
    if baseline is None:
        return dict.fromkeys(SHIFT_COLUMNS)
    shift = baseline.shift(face.landmarks)
    return {f"m_{name}_shift": value for name, value in shift.items()}
