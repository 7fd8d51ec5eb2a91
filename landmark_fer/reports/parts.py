"""Parts of a report: numbers with the place in the manifest that they come from, tables, images, sections."""

import json
import re
from html import escape

from landmark_fer.artifact.card import percent

NOT_MEASURED = "not measured"


class Cited:
    """Numbers of a manifest as HTML, each with its place, so that nothing is said that the manifest does not say.

    Each becomes a ``<data>`` element: its text is what people read, its ``value`` the number itself, its ``data-of``
    the path to it in the manifest, as JSON, and its ``data-scale`` what the number was multiplied by for the text.
    What is not there becomes "not measured".

    Parameters
    ----------
    manifest : dict
    """

    def __init__(self, manifest):
        self.manifest = manifest

    def at(self, *path):
        """Return the value at a path of keys and positions; None where there is none."""
        value = self.manifest
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def percent(self, *path):
        """Return a share as ``61.3 %``."""
        return self._cite(path, percent, scale=100)

    def points(self, *path, sign="+"):
        """Return a difference of shares in points, ``+1.3``; without a `sign`, only what is negative has one."""
        return self._cite(path, lambda value: f"{100 * value:{sign}.1f}", scale=100)

    def decimal(self, *path, digits=3):
        """Return a number with some digits after the point."""
        return self._cite(path, lambda value: f"{value:,.{digits}f}")

    def count(self, *path):
        """Return a whole number with its thousands apart."""
        return self._cite(path, lambda value: f"{value:,}")

    def megabytes(self, *path):
        """Return bytes as ``5.1 MB``."""
        return self._cite(path, lambda value: f"{value / 1e6:.1f} MB", scale=1e-6)

    def interval(self, *path):
        """Return an interval of shares as ``66.4 % to 69.5 %``."""
        return f"{self.percent(*path, 0)} to {self.percent(*path, 1)}"

    def text(self, *path):
        """Return a text of the manifest, escaped."""
        value = self.at(*path)
        return NOT_MEASURED if value is None else escape(str(value))

    def _cite(self, path, form, scale=1):
        value = self.at(*path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return NOT_MEASURED
        place = escape(json.dumps(path, ensure_ascii=False))
        return f'<data value="{value!r}" data-of="{place}" data-scale="{scale}">{form(value)}</data>'


def faces_named(name):
    """Return what the faces of a set of test faces are called, plain text, after their number."""
    if name == "held out":
        return "held-out faces"
    return f"faces {name}" if name.startswith("held out of ") else f"faces of {name}"


def section(heading, *parts):
    """Return a section of HTML parts, those that are empty left out; empty itself where all are."""
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(heading)}</h2>\n{inside}\n</section>" if inside else ""


def paragraph(*sentences, kind=None):
    """Return a paragraph of sentences that are HTML already; empty where there are none."""
    text = " ".join(sentence for sentence in sentences if sentence)
    looks = f' class="{kind}"' if kind else ""
    return f"<p{looks}>{text}</p>" if text else ""


def table(headings, rows, *, marked=None):
    """Return a table that scrolls sideways where it is too wide.

    Parameters
    ----------
    headings : sequence of str
        Plain text.
    rows : sequence of sequence of str
        HTML; the first cell of a row names it.
    marked : int, optional
        The row that stands out.
    """
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in headings)
    body = []
    for number, (name, *cells) in enumerate(rows):
        looks = ' class="marked"' if number == marked else ""
        values = "".join(f"<td>{cell}</td>" for cell in cells)
        body.append(f'<tr{looks}><th scope="row">{name}</th>{values}</tr>')
    return (
        f'<div class="wide" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def facts_list(rows):
    """Return names and what belongs to them, HTML both, as a list; rows whose second is empty are left out."""
    inside = "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows if value)
    return f"<dl>\n{inside}\n</dl>"


def folded(summary, *parts):
    """Return HTML parts that open on a click."""
    inside = "\n".join(part for part in parts if part)
    return f"<details><summary>{escape(summary)}</summary>\n{inside}\n</details>" if inside else ""


def from_markdown(text):
    """Return the plain Markdown of the card's prose, paragraphs, lists, a heading and `code`, as HTML."""
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = re.sub(r"\n  +", " ", block).splitlines()
        if lines[0].startswith("## "):
            continue
        if lines[0].startswith("- "):
            blocks.append("<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            blocks.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "\n".join(blocks)


def _inline(text):
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
