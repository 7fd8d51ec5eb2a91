"""Malicious images: small files that claim, or unpack to, more than memory holds.

    python -m tests.accidents.hostile

reads each and prints, as JSON, the result and by how many bytes memory grew.
"""

import io
import json
import re
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image

from landmark_fer.core.errors import DataError
from landmark_fer.perception.images import read_image

SIDE = 60_000


def png(width, height, *chunks, bits=8, colour=2):
    """A PNG with a size in its header and chunks of (kind, content)."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in ((b"IHDR", header), *chunks, (b"IEND", b"")))


def _chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def whole_png_bomb(side=24_000):
    """A valid PNG of 576 million one-bit pixels in about 70 kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png(side, side, (b"IDAT", data), bits=1, colour=0)


def encoded(kind, mode="RGB", **options):
    """A small image of a format."""
    stream = io.BytesIO()
    Image.new(mode, (16, 16)).save(stream, kind, **options)
    return bytearray(stream.getvalue())


def jpeg(side):
    """A JPEG with a size in its frame header."""
    content = encoded("JPEG")
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", side, side)
    return bytes(content)


def gif(screen, frame):
    """A GIF with sizes in the headers of its screen and its frame."""
    content = encoded("GIF", "P")
    content[6:10] = struct.pack("<HH", screen, screen)
    place = content.index(b"\x2c", 13) + 5
    content[place : place + 4] = struct.pack("<HH", frame, frame)
    return bytes(content)


def bmp(side):
    """A BMP with a size in its header."""
    content = encoded("BMP")
    content[18:26] = struct.pack("<ii", side, side)
    return bytes(content)


def tiff(width, height, *, counts=1, strip=b"\0" * 16, compression=1, bits=8, samples=1, floats=False, looped=False):
    """A TIFF with a size and a strip; its tags claim `counts` values; if `looped`, its directory recurs."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, compression),
            (262, 3, 1, 2 if samples == 3 else 1), (273, 4, counts, 8), (277, 3, 1, samples), (278, 4, 1, height),
            (279, 4, counts, len(strip)), (339, 3, 1, 3 if floats else 1)]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    directory += struct.pack("<I", 8 + len(strip) if looped else 0)
    return struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + directory


def webp(side):
    """An extended WebP with a canvas size of at most 2**24 in its header."""
    vp8 = bytes(encoded("WEBP"))[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + 2 * struct.pack("<I", side - 1)[:3]
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(vp8)) + b"WEBP" + canvas + vp8


def exif(entries, *, looped=False):
    """A JPEG with an EXIF directory of many entries, which can point to itself."""
    directory = struct.pack(">H", min(entries, 0xFFFF))
    directory += b"".join(struct.pack(">HHII", 0x0112 + place % 9, 4, 2**31 - 1, 8) for place in range(entries))
    block = b"Exif\0\0MM\0*\0\0\0\x08" + directory + struct.pack(">I", 8 if looped else 0)
    block, content = block[:65_000], bytes(encoded("JPEG"))
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


def many_frames(n=20_000):
    """A GIF of very many frames, each of a few bytes."""
    content = encoded("GIF", "P")
    place = content.index(b"\x2c", 13)
    return bytes(content[:place] + n * content[place:-1] + content[-1:])


def zeros(n_bytes):
    """Return a number of zeros compressed a thousandfold, made without holding them all in memory."""
    packer, block = zlib.compressobj(9), bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(n_bytes // len(block))) + packer.flush()


MANY = zeros(2**28)

TOO_LARGE = {
    "png header": lambda: png(SIDE, SIDE),
    "png, whole": whole_png_bomb,
    "png, one row": lambda: png(2**31 - 1, 1),
    "jpeg": lambda: jpeg(SIDE),
    "gif screen": lambda: gif(SIDE, 16),
    "bmp": lambda: bmp(SIDE),
    "bmp upside down": lambda: bmp(-SIDE),
    "tiff": lambda: tiff(SIDE, SIDE),
    "tiff, one row": lambda: tiff(2**31 - 1, 1),
    "tiff of colours of sixteen bits": lambda: tiff(SIDE, SIDE, bits=16, samples=3),
    "tiff of floats": lambda: tiff(SIDE, SIDE, bits=64, floats=True),
    "tiff of colours of floats": lambda: tiff(SIDE, SIDE, bits=32, samples=3, floats=True),
    "png of sixteen bits": lambda: png(SIDE, SIDE, bits=16),
    "ppm of sixteen bits": lambda: f"P6 {SIDE} {SIDE} 65535\n".encode() + bytes(16),
    "webp": lambda: webp(16_384),
    "webp, beyond the format": lambda: webp(2**24),
    "ppm": lambda: f"P6 {SIDE} {SIDE} 255\n".encode() + bytes(16),
    "pgm, wide numbers": lambda: b"P5 99999999999999999999 3 255\n" + bytes(16),
}
"""Refused by the size in their header, in one way or another."""

HARMLESS = {
    "gif frame beyond its screen": lambda: gif(16, SIDE),
    "png text": lambda: png(16, 16, (b"zTXt", b"Comment\0\0" + MANY), (b"IDAT", zlib.compress(bytes(49 * 16)))),
    "png profile": lambda: png(16, 16, (b"iCCP", b"x\0\0" + MANY), (b"IDAT", zlib.compress(bytes(49 * 16)))),
    "png data beyond its size": lambda: png(16, 16, (b"IDAT", MANY)),
    "tiff strip beyond its size": lambda: tiff(16, 16, strip=MANY, compression=8),
    "tiff of many strips": lambda: tiff(16, 16, counts=2**31 - 1),
    "tiff that follows itself": lambda: tiff(16, 16, strip=bytes(256), looped=True),
    "tiff of colours with data beyond its size": lambda: tiff(16, 16, bits=16, samples=3, strip=MANY, compression=8),
    "gif of many frames": many_frames,
    "exif of many entries": lambda: exif(5000),
    "exif that leads to itself": lambda: exif(3, looped=True),
}
"""A result or a sentence, without the memory that they ask for."""

PROGRAMS = {
    "eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\nshowpage\n%%EOF\n",
    "fits": lambda: b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800),
}
"""Formats that Pillow knows, and which nobody meant by an image of a face."""


def allowed(side=6000):
    """A PNG of 36 million pixels, which is allowed and uses memory."""
    return png(side, side, (b"IDAT", zeros(side * (side + 1) + 2**20)), colour=0)


def peak(*, reset=False):
    """Return the peak memory of this process in bytes; `reset` starts a new measurement where the system can."""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource

        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1])


def main():
    """Read each file in turn and print the result and the peak memory."""
    results = {}
    for name, make in ({"allowed": allowed} | TOO_LARGE | HARMLESS | PROGRAMS).items():
        content = make()
        before = peak(reset=True)
        try:
            outcome = list(read_image(content, name="it").shape)
        except DataError as error:
            outcome = str(error)
        results[name] = {"outcome": outcome, "growth": peak() - before}
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
