"""Keys and overlay options of ``live``: one table for the window, its help panel and the browser page."""

from dataclasses import dataclass, field, make_dataclass


@dataclass(frozen=True)
class Control:
    """One row of `CONTROLS`: an action of the session, or an option of its overlay.

    Attributes
    ----------
    name : str
        A method of `Session`, or a field of `OverlayOptions`.
    keys : tuple of str
        Keys of the window, as `Window.wait` names them.
    label : str
        Text in the help panel and on the browser page.
    default : bool or None
        Whether the overlay option is on at the start; None for an action.
    in_browser : bool
        Whether the browser page offers the option.
    """

    name: str
    keys: tuple
    label: str
    default: bool | None = None
    in_browser: bool = False

    @property
    def is_option(self):
        """Whether this is an overlay option and not an action."""
        return self.default is not None


CONTROLS = (
    Control("quit", ("q", "escape"), "quit"),
    Control("pause", ("space",), "pause or go on"),
    Control("landmarks", ("l",), "landmarks", default=True, in_browser=True),
    Control("bars", ("b",), "bars", default=True, in_browser=True),
    Control("mirror", ("m",), "mirror", default=False, in_browser=True),
    Control("explain", ("e",), "explain", default=False, in_browser=True),
    Control("details", ("d",), "details", default=False, in_browser=True),
    Control("timeline", ("t",), "last 30 seconds", default=False),
    Control("record_neutral", ("n",), "neutral face now"),
    Control("mark_event", ("v",), "mark an event"),
    Control("take_snapshot", ("s",), "snapshot"),
    Control("toggle_recording", ("r",), "record"),
    Control("help", ("h",), "all keys", default=False),
)
"""All keys and overlay options, in the order of the help panel.

A new overlay option takes one row here and one function in `landmark_fer.drawing.overlay`; with `in_browser`, also
one function and one row in ``drawing.js`` or, for what is next to the image, in ``panel.js``.
"""

KEY_HINTS = [
    f"{control.keys[0]} {control.label}" for control in sorted(CONTROLS, key=lambda control: control.name != "help")
]
"""A line for each row of `CONTROLS`: the key of the whole list first."""

CONTROL_OF_KEY = {key: control for control in CONTROLS for key in control.keys}

OverlayOptions = make_dataclass(
    "OverlayOptions",
    [(control.name, bool, field(default=control.default)) for control in CONTROLS if control.is_option],
    frozen=True,
    namespace={"__doc__": "What the overlay shows: one bool for each option of `CONTROLS`.", "__module__": __name__},
)


def browser_options():
    """Return the overlay options of the browser page as JSON values.

    Returns
    -------
    list of dict
        In the order of `CONTROLS`: ``name``, ``key``, ``label`` and ``default`` of each option.
    """
    return [
        {"name": control.name, "key": control.keys[0], "label": control.label, "default": control.default}
        for control in CONTROLS
        if control.in_browser
    ]
