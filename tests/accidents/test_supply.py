"""Dependencies are pinned by hash, have a listed licence, and are audited."""

import re
import subprocess
import sys

import pytest

from tests.accidents.fuzzing import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import audit
import licences
import lock
import packages


def test_lock_files_satisfy_the_requirements():
    assert lock.problems(lock.LOCK.read_text(), lock.SOURCES) == []
    assert lock.problems(lock.OLDEST.read_text(), lock.SOURCES, hashes=False) == []


def test_lock_files_hold_only_pins_with_hashes():
    pins = lock.pins(lock.LOCK.read_text())
    assert {"numpy", "scikit-learn", "opencv-python", "dlib-bin", "fastapi", "skops"} <= set(pins)
    assert all(hashes > 0 for versions in pins.values() for _, _, hashes in versions)
    entries = re.findall(r"^(?![ #]).+$", lock.LOCK.read_text(), flags=re.M)
    assert all(re.match(r"[a-z0-9.-]+==\S+", entry) for entry in entries)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: re.sub(r"^numpy==\S+", "numpy==1.26.4", text, flags=re.M), "1.26.4 is locked"),
        (lambda text: text.replace("pillow==", "pillows=="), "pillow is required and not locked"),
        (lambda text: f"{text}\nstray==1.0\n", "stray is locked without a hash"),
        (lambda text: f"--index-url http://pypi.example/simple\n{text}", "names a host"),
    ],
)
def test_wrong_lock_files_are_reported(change, message):
    assert any(message in problem for problem in lock.problems(change(lock.LOCK.read_text()), lock.SOURCES))


def test_the_oldest_versions_are_the_lower_bounds():
    oldest = lock.pins(lock.OLDEST.read_text())
    for requirement in lock.requirements(("requirements.txt",)):
        if requirement.marker is None or requirement.marker.evaluate({"sys_platform": "linux"}):
            ((version, _, _),) = oldest[packages.canonicalize_name(requirement.name)]
            lowest = next(each.version for each in requirement.specifier if each.operator in (">=", "=="))
            assert version.split(".")[:2] == (lowest.split(".") + ["0"])[:2], requirement


def test_every_dependency_has_a_listed_licence():
    found, missing = packages.installed(lock.requirements(("requirements.txt",)))
    assert missing == [] and len(found) > 15
    assert [package.name for package in found if package.licence == "not said"] == []
    listed = (ROOT / "docs" / "licences.md").read_text()
    oldest, newest = (set(lock.pins(path.read_text())) for path in (lock.OLDEST, lock.LOCK))
    unlisted = {packages.canonicalize_name(each.name) for each in found if f"| {each.name} |" not in listed}
    assert unlisted <= oldest - newest, "what only old versions need, as pandas 2 needs pytz"


def test_the_licence_list_covers_every_requirements_file():
    files = {path.name for path in ROOT.glob("requirements*.txt")} - {lock.OLDEST.name}
    assert {name for names in licences.GROUPS.values() for name in names} == files
    text = licences.LIST.read_text()
    assert all(f"\n## {heading}\n" in text for heading in licences.GROUPS)
    listed = set(re.findall(r"^\| (\S+) \|", text, flags=re.M))
    named = {packages.canonicalize_name(each.name) for each in lock.requirements(files)}
    assert named - listed <= {"dlib"}, "those of other machines"


def test_an_incomplete_licence_list_is_not_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["licences.py"])
    monkeypatch.setattr(licences, "LIST", tmp_path / "licences.md")
    monkeypatch.setattr(licences, "GROUPS", {"One": ("requirements.txt",)})
    assert licences.main() == 0 and "| numpy |" in (tmp_path / "licences.md").read_text()
    monkeypatch.setattr(licences, "installed", lambda wanted: ([], ["gone"]))
    assert licences.main() == 1 and "| numpy |" in (tmp_path / "licences.md").read_text()
    assert "gone are not installed" in capsys.readouterr().err


def test_licences_are_read_from_all_three_metadata_fields():
    class Known(dict):
        def get_all(self, name):
            return self.get(name)

    assert packages.licence_of(Known({"License-Expression": "MIT", "License": "other"})) == "MIT"
    assert packages.licence_of(Known({"Classifier": ["License :: OSI Approved :: BSD License"]})) == "BSD License"
    assert packages.licence_of(Known({"License": "  Apache 2.0\n"})) == "Apache 2.0"
    assert packages.licence_of(Known({"License": "text " * 500})) == packages.licence_of(Known({})) == "not said"


def package(**changes):
    return {"name": "x", "version": "1.0", "vulns": []} | changes


class TestAudit:
    def test_an_audit_passes_only_if_every_package_was_looked_up(self, capsys):
        assert audit.verdict([package()]) == audit.CLEAN
        assert audit.verdict([package(), {"name": "y", "version": "2", "skip_reason": "not there"}]) == audit.NOT_RUN
        assert audit.verdict([]) == audit.NOT_RUN
        assert capsys.readouterr().out.count("NOT AUDITED") == 2

    def test_a_vulnerability_is_reported_with_the_fixed_version(self, capsys):
        wrong = package(vulns=[{"id": "PYSEC-1", "fix_versions": ["1.1"]}])
        assert audit.verdict([wrong, {"name": "y", "version": "2", "skip_reason": "not there"}]) == audit.FOUND
        assert "x 1.0: PYSEC-1, mended in 1.1" in capsys.readouterr().out

    @pytest.mark.parametrize("output", ["", "no JSON", "{}"])
    def test_an_audit_that_did_not_run_is_reported_and_fails(self, output, monkeypatch, capsys):
        done = subprocess.CompletedProcess([], 0, output, "ConnectionError: no network")
        monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: done)
        assert audit.main() == audit.NOT_RUN
        assert (
            "NOT AUDITED: vulnerabilities were not looked for (ConnectionError: no network)" in capsys.readouterr().out
        )
