"""Labels of faces: number and prediction, where they cover least."""

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.drawing.layout import Rectangle
from landmark_fer.drawing.scene import label_margin, label_size
from landmark_fer.drawing.text import COLOURS, ELLIPSIS, shortened

LABEL_SIDES = {"above": 0.0, "below": 0.15, "right": 0.3, "left": 0.35}
"""Sides of a face where its label may be. A side is left for another one where the label would cover more of the face
than the difference, as a share of the label. The page has the same table."""

_COST_OF_OTHERS = 3.0  # of a label on another face or label, where that on its own face is 1
_COST_OF_SHORT, _COST_OF_CUT = 0.5, 1.0  # of a short text, of one that is cut
_STEADY = 0.1  # how much a label's last place and text are preferred


def draw_predictions(scene, face):
    """Write a face's number and prediction, and the second model's prediction in a line of its own.

    The label is where it covers least: above the face, below or next to it, with a short text if necessary.
    """
    number = "" if face.track_id is None else f"#{face.track_id} "
    rows = [(face.recognition, number)]
    if face.versus is not None:
        rows.append((face.versus, "versus "))
    box, index = scene.box(face), scene.faces.index(face)
    letters = scene.memory.steady_letters(face, scene.letters_for(box, 0.12))
    own, others = scene.occupied[index], scene.occupied[:index] + scene.occupied[index + 1 :]
    room, labels = scene.bounds.width - 2 * label_margin(letters), []
    forms = zip(*(_prediction_texts(recognition, start) for recognition, start in rows), strict=True)
    for form, texts in enumerate(forms):
        texts = [shortened(text, room, letters) for text in texts]
        sizes = [label_size(text, letters) for text in texts]
        size = max(width for width, _ in sizes), sum(height for _, height in sizes)
        for side, place in _label_places(box, own.bottom, size, scene.bounds).items():
            covered = place.shared_area(own) + _COST_OF_OTHERS * sum(map(place.shared_area, others))
            cost = covered / place.area + LABEL_SIDES[side] + _COST_OF_SHORT * form
            cost += _COST_OF_CUT * any(ELLIPSIS in text for text in texts)
            cost -= _STEADY * (scene.memory.labels.get(face.track_id) == (side, form))
            labels.append((cost, (side, form), place, texts, sizes))
    _, scene.memory.labels[face.track_id], place, texts, sizes = min(labels, key=lambda label: label[0])
    scene.occupied.append(place)
    for text, (recognition, _), (width, height) in zip(texts, rows, sizes, strict=True):
        scene.write_label(text, place._replace(width=width, height=height), COLOURS[recognition.expression], letters)
        place = place._replace(y=place.y + height)


def _label_places(box, chin, size, bounds):
    """Return the places of a label inside the bounds by the names in `LABEL_SIDES`; the chin is the face's last row."""
    width, height = size
    corners = {
        "above": (box.x, box.y - height),
        "below": (box.x, chin),
        "right": (box.right, box.y),
        "left": (box.x - width, box.y),
    }
    return {side: Rectangle(*corner, width, height).inside(bounds) for side, corner in corners.items()}


def _prediction_texts(recognition, start):
    """Return the text of a prediction in full, and a short form."""
    name = f"{start}{recognition.label}"
    if recognition.reason:
        return name, name
    if recognition.expression == UNCERTAIN:
        return f"{name} ({recognition.likeliest} {recognition.confidence:.0%})", name
    return f"{name} {recognition.confidence:.0%}", name
