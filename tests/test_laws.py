"""Rules of the code: layers, quick imports, quiet libraries, docstrings, no machine's own paths."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "landmark_fer"
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

# From the bottom up: a module imports from its own layer and from those before it.
LAYERS = (
    "core",
    "perception",
    "features",
    "datasets",
    "models",
    "evaluation",
    "figures",
    "drawing",
    "artifact",
    "recognition",
    "reports",
    "fit",
    "evaluate",
    "report",
    "live",
    "collect",
    "__main__",
)
LEVELS = {name: level for level, name in enumerate(LAYERS)}
COMMANDS = ("fit", "evaluate", "report", "live", "collect", "__main__")
PRINTING = {f"landmark_fer.{name}" for name in COMMANDS}
PRINTING |= {f"landmark_fer.{name}.__main__" for name in COMMANDS} | {"landmark_fer.datasets.geometry_table"}
HEAVY = ("dlib", "cv2", "keras", "tensorflow", "torch", "matplotlib", "sklearn", "scipy", "pandas")
HEAVY += ("onnxruntime", "jinja2")


def imported(tree):
    """Return every module that a tree imports, at its top or inside a function, as dotted names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module):
    """Return the layer of a module of the package; '' for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_module_belongs_to_a_layer():
    assert {layer(name) for name in MODULES} - {"__init__"} <= set(LEVELS)


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name) != "__init__"])
def test_imports_go_down_only(name):
    for other in imported(TREES[name]):
        if (other in MODULES or f"{other}.__init__" in MODULES) and layer(other):
            assert LEVELS[layer(other)] <= LEVELS[layer(name)], f"{name} imports {other} from a layer above"


def test_only_perception_imports_dlib():
    users = {name for name, tree in TREES.items() if any(other.split(".")[0] == "dlib" for other in imported(tree))}
    assert users
    assert {layer(name) for name in users} == {"perception"}


def test_nothing_imports_the_package_of_the_predictor():
    for tree in TREES.values():
        assert not any(other.startswith("face_recognition_models") for other in imported(tree))


def test_only_commands_print():
    for name, tree in TREES.items():
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        prints = [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
        assert name in PRINTING or not prints, f"{name} prints"


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    tree = TREES[name]
    assert ast.get_docstring(tree), f"{name} has no docstring"
    scopes = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))]
    for scope in scopes:
        for node in scope.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{name}: {node.name} has no docstring"


def loaded_by(code):
    """Return the heavy packages that a new Python process has loaded after running some code."""
    code = f"""
import atexit, sys
def report():
    print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
atexit.register(report)
{code}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import scipy") == ["scipy"]
    assert loaded_by("import landmark_fer; assert landmark_fer.__version__; dir(landmark_fer)") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_loads_nothing_heavy(command):
    code = "import sys, runpy; sys.argv = ['x', '--help']; "
    assert loaded_by(code + f"runpy.run_module('landmark_fer.{command}', run_name='__main__')") == []


def test_every_public_name_exists():
    import landmark_fer

    for name in landmark_fer.__all__:
        assert getattr(landmark_fer, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = landmark_fer.nothing


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="no checkout")
def test_no_tracked_file_has_a_path_of_one_machine():
    names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    machine_path = re.compile(r"(?<![\w.~<])/(?:work|home|root|Users|tmp/w)/\w|\b[A-Z]:\\Users\\")
    wrong = []
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if not path.is_file() or path == Path(__file__) or os.path.getsize(path) > 2**20:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{name}: {match.group()}" for match in machine_path.finditer(text)]
    assert wrong == []


def test_only_tests_import_tests():
    folders = ("landmark_fer", "benchmarks", "docs", "tools")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    importing = re.compile(r"^\s*(?:from|import) tests\b", re.M)
    assert [str(path) for path in files if importing.search(path.read_text(encoding="utf-8"))] == []
