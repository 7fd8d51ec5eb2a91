"""Small images without a face: mostly they are cropped to one, which no detector sees in them."""

SMALL_SIDE = 160  # pixels; of FER2013's crops, enlarged to 48, 64, 100 pixels, dlib's detector sees 0, 28, 77 %


class SmallImages:
    """Counts the small images in which no face was seen.

    Attributes
    ----------
    n_missed : int
    """

    def __init__(self):
        self.n_missed, self._size = 0, None

    def add(self, image, seen):
        """Take an image of shape (height, width, ...) and the faces that were seen in it."""
        height, width = image.shape[:2]
        if not seen and max(height, width) < SMALL_SIDE:
            self.n_missed += 1
            self._size = width, height

    @property
    def hint(self):
        """What helps, as a sentence, or None where no such image came."""
        if not self.n_missed:
            return None
        width, height = self._size
        which = f"an image of {width} x {height} pixels shows"
        if self.n_missed > 1:
            which = f"{self.n_missed} small images ({width} x {height} pixels) show"
        return f"{which} no face that the detector can see; if cropped to one face each, add --detector whole"
