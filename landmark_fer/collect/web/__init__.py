"""``collect --web``: record expressions in the browser."""
