"""Sphinx settings. The source folder is the repository's root, so that links are the same here and on GitHub."""

import re
import sys
from pathlib import Path

from sphinx.util.nodes import make_refnode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import landmark_fer  # noqa: E402  (the checkout's, whatever is installed)

project = "landmark_fer"
version = release = landmark_fer.__version__
author = "the landmark_fer authors"
copyright = author
language = "en"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc", "myst_nb", "sphinx_copybutton"]

root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "notebooks/README.md",
    "data/README.md",
    "artifacts/README.md",
    "artifacts/default/card.md",
    "artifacts/cnn/card.md",
    "artifacts/ensemble/card.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
_READ = ("docs", "notebooks", "data", "artifacts", "CHANGELOG.md", "CONTRIBUTING.md")
exclude_patterns = [entry.name for entry in ROOT.iterdir() if entry.name not in _READ]
exclude_patterns += ["data/raw", "data/cache", "**/.ipynb_checkpoints"]

# A link that leads nowhere is a warning, and warnings fail the build.
nitpicky = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks carry their outputs; their own test runs them
nb_ipywidgets_js = {}  # the default fetches scripts from another site
nb_merge_streams = True
nb_render_markdown_format = "myst"  # links in what a cell shows are links of the site

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # the docstrings name types, with shapes and units
highlight_language = "text"  # most blocks without a language are commands
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
default_role = "py:obj"
viewcode_follow_imported_members = False  # else the way back from a source leads to places that are not there
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "landmark_fer"
html_favicon = "../landmark_fer/live/web/page/icon.svg"
html_logo = html_favicon
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
html_additional_pages = {"index": "to_the_index.html"}
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # summaries are fetched, which browsers forbid to pages of the file system
html_theme_options = {
    "logo": {"text": "landmark_fer"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

MODULES = re.compile(r"^<!-- modules: (.+) -->$", re.MULTILINE)
"""A line of a page under docs/api that names modules, or a package with ``.*`` after it for all that it holds."""


LIST = "\n```{{toctree}}\n:hidden:\n{options}\n{entries}\n```\n"


def modules_named(names):
    """Return the modules that a line of a page names, those of ``package.*`` by what lies in its folder."""
    for name in names.split():
        package = name.removesuffix(".*")
        if name == package:
            yield name
        else:
            files = sorted((ROOT / package.replace(".", "/")).glob("[!_]*.py"))
            yield from (f"{package}.{file.stem}" for file in files)


def describe(module):
    """Return the Markdown that has a module described from its docstrings."""
    name = module.rpartition(".")[2]
    return f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"


def write_out(app, docname, source):
    """Replace a line that names modules by their description, and list the notebooks on their page."""
    if docname.startswith("docs/api/"):
        source[0] = MODULES.sub(lambda line: "\n".join(map(describe, modules_named(line[1]))), source[0])
    elif docname == "notebooks/README" and any((ROOT / "notebooks").glob("*.ipynb")):
        source[0] += LIST.format(options=":glob:\n", entries="[0-9]*")


def link_by_last_name(app, env, node, contnode):
    """Link a name of a docstring to the one documented thing that ends so.

    Names in single backticks may be parameters, and types may be other packages': those stay text. A name of our own
    that is asked for by a role and is not there goes on to be a warning.
    """
    kind, name = node.get("reftype"), node.get("reftarget", "")
    if node.get("refdomain") != "py" or (kind != "obj" and name.startswith("landmark_fer")):
        return None
    domain = env.get_domain("py")
    found = [full for full in domain.objects if full == name or full.endswith(f".{name}")] if kind == "obj" else []
    if len(found) != 1:
        return contnode
    target = domain.objects[found[0]]
    return make_refnode(app.builder, node["refdoc"], target.docname, target.node_id, contnode, found[0])


def leave_out(app, what, name, obj, skip, options):
    """Leave out the methods that scikit-learn adds to every estimator for passing metadata."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def write_plainly(app, what, name, obj, options, lines):
    """Make the references of a module's docstring a list, what is indented in it code, and stars before names stars."""
    text = "\n".join(lines)
    if what == "module":
        text = re.sub(r"^References\n-+$", "References:\n", text, flags=re.MULTILINE)
        text = re.sub(r"^\.\. (\[\d\])", r"*  \1", text, flags=re.MULTILINE)
        text = re.sub(r"(\[\d\])_", r"\1", text)
        text = re.sub(r"(?<!::)\n\n(?= {4}\S)", "\n\n::\n\n", text)
    lines[:] = re.sub(r"(?<![\w`*\\])(\*{1,2})(?=[a-z_.]+[,)])", r"\\\1", text).split("\n")


def setup(app):
    """Have Sphinx call what is above."""
    app.connect("source-read", write_out)
    app.connect("missing-reference", link_by_last_name)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("autodoc-process-docstring", write_plainly, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
