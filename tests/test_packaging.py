"""The distribution: its requirements, and a wheel that works in an environment outside of the checkout."""

import io
import json
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PATIENCE_S = 300  # for a process on a busy machine


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

    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}

    def start(*words):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([python, "-P", *words], cwd=empty, env=environment, **pipes)

    def run(*words):
        with start(*words) as process:
            out, error = process.communicate()
        assert process.returncode == 0, error
        assert str(site) not in error
        return out

    run.folder, run.site, run.start = empty, site, start
    before = files_of(site)
    yield run
    assert files_of(site) == before, "a command wrote into the installed package"


def files_of(site):
    """Return the files of the installed package without compiled code."""
    return {path for path in site.glob("landmark_fer/**/*") if "__pycache__" not in path.parts}


@pytest.mark.slow
def test_the_wheel_has_the_bundled_models_and_the_table(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in (
        "artifacts/default/model.joblib",
        "artifacts/cnn/model.onnx",
        "artifacts/ensemble/ensemble.json",
        "data/fer2013_geometry.npz",
    ):
        assert f"landmark_fer/bundled/{file}" in names
    assert "landmark_fer/py.typed" in names
    assert wheel.stat().st_size < 25e6
    assert not [name for name in names if name.startswith(("tests", "docs", "benchmarks"))]


@pytest.mark.slow
def test_python_works_from_an_empty_folder(installed, astronaut):
    assert str(installed.site) in installed("-c", "import landmark_fer; print(landmark_fer.__file__)")
    Image.fromarray(astronaut).save(installed.folder / "photo.jpg", quality=95)
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL):
        assert installed("-c", block).startswith("happy ")
    code = "from landmark_fer import load_artifact; print(load_artifact('cnn').path)"
    assert installed("-c", code).strip() == str(installed.site / "landmark_fer/bundled/artifacts/cnn")


@pytest.mark.slow
def test_live_and_fit_write_into_the_working_folder(installed):
    outputs = ("--log", "demo.csv", "--summary", "demo.html", "--versus", "cnn")
    installed("-m", "landmark_fer.live", "--source", "demo", "--headless", "--max-frames", "3", *outputs)
    assert "versus_expression" in (installed.folder / "demo.csv").read_text()
    assert "<h1>Expressions: demo" in (installed.folder / "demo.html").read_text()
    installed("-m", "landmark_fer.fit", "--models", "dummy", "--folds", "2", "--report", "quick")
    names = {path.name for path in (installed.folder / "artifacts" / "latest").iterdir()}
    assert {"manifest.json", "card.md", "report.html"} <= names
    assert installed("-m", "landmark_fer.report", "cnn") == "wrote report.html\n"
    assert "network" in (installed.folder / "report.html").read_text()


@pytest.mark.slow
def test_evaluate_reads_a_csv_in_the_form_of_fer2013(installed, astronaut):
    crop = Image.fromarray(astronaut[40:240, 140:330]).convert("L").resize((48, 48))
    pixels = " ".join(str(value) for value in crop.tobytes())
    rows = [f"{code},{pixels},PublicTest" for code in (3, 3, 6)]
    (installed.folder / "faces.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    for model in ("default", "cnn", "ensemble"):
        outputs = ("--json", "scores.json", "--report", "scores.html")
        installed("-m", "landmark_fer.evaluate", "--model", model, "--data", "faces.csv", "--jobs", "1", *outputs)
        scores = json.loads((installed.folder / "scores.json").read_text())
        assert (scores["n"], scores["accuracy"]) == (3, pytest.approx(2 / 3))
    home = installed.folder.parent / "home"
    assert list(home.rglob("landmark_fer/*"))  # the cache
    assert not (installed.site / "data").exists()


@pytest.mark.slow
def test_the_page_and_its_interface_are_served(installed, astronaut):
    pytest.importorskip("fastapi")
    process = installed.start("-m", "landmark_fer.live", "--web", "127.0.0.1:0", "--source", "demo")
    try:
        line = next((line for line in process.stdout if "http://" in line), None)
        assert line, process.stderr.read()
        address = re.search(r"http://[\d.:]+/", line)[0]
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            assert b"<title>" in answer.read()
        file = io.BytesIO()
        Image.fromarray(astronaut).save(file, "PNG")
        request = urllib.request.Request(f"{address}v1/recognize", file.getvalue(), {"Content-Type": "image/png"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert json.load(answer)["faces"][0]["expression"] == "happy"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, error
        assert out.strip() == "stopped"
    finally:
        process.kill()
