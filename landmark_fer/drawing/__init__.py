"""Drawing onto frames: overlay, charts, text and layout."""
