"""The file of the shape predictor: found without importing its package, and checked."""

import importlib.metadata
import subprocess
import sys

import pytest

from landmark_fer.core.errors import DependencyError
from landmark_fer.perception import predictor_file
from landmark_fer.perception.predictor_file import PREDICTOR_NAME, PREDICTOR_SHA256, PREDICTOR_VARIABLE, find_predictor


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(PREDICTOR_VARIABLE, raising=False)


def test_the_packaged_file_is_found_without_importing_the_package():
    code = (
        "import sys; from landmark_fer.perception.predictor_file import find_predictor as find; path = find();"
        "assert 'face_recognition_models' not in sys.modules and 'dlib' not in sys.modules; print(path.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == PREDICTOR_NAME


def test_the_packaged_file_has_the_expected_hash():
    assert predictor_file.sha256_of(find_predictor()) == PREDICTOR_SHA256


def test_a_custom_file_precedes_the_variable_and_the_variable_the_package(tmp_path, monkeypatch):
    own, other = tmp_path / "own.dat", tmp_path / "other.dat"
    own.touch()
    other.touch()
    monkeypatch.setenv(PREDICTOR_VARIABLE, str(other))
    assert find_predictor(own) == own
    assert find_predictor() == other


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_missing_custom_file_is_reported(tmp_path, monkeypatch, by_variable):
    missing = tmp_path / "none.dat"
    if by_variable:
        monkeypatch.setenv(PREDICTOR_VARIABLE, str(missing))
    with pytest.raises(DependencyError, match=rf"none\.dat is no file; give the path of {PREDICTOR_NAME}"):
        find_predictor(None if by_variable else missing)


def test_a_damaged_packaged_file_is_reported(tmp_path, monkeypatch):
    damaged = tmp_path / PREDICTOR_NAME
    damaged.write_bytes(b"half of it")
    monkeypatch.setattr(predictor_file, "packaged_file", lambda: damaged)
    with pytest.raises(DependencyError, match=r"must have SHA-256 fbdc2cb8.*reinstall"):
        find_predictor()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    own = tmp_path / "own.dat"
    own.touch()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(predictor_file, "open", refuse, raising=False)
    with pytest.raises(DependencyError, match=r"own\.dat cannot be read \(Permission denied\); check"):
        predictor_file.sha256_of(own)


def test_a_missing_package_is_reported_with_the_command_that_installs_it(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    with pytest.raises(DependencyError, match=r"pip install face_recognition_models==0\.1\.3"):
        find_predictor()


def test_a_package_without_the_file_is_reported(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda name: None)
    with pytest.raises(DependencyError, match="was not found"):
        find_predictor()
