"""What is known, drawn: each display is plain values, computed apart from the drawing."""
