"""Details of a face as rows of text: head pose, quality of its image, and a few measurements."""

from landmark_fer.features.measurements import measure
from landmark_fer.perception.pose import head_pose
from landmark_fer.perception.quality import face_quality

MEASURED = {
    "mouth opening": ("mouth_opening",),
    "mouth width": ("mouth_width",),
    "lip corners": ("right_lip_corner_height", "left_lip_corner_height"),
    "brows": ("right_brow_height", "left_brow_height"),
    "eyes": ("right_eye_aperture", "left_eye_aperture"),
}
"""The measurements that are shown, by their names on the screen; both sides are averaged."""

_NAMES = tuple(name for names in MEASURED.values() for name in names)


def describe(face, image_shape):
    """Return the details of a face as rows of a name and a value, the most useful first.

    Parameters
    ----------
    face : Face
    image_shape : tuple of int
        Height and width of its image, as for `face_quality`.

    Returns
    -------
    tuple of (str, str)
        Angles in degrees (see `Pose`), the size in pixels, measurements in inter-ocular distances or ratios.
    """
    quality = face_quality(face, image_shape)
    values = dict(zip(_NAMES, measure(face.landmarks, names=_NAMES).tolist(), strict=True))
    means = {text: sum(values[name] for name in names) / len(names) for text, names in MEASURED.items()}
    return (
        ("yaw pitch roll", " ".join(f"{round(angle):+d}°" for angle in head_pose(face.landmarks))),
        ("size", f"{quality.size_px:.0f} px"),
        ("sharpness", f"{quality.sharpness:.4f}"),
        ("brightness", f"{quality.brightness:.0%}"),
        ("inside", f"{quality.inside:.0%}"),
        *((text, f"{value:.2f}") for text, value in means.items()),
    )
