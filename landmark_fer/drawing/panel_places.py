"""Places of the panels of faces, which stay the same from frame to frame while they fit."""

import math
from dataclasses import dataclass, replace

from landmark_fer.drawing.layout import Offset, is_free, place_panel, stays_free
from landmark_fer.drawing.panels import panel_of, panels_of
from landmark_fer.drawing.scene import PANEL

_MAX_PANELS = 6  # in a crowd, those of the largest faces
_MAX_DRAWS = 25  # of a panel, after which one that shows more is looked for
_ROOM_TO_MOVE = 0.1  # by which a face can move before its new panel must be elsewhere, in widths of its box
_SPARE = 0.85  # of its part of the budget, to which a panel grows: the words of its next explanation may be longer
_MUCH_MORE = 2  # forms by which a panel elsewhere must show more than one that still fits in its place


class PanelMemory:
    """How the panel of each face was drawn last, so that it stays in its place next to the face while it fits.

    Without one, panels of a video jump whenever another place, size or amount of text becomes possible.
    """

    def __init__(self):
        self._panels, self._letters, self._n_faces = {}, {}, 0
        self.labels = {}  # side and text of the label by track id
        self.key_list = None  # number of columns, and place
        self.lines_above = False  # whether a message is at the top

    def begin_frame(self, faces):
        """Forget faces that are not in the frame; where their number changed, look for new panels."""
        track_ids = {face.track_id for face in faces}
        self._panels = {track_id: panel for track_id, panel in self._panels.items() if track_id in track_ids}
        self._letters = {track_id: size for track_id, size in self._letters.items() if track_id in track_ids}
        self.labels = {track_id: label for track_id, label in self.labels.items() if track_id in track_ids}
        if len(faces) != self._n_faces:
            self._panels = {
                track_id: replace(panel, size=(0, 0), n_draws=_MAX_DRAWS) for track_id, panel in self._panels.items()
            }
        self._n_faces = len(faces)

    def steady_letters(self, face, letters):
        """Return the font size of a face's label: the last one, unless it is off by more than a pixel."""
        last = self._letters.get(face.track_id, letters)
        self._letters[face.track_id] = last if abs(last - letters) <= 1 else letters
        return self._letters[face.track_id]

    def get(self, face):
        """Return the `_DrawnPanel` of a face, or None."""
        return self._panels.get(face.track_id)

    def area(self, face):
        """Return how many pixels the panel of a face covered; 0 without one."""
        panel = self.get(face)
        return 0 if panel is None else panel.size[0] * panel.size[1]

    def set(self, face, drawn):
        """Keep the `_DrawnPanel` of a face."""
        self._panels[face.track_id] = drawn


@dataclass(frozen=True)
class _DrawnPanel:
    """The form and the offset of a panel, and how often it was drawn like this."""

    blocks: tuple
    form: int
    letters: int
    side_by_side: bool
    size: tuple
    offset: Offset
    n_draws: int = 0


def draw_panels(scene):
    """Draw the panels of the largest faces, each with as much as its part of the budget and the room allow."""
    faces = sorted(scene.faces, key=lambda face: -scene.box(face).area)[:_MAX_PANELS]
    faces = [face for face in scene.faces if face in faces]  # in an order that is the same in the next frame
    for index, face in enumerate(faces):
        if blocks := [block for block in scene.draw(PANEL, face) if block is not None]:
            left = scene.budget - sum(map(scene.memory.area, faces[index + 1 :]))
            _draw_panel(scene, face, blocks, left, min(left, scene.budget // (len(faces) - index)))


def _draw_panel(scene, face, blocks, left, share):
    """Draw the panel of a face as in the frame before, if that fits; now and then, look for one that shows more.

    It covers at most `left` pixels, which the panels of the next faces leave if they stay; a new one at most `share`.
    """
    last, kinds = scene.memory.get(face), tuple(type(block) for block in blocks)
    if last is not None and last.blocks != kinds:
        last = None
    found = None if last is None else _same_panel(scene, face, blocks, last, left)
    if found is None:
        found, last = _new_panel(scene, face, blocks, last, share), None
    elif last.n_draws >= _MAX_DRAWS:
        room = round(_ROOM_TO_MOVE * scene.box(face).width)
        budget = round(_SPARE * share)
        best = _best_panel(scene, face, blocks, last, budget, room=room, moving_to=last.form - _MUCH_MORE)
        if best is not None and (best[0].form, -best[0].letters) < (last.form, -last.letters):
            found, last = best, None
    if found is None:
        return
    panel, place = found
    panel.draw(scene.canvas, place)
    scene.cover(place)
    n_draws = 0 if last is None or last.n_draws >= _MAX_DRAWS else last.n_draws + 1
    offset = Offset.of(place, scene.extent(face)) if last is None else last.offset
    size = place.width, place.height
    drawn = _DrawnPanel(kinds, panel.form, panel.letters, panel.side_by_side, size, offset, n_draws)
    scene.memory.set(face, drawn)


def _same_panel(scene, face, blocks, last, budget):
    """Return the panel of the last frame and its place next to the face, or None if it does not fit there."""
    panel = panel_of(blocks, last.letters, last.form, title=scene.title(face), side_by_side=last.side_by_side)
    if panel is None:
        return None
    size = max(panel.size[0], last.size[0]), max(panel.size[1], last.size[1])
    if size[0] * size[1] > budget:
        size = panel.size
    place = last.offset.place(size, scene.extent(face), scene.bounds)
    return (panel, place) if size[0] * size[1] <= budget and is_free(place, scene.occupied) else None


def _new_panel(scene, face, blocks, last, budget):
    """Return a panel and its place, better one that can move with the face and is near it and not another face."""
    room = round(_ROOM_TO_MOVE * scene.box(face).width)
    for near, room_to_move in ((True, room), (True, 0), (False, 0)):
        if best := _best_panel(scene, face, blocks, last, budget, room=room_to_move, near=near):
            return best
    return None


def _best_panel(scene, face, blocks, last, budget, *, room, near=True, moving_to=math.inf):
    """Return the panel that shows most and its place, on the side of the last one if that is free; None without.

    Elsewhere, the form is at most `moving_to`.
    """
    extent, gap = scene.extent(face), max(3, round(6 * scene.unit))
    others = [scene.extent(other) for other in scene.faces if other is not face]
    nearness = {"others": others, "reach": extent.height} if near else {}
    letters = scene.letters_for(scene.box(face), 0.085)
    sizes = dict.fromkeys((letters, max(scene.least, round(0.8 * letters)), scene.least))
    for panel in panels_of(blocks, sizes, title=scene.title(face)):
        if panel.size[0] * panel.size[1] > budget:
            continue
        if last is not None:
            place = last.offset.place(panel.size, extent, scene.bounds)
            if stays_free(place, scene.occupied, scene.bounds, room):
                return panel, place
        if panel.form > moving_to:
            continue
        if place := place_panel(extent, panel.size, scene.bounds, scene.occupied, gap=gap, room=room, **nearness):
            return panel, place
    return None
