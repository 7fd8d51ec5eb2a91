"""From a picture to faces: detection, 68 landmarks, alignment. The only floor that knows dlib or warps pictures."""
