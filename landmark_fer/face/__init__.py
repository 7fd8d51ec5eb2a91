"""Words and values: expressions, landmarks, boxes, face records, and the geometry of points."""
