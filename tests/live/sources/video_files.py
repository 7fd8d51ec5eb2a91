"""Small videos made with OpenCV, and changes to their containers like those by cameras, editors and accidents."""

import struct

import cv2
import numpy as np

SIZE = WIDTH, HEIGHT = 64, 48
RATE = 10.0


def write_video(path, *, n=20, codec="mp4v", shades=None):
    """Write a video of n frames, a white disc on a different shade in each; return the path."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), RATE, SIZE)
    assert writer.isOpened()
    for shade in shades or range(20, 20 + n):
        image = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
        cv2.circle(image, (WIDTH // 2, HEIGHT // 2), 15, (255, 255, 255), -1)
        writer.write(image)
    writer.release()
    return path


def patch(path, place, content):
    """Overwrite bytes of a file from a position on; return the path."""
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)
    return path


def box(content, name):
    """Return the position of the content of the first MP4 box of a name."""
    return content.index(name) + 4


def with_display_size(path, width, height):
    """Set the display size of an MP4, so that its pixels are not square."""
    place = box(path.read_bytes(), b"tkhd")
    return patch(path, place + 76, struct.pack(">II", width << 16, height << 16))


def rotate(path, degrees):
    """Set the rotation of an MP4."""
    matrices = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = (value << 16 for value in matrices[degrees])
    matrix = struct.pack(">iiiiiiiii", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return patch(path, box(path.read_bytes(), b"tkhd") + 40, matrix)


def with_index_in_front(path):
    """Move the index of an MP4 before its data, so that a truncated file is readable."""
    content = path.read_bytes()
    boxes, place = [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4])
        boxes.append(content[place : place + size])
        place += size
    index = bytearray(next(each for each in boxes if each[4:8] == b"moov"))
    place = box(bytes(index), b"stco")
    for entry in range(int.from_bytes(index[place + 4 : place + 8])):
        at = place + 8 + 4 * entry
        index[at : at + 4] = (int.from_bytes(index[at : at + 4]) + len(index)).to_bytes(4)
    first, *rest = (each for each in boxes if each[4:8] != b"moov")
    path.write_bytes(b"".join([first, bytes(index), *rest]))
    return path


def truncate(path, share):
    """Keep only the first share of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def stating_too_many_frames(path):
    """Make a complete file state twice its frames, by a longer duration or a cut of half of them."""
    content = path.read_bytes()
    if path.suffix in (".mp4", ".mov"):
        place = box(content, b"elst") + 8  # duration of the shown part of the track
        (shown,) = struct.unpack(">I", content[place : place + 4])
        return patch(path, place, struct.pack(">I", shown // 2))
    if path.suffix == ".avi":
        # FFmpeg counts the entries of the index; without one it reads the header.
        patch(path, content.index(b"idx1"), b"JUNK")
        patch(path, content.index(b"strh") + 8 + 32, struct.pack("<I", 2 * stated_frames(path)))
        return path
    place = content.index(b"\x44\x89\x88") + 3
    (duration,) = struct.unpack(">d", content[place : place + 8])
    return patch(path, place, struct.pack(">d", 2 * duration))


def without_duration(path):
    """Remove the duration of a Matroska or WebM file, as in a live stream."""
    place = path.read_bytes().index(b"\x44\x89\x88")
    return patch(path, place, b"\xec\x89" + bytes(9))


def stated_frames(path):
    """Return the number of frames that a file states."""
    capture = cv2.VideoCapture(str(path))
    frames = round(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return frames
