"""Request bodies: a image by itself or in a form, read within bounds and kept in memory."""

import asyncio
import re

from landmark_fer.live.web.limits import RefusedError

IMAGE_TYPES = ("image/jpeg", "image/png")
FORM_TYPE = "multipart/form-data"

_FORM_BYTES = 4096  # of the form that takes the token
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_FILE = re.compile(rb"^content-disposition:[^\r\n]*;\s*filename\*?=", re.IGNORECASE | re.MULTILINE)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
OPENAPI_BODY = {
    "required": True,
    "content": {
        **dict.fromkeys(IMAGE_TYPES, _BINARY),
        FORM_TYPE: {
            "schema": {
                "type": "object",
                "properties": {"image": {"type": "string", "format": "binary"}},
                "required": ["image"],
            }
        },
    },
}


async def read_body(request, limits, *, form=False):
    """Return the image in a request's body, or the bytes of a short form.

    Parameters
    ----------
    request : Request
    limits : Limits
    form : bool, default=False
        Whether the body is the form that takes the token.

    Raises
    ------
    RefusedError
        With status 408 (too slow), 413 (too long), 415 (of another type) or 422 (a form without a file).
    """
    most = _FORM_BYTES if form else limits.frame_bytes
    full_type = request.headers.get("content-type", "")
    kind = full_type.partition(";")[0].strip().lower()
    if not form and kind not in (*IMAGE_TYPES, FORM_TYPE):
        raise RefusedError(
            415, f"the body must be of type {', '.join(IMAGE_TYPES)} or {FORM_TYPE}, got {kind[:80] or 'none'!r}"
        )
    try:
        async with asyncio.timeout(limits.body_s):
            content = await _within(request, most)
    except TimeoutError as error:
        raise RefusedError(408, f"the body must come within {limits.body_s:g} seconds") from error
    return _first_file(content, full_type) if kind == FORM_TYPE else content


async def _within(request, most):
    """Return a body that is not longer than `most` bytes; one that is announced to be is not even begun."""
    announced = request.headers.get("content-length", "0")
    content = bytearray()
    if not announced.isdecimal() or int(announced) <= most:
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                break
        else:
            return bytes(content)
    raise RefusedError(413, f"the body must have at most {most:,} bytes; reduce the image first")


def _first_file(content, full_type):
    """Return the first file in a multipart body (RFC 7578)."""
    found = _BOUNDARY.search(full_type)
    if found is None:
        raise RefusedError(422, "the form's content type must name its boundary, and does not")
    boundary = (found[1] or found[2]).encode("latin-1")
    for part in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        if _FILE.search(head):
            return body
    raise RefusedError(422, "the form must hold a file, and holds none; send the image as 'image'")
