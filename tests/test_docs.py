"""The site is built without warnings, requests no other site, and has no broken links."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from tests.documents import ROOT

pytestmark = pytest.mark.slow

FETCHED = {
    "link": "href",
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
    "embed": "src",
}
FETCHED_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest"}
IN_STYLES = re.compile(r"url\(\s*[\"']?([^)\"']+)|@import\s+[\"']([^\"']+)")
IN_SCRIPTS = re.compile(r"""(?:import\s*\(?|from|fetch\(|\.src\s*=)\s*["'](https?:)?//""")
SHAPE = re.compile(r"(https://[a-z0-9.-]+\.[a-z]{2,}|http://127\.0\.0\.1:\d+)(/[^\s<>\"]*)?")


class Page(HTMLParser):
    """What a page links to, what it fetches when it is opened, and the places in it that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.fetched, self.ids = path, [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attribute_of = dict(attributes)
        self.ids.update(filter(None, (attribute_of.get("id"), attribute_of.get("name") if tag == "a" else None)))
        if tag == "a" and attribute_of.get("href"):
            self.links.append(attribute_of["href"])
        relations = set((attribute_of.get("rel") or "").split())
        address = attribute_of.get(FETCHED.get(tag, ""))
        if address and (tag != "link" or relations & FETCHED_RELATIONS):
            self.fetched.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; building it is a test."""
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-c", "docs"]
    done = subprocess.run(
        [*command, "-d", folder / "trees", ".", folder / "html"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    found = sorted(set(site.rglob("*.html")) - set((site / "_static").rglob("*")))  # the theme's templates lie there
    return {path: Page(path) for path in found}


def test_every_document_and_notebook_has_a_page(site):
    wanted = ["index", "docs/index", "docs/quickstart", "docs/own_model", "docs/results", "docs/live", "docs/law"]
    wanted += ["docs/api/index", "data/README", "artifacts/default/card", "artifacts/cnn/card"]
    wanted += ["artifacts/ensemble/card"]
    wanted += [path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("docs/**/*.md")]
    wanted += [path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("notebooks/*.ipynb")]
    assert [name for name in wanted if not (site / f"{name}.html").is_file()] == []


def test_the_reference_covers_the_public_api(site):
    import landmark_fer
    from landmark_fer import _MODULES

    described = "".join(path.read_text(encoding="utf-8") for path in site.glob("docs/api/*.html"))
    for name, home in _MODULES.items():
        kind = "module" if isinstance(getattr(landmark_fer, name), tuple) else "object"
        assert f'id="{home}.{name}"' in described or (kind == "module" and f'id="module-{home}"' in described), name


def test_every_local_link_has_a_target(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links + page.fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                broken.append(f"{path.relative_to(site)}: {link}, no such place in the page")
    assert broken == []


def test_no_page_requests_another_site(site, pages):
    outside = [(path.name, link) for path, page in pages.items() for link in page.fetched if _is_outside(link)]
    for path in site.rglob("*.css"):
        found = IN_STYLES.findall(path.read_text(encoding="utf-8"))
        outside += [(path.name, link) for pair in found for link in pair if _is_outside(link)]
    for path in [*site.rglob("*.js"), *pages]:
        outside += [(path.name, found[0]) for found in IN_SCRIPTS.finditer(path.read_text(encoding="utf-8"))]
    assert outside == []


def test_links_to_other_sites_are_well_formed(pages):
    links = {link for page in pages.values() for link in page.links if _is_outside(link)}
    assert links and [link for link in links if not SHAPE.fullmatch(link)] == []


def test_a_broken_link_fails_the_build(tmp_path):
    pytest.importorskip("sphinx")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(
        "# Title\n\n[nowhere](nowhere.md) and {py:class}`landmark_fer.Nobody`\n"
    )
    settings = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    for name in ("_static", "_templates"):
        os.symlink(ROOT / "docs" / name, tmp_path / "docs" / name)
    os.symlink(ROOT / "landmark_fer", tmp_path / "landmark_fer")
    (tmp_path / "docs" / "conf.py").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-b", "dummy", "-q", "-W", "--keep-going", "-c", "docs", ".", "built"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "nowhere" in done.stderr and "Nobody" in done.stderr


def test_the_moving_image_is_small_and_moves():
    from PIL import Image

    path = ROOT / "docs" / "images" / "live.webp"
    assert path.stat().st_size <= 500_000
    with Image.open(path) as image:
        assert image.width >= 600 and image.n_frames > 100 and image.info["loop"] == 0


def _is_outside(link):
    return link.startswith("//") or urlsplit(link).scheme in ("http", "https", "ftp")
