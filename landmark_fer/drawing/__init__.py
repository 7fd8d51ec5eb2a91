"""Drawing onto frames: overlay, charts, text and layout."""

BLURS = ("faces", "eyes")
"""What can be blurred: the whole face with the forehead, or a band over both eyes."""
