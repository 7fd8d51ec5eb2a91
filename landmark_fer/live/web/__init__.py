"""Live in the browser: a small server, its limits, and one page; knows readers and sources only as they are given."""
