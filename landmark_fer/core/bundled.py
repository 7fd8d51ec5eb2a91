"""Find the bundled models and the bundled table: in a wheel, an editable install or a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "bundled"


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
    installed, source = _INSTALLED / name, _PACKAGE.parent / name
    return source if source.exists() and not installed.exists() else installed


def is_installed(path):
    """Return whether a path belongs to the installed package, into which commands write nothing."""
    return Path(path).resolve().is_relative_to(_INSTALLED)
