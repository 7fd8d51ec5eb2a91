"""Find the bundled models and the bundled table: in a wheel, an editable install or a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def bundled(name):
    """Return the path of a bundled file or folder.

    Parameters
    ----------
    name : str
        As in the checkout: ``artifacts/default``, ``artifacts/cnn`` or ``data/fer2013_geometry.npz``. A wheel
        holds them below ``landmark_fer/bundled``.

    Returns
    -------
    Path
        It may not exist.
    """
    installed = _PACKAGE / "bundled" / name
    return installed if installed.exists() else _PACKAGE.parent / name
