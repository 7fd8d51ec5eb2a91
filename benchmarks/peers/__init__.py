"""landmark_fer beside what a user would pick instead: see `__main__`."""
