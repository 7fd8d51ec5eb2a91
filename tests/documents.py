"""The pages that people read, and the blocks of code in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
_OUTSIDE_DOCS = ("README.md", "CONTRIBUTING.md", "data/README.md", "artifacts/README.md", "notebooks/README.md")
_FENCED = r"^(?P<fence>```+|:::+)(?P<word>[^\n]*)\n(?P<inside>.*?)^(?P=fence)[ \t]*$"
_INDENTED = r"(?<=\n\n)(?P<lines>(?: {4}[^\n]+\n)(?:(?: {4}[^\n]*)?\n)*)"
_BLOCK = re.compile(f"{_FENCED}|{_INDENTED}", re.MULTILINE | re.DOTALL)

PAGES = [ROOT / name for name in _OUTSIDE_DOCS if (ROOT / name).is_file()] + sorted((ROOT / "docs").rglob("*.md"))


class Block(NamedTuple):
    """A block of code: its page's name, the line it begins in, the word after its fence ("" without), its text."""

    page: str
    line: int
    word: str
    text: str


def blocks_of(path):
    """Return the blocks of a page; those with a word in braces are directives of Sphinx and left out."""
    text = path.read_text(encoding="utf-8")
    name, blocks = path.relative_to(ROOT).as_posix(), []
    for match in _BLOCK.finditer(text):
        word = (match["word"] or "").strip()
        lines = match["inside"] if match["lines"] is None else re.sub(r"^ {4}", "", match["lines"], flags=re.MULTILINE)
        if not word.startswith("{"):
            blocks.append(Block(name, text[: match.start()].count("\n") + 1, word, lines.strip("\n")))
    return blocks
