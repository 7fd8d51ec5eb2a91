"""The command ``collect``: records labelled faces of your own, in a window, a browser or from a video."""
