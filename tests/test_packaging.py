"""The distribution: its requirements, and a wheel that works in an environment outside of the checkout."""

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements_of(name):
    """Return the requirements that a file has of its own, without those of the files that it includes."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "-r"))]


def test_dependencies_are_those_of_the_requirements_file():
    assert PROJECT["dependencies"] == requirements_of("requirements.txt")


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_every_extra_is_its_requirements_file(extra):
    own = [line for line in EXTRAS[extra] if not line.startswith("landmark-fer[")]
    assert own == requirements_of(f"requirements-{extra}.txt")


def test_every_requirements_file_is_an_extra():
    names = {path.stem.removeprefix("requirements-") for path in ROOT.glob("requirements-*.txt")}
    assert names - {"oldest"} == set(EXTRAS)


def test_dev_has_what_its_requirements_file_includes():
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    included = {
        re.fullmatch(r"-r requirements-(\w+)\.txt", line)[1]
        for line in lines
        if line.startswith("-r require") and "-" in line[4:]
    }
    named = next(line for line in EXTRAS["dev"] if line.startswith("landmark-fer["))
    assert set(named.removeprefix("landmark-fer[").rstrip("]").split(",")) == included


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run a command in an environment that has the wheel; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "environment", system_site_packages=False, with_pip=False)
    python = folder / "environment" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    site = Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    here = subprocess.check_output(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    (site / "dependencies.pth").write_text(here)
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    empty = folder / "empty"
    empty.mkdir()

    def run(*words):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run([python, "-P", *words], cwd=empty, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder, run.site = empty, site
    return run


@pytest.mark.slow
def test_the_wheel_has_the_bundled_models_and_the_table(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in ("artifacts/default/model.joblib", "artifacts/cnn/model.onnx", "data/fer2013_geometry.npz"):
        assert f"landmark_fer/bundled/{file}" in names
    assert "landmark_fer/py.typed" in names
    assert wheel.stat().st_size < 25e6
    assert not [name for name in names if name.startswith(("tests", "docs", "benchmarks"))]


@pytest.mark.slow
def test_the_installed_package_works_from_an_empty_folder(installed):
    assert str(installed.site) in installed("-c", "import landmark_fer; print(landmark_fer.__file__)")
    code = (
        "from skimage.data import astronaut; from landmark_fer import Recognizer, load_artifact\n"
        "print(Recognizer(load_artifact()).recognize(astronaut())[0].expression)"
    )
    assert installed("-c", code) == "happy\n"
    outputs = ("--log", "demo.csv", "--summary", "demo.html")
    installed("-m", "landmark_fer.live", "--source", "demo", "--headless", "--max-frames", "3", *outputs)
    assert (installed.folder / "demo.csv").read_text().startswith("frame,")
    assert "<h1>Expressions: demo" in (installed.folder / "demo.html").read_text()
    installed("-m", "landmark_fer.fit", "--models", "dummy", "--folds", "2", "--report", "quick")
    names = {path.name for path in (installed.folder / "artifacts" / "latest").iterdir()}
    assert {"manifest.json", "card.md", "report.html"} <= names
    assert not [path for path in installed.site.glob("landmark_fer/**/*") if path.name in ("cache", "latest")]
