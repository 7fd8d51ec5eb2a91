"""The page's files, read once; each has one address and one type, and there is no way to another file."""

import html
import json
from importlib.resources import files

from landmark_fer.core.errors import InputError

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

PAGES = {"/": "index.html", "/docs": "programs.html", "/favicon.ico": "icon.svg"}
"""What ``live --web`` shows at addresses other than /page/NAME."""


def read_pages(places=PAGES):
    """Return (content, type) of each file of the page by its address, as a dictionary.

    Parameters
    ----------
    places : dict of str to str
        Addresses other than /page/NAME, and the files that are shown there.

    Raises
    ------
    InputError
        If the package was installed without them.
    """
    folder = files("landmark_fer.live.web") / "page"
    found = {}
    for entry in folder.iterdir() if folder.is_dir() else ():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in TYPES:
            found[f"/page/{entry.name}"] = entry.read_bytes(), TYPES[suffix]
    missing = [name for name in places.values() if f"/page/{name}" not in found]
    if missing:
        raise InputError(f"the page's files {', '.join(missing)} are missing from {folder}; install landmark_fer again")
    return found | {address: found[f"/page/{name}"] for address, name in places.items()}


def token_page(pages, sentence, command):
    """Return the page that asks for the token, with a sentence and the command's name in it, as bytes."""
    content, _ = pages["/page/enter.html"]
    return content.replace(b"{{sentence}}", html.escape(sentence).encode()).replace(b"{{command}}", command.encode())


def as_json(value):
    """Return a value as compact JSON bytes."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
