"""The words of the field stand everywhere; those of the project's former dialect do not come back."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What to write instead stands beside each pattern. A pattern is searched in every tracked text, in any letter case.
FORMER = {
    r"doors?\b": "command",
    r"doorway": "command",
    r"twins?\b": "near-duplicate",
    r"twin[-_ ]?(audit|safe|groups?|search)": "near-duplicate search, grouped folds",
    r"films?\b": "video",
    r"pictures?\b": "image",
    r"opponents?\b": "baselines",
    r"watched faces": "validation set",
    r"trained further": "fine-tuned",
    r"resting faces?": "neutral baseline",
    r"second look": "label review",
    r"suspects\b": "suspected label errors",
    r"pools? of opinions?": "ensemble",
    r"(pooled (probabilities|predictions|classifiers?)|blended|blends?)\b": "calibrated, ensemble",
    r"tally\b": "summary",
    r"sittings?\b": "session",
    r"anew\b": "again, new",
    r"beside\b": "next to, and",
    r"of which\b": "a sentence of its own",
    r"SideBySide": "FeatureBlocks",
    r"EmbeddedNeighbours": "EmbeddingKNN",
    r"LeastSquaresSVC": "LeastSquaresSVM",
    r"DropoutMLP": "MLPWithDropout",
}
NAMES = {"known", "given", "asked", "kept", "about", "how"}  # as names of values: they say nothing of what is in them

TEXTS = {".py", ".md", ".js", ".css", ".html", ".jinja", ".toml", ".txt", ".ipynb"}
# Licences are other people's words, requirements other people's names, and the changelog lists former names.
EXEMPT = ("LICENSE", "CHANGELOG.md", "docs/licences.md", "requirements", "tests/test_glossary.py")


def tracked(suffixes):
    """Return the paths of tracked text files, relative to the root."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout, to know which files belong to the project")
    names = filter(None, done.stdout.split("\0"))
    return [n for n in names if Path(n).suffix in suffixes and not n.startswith(EXEMPT) and (ROOT / n).is_file()]


def words_of(name):
    """Return the text of a file, its identifiers split into words."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("_", " ")) + text


@pytest.mark.parametrize("pattern", FORMER)
def test_former_words_do_not_come_back(pattern):
    search = re.compile(rf"\b{pattern}", re.IGNORECASE)
    found = [f"{name}: {match[0]!r}" for name in tracked(TEXTS) for match in search.finditer(words_of(name))]
    assert not found, f"write {FORMER[pattern]!r}: {found[:20]}"


def test_values_have_names_that_say_what_they_are():
    found = []
    for name in tracked({".py"}):
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            own = node.id if stored else node.arg if isinstance(node, ast.arg) else None
            found += [f"{name}:{node.lineno} {own}"] if own in NAMES else []
    assert not found
