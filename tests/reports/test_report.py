"""The report: every number is the manifest's, nothing comes from outside, and no drawing costs a fitted model."""

import copy
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from landmark_fer.artifact.artifact import DEFAULT_ARTIFACT, save_artifact
from landmark_fer.artifact.card import CARE
from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.core.errors import ArtifactError, SinkError
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import make_candidates
from landmark_fer.report.__main__ import main
from landmark_fer.reports.measures import report_facts
from landmark_fer.reports.parts import NOT_MEASURED, Cited, from_markdown
from landmark_fer.reports.report import REPORT_NAME, render_report, report_artifact, write_report
from tests.conftest import made_up_dataset

NETWORK = DEFAULT_ARTIFACT.with_name("cnn")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reading(HTMLParser):
    """What a browser would find: cited numbers, text, attributes; tags are closed in order."""

    def __init__(self, page):
        super().__init__()
        self.numbers, self.texts, self.attributes, self.tags, self._open = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        if tag == "data":
            self.numbers.append([dict(attrs), ""])

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self._open and self._open[-1] == "data":
            self.numbers[-1][1] += data

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A manifest with everything that a report shows."""
    dataset = made_up_dataset(30, splits=(["Training"] * 22 + ["PublicTest"] * 8) * 3)
    comparison = compare(dataset, make_candidates(["dummy", "ls_svm"], features="both"), n_folds=2, bar=False)
    model = fit_chosen(dataset, comparison, features="both")
    facts = model.facts | report_facts(dataset, comparison, model) | {"seed": 0, "command": "python -m x --out 'a b'"}
    return save_artifact(tmp_path_factory.mktemp("report") / "small", model.predictor, facts).manifest


@pytest.fixture(scope="module")
def page(whole):
    return render_report(whole)


def value_at(manifest, path):
    for step in json.loads(path):
        manifest = manifest[step]
    return manifest


def check_numbers(page, manifest):
    """Every cited number is the manifest's, and its text is that number rounded; return how many there are."""
    numbers = Reading(page).numbers
    for attributes, text in numbers:
        value = value_at(manifest, attributes["data-of"])
        assert float(attributes["value"]) == value
        shown, digits = float(re.sub(r"[,%]|MB", "", text)), len(text.rstrip(" %MB").partition(".")[2])
        expected = float(attributes["data-scale"]) * value
        assert math.isclose(shown, expected, abs_tol=0.5000001 * 10**-digits), (attributes, text)
        assert ("%" in text) <= (attributes["data-scale"] == "100")
    return len(numbers)


class TestNumbers:
    def test_all_are_the_manifests(self, page, whole):
        assert check_numbers(page, whole) > 80

    def test_no_share_in_the_text_is_left_uncited(self, page, whole):
        for scores in whole["scores"].values():
            assert f"Accuracy {100 * scores['accuracy']:.1f} %" in Reading(page).text
        uncited = re.sub(r"<(data|style|svg|pre).*?</\1>", "", page, flags=re.DOTALL)
        said = whole["choice"] + whole["folds"]  # sentences of the manifest, and the confidence of all intervals
        assert all(share in said or share == "95 %" for share in re.findall(r"[\d.]+ %", uncited))

    @pytest.mark.parametrize("folder", [DEFAULT_ARTIFACT, NETWORK])
    def test_of_the_bundled_models_too(self, folder, tmp_path):
        if not (folder / "manifest.json").is_file():
            pytest.skip("the artifact is not in this checkout")
        written = report_artifact(folder, tmp_path / "page.html").read_text(encoding="utf-8")
        assert check_numbers(written, read_manifest(folder)) > 100

    def test_what_the_manifest_lacks_is_said_to_be_not_measured(self, whole):
        old = copy.deepcopy(whole)
        for name in ("learning_curve", "importance", "fold_scores"):
            del old[name]
        for scores in old["scores"].values():
            del scores["reliability"]
        page = render_report(old)
        assert check_numbers(page, old) > 60
        assert page.count(NOT_MEASURED) >= 4

    def test_numbers_that_are_none_are_not_measured(self):
        cited = Cited({"a": None, "b": True, "c": "1", "d": [0.25]})
        assert cited.percent("a") == cited.percent("b") == cited.percent("c") == cited.percent("e", 0) == NOT_MEASURED
        assert ">25.0 %</data>" in cited.percent("d", 0)

    def test_a_manifest_of_next_to_nothing_still_makes_a_page(self, whole):
        least = ("format", "format_version", "classes", "fields", "probe", "extractor", "versions", "model", "created")
        page = render_report({name: whole[name] for name in least})
        assert "It was not scored" in page and check_numbers(page, whole) >= 1


class TestPage:
    def test_it_has_every_part(self, page, whole):
        text = Reading(page).text
        for heading in (
            "What was fitted on what", "Candidates in cross-validation", "PublicTest: faces that it met last",
            "When it says uncertain", "What more faces would be worth", "What it goes by",
            "Near-duplicates, and faces that no detector saw", "Use, and what it must not be used for", "Licence",
            "To make the same again",
        ):  # fmt: skip
            assert heading in text
        assert "python -m x --out 'a b'" in text and "iBUG 300-W" in text and "Art. 5(1)(f)" in text
        assert page.count("<svg") == 7 and "could not be drawn" not in page
        assert whole["model"]["sha256"] in page and f"scikit-learn {whole['versions']['scikit-learn']}" in text

    def test_nothing_comes_from_outside(self, page):
        reading = Reading(page)
        assert not {"script", "link", "img", "iframe", "object", "image"} & set(reading.tags)
        assert "@import" not in page and "http" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
        for name, value in reading.attributes:
            assert name not in ("src", "srcset", "xlink:href") and not name.startswith("on")
            if name == "href":
                assert value.startswith("#")
        assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", page))

    def test_no_name_is_given_twice(self, page):
        names = [value for name, value in Reading(page).attributes if name == "id"]
        assert len(names) == len(set(names)) > 50

    def test_dark_and_print_are_looked_after(self, page):
        assert "screen and (prefers-color-scheme: dark)" in page and "@media print" in page
        for looks in re.findall(r'<text[^>]*style="([^"]*)"', page):
            assert "fill: var(--" in looks or "fill: #ffffff" in looks

    def test_names_from_outside_are_letters(self, whole):
        bad = "<img src=x onerror=alert(1)>&\"'"
        text = json.dumps(whole)
        for name in ("ls_svm", "happy", "PublicTest"):
            text = text.replace(json.dumps(name), json.dumps(bad))
        hostile = json.loads(text) | dict.fromkeys(("command", "choice", "folds", "features", "seed", "created"), bad)
        hostile["data"]["source"] = bad
        hostile["versions"] = {bad: bad}
        hostile["calibration"] = {"kind": bad, "members": [bad, bad]}
        hostile["search"] = {"text": bad}
        page = render_report(hostile)
        reading = Reading(page)
        assert "img" not in reading.tags and not any(name == "onerror" for name, _ in reading.attributes)
        assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 20
        assert check_numbers(page, hostile) > 80

    def test_the_cards_prose_is_all_there(self):
        text = Reading(f"<div>{from_markdown(CARE)}</div>").text
        for word in ("Barrett et al. 2019", "2 February 2025", "(AI Act, Art. 5(1)(f)", "do not represent mankind."):
            assert word in text


class TestFewFaces:
    """What few faces show is said with care, and not at the top."""

    def test_accuracies_on_few_faces_are_said_to_tell_little(self, whole, page):
        assert whole["scores"]["PublicTest"]["n"] < 100 and "So few faces tell little" in page
        many = copy.deepcopy(whole)
        many["scores"]["PublicTest"]["n"] = 100
        assert "So few faces tell little" not in render_report(many)

    def test_sure_predictions_stand_at_the_top_only_where_they_are_many(self, whole):
        manifest = copy.deepcopy(whole)
        chosen = next(row for row in manifest["comparison"] if row["name"] == manifest["model_name"])
        for coverage, threshold, at_top, too_few in (
            (0.9, 0.5, True, False),
            (0.1, 0.5, False, True),
            (1, 0, False, False),
        ):
            manifest["rejection"] |= {"coverage": coverage, "threshold": threshold}
            page = render_report(manifest)
            assert np.sum(chosen["confusion"]) == 66
            assert ("that it is sure enough to answer" in page) is at_top
            assert ("too few answers to rely on" in page) is too_few

    def test_without_any_near_duplicate_leak_free_figures_are_not_given_twice(self, whole, page):
        assert whole["scores"]["PublicTest"]["n_leak_free"] == whole["scores"]["PublicTest"]["n"]
        assert (
            "None of them has a near-duplicate" in page
            and "accuracy on those without a near-duplicate in training" not in page
        )
        half = copy.deepcopy(whole)
        half["scores"]["PublicTest"]["n_leak_free"] = 11
        assert "accuracy on those without a near-duplicate in training" in render_report(half)

    def test_faces_held_out_are_called_so(self, whole):
        manifest = json.loads(json.dumps(whole).replace("PublicTest", "held out"))
        text = Reading(render_report(manifest)).text
        assert "Held out: faces that it met last" in text and "held-out faces was exchanged" in text
        assert "faces of held out" not in text

    def test_regions_that_change_nothing_are_said_in_a_sentence(self, whole):
        manifest = copy.deepcopy(whole)
        for row in manifest["importance"]["rows"]:
            row |= {"drop": 0.0, "interval": [0.0, 0.0]}
        page = render_report(manifest)
        assert "No region changed how many answers are right" in page and page.count("<svg") == 6

    def test_a_model_of_crops_is_said_to_have_no_regions(self, whole):
        manifest = copy.deepcopy(whole) | {"fields": ["crop"]}
        del manifest["importance"]
        assert "regions of the face have no fixed place" in render_report(manifest)
        assert "landmark_fer.report DIR --data PATH" in render_report(manifest | {"fields": ["chip"]})


class TestNetwork:
    def test_curves_stand_in_the_place_of_the_learning_curve(self, tmp_path):
        page = report_artifact(NETWORK, tmp_path / "page.html").read_text(encoding="utf-8")
        assert "How the training went" in page and "What more faces would be worth" not in page
        assert "Accuracy by epoch" in page and "Loss by epoch" in page and "576,167" in page

    def test_a_history_that_cannot_be_read_is_done_without(self, tmp_path):
        (tmp_path / "manifest.json").write_bytes((NETWORK / "manifest.json").read_bytes())
        (tmp_path / "history.csv").write_text("epoch,loss\none,two\n")
        page = report_artifact(tmp_path).read_text(encoding="utf-8")
        assert "How the training went" in page and NOT_MEASURED in page


class TestMeasuring:
    def test_the_curve_grows_by_doubling_on_one_fold_and_ends_with_what_cross_validation_said(self, whole):
        rows = whole["learning_curve"]["rows"]
        assert len(rows) >= 2 and len({row["n_held_out"] for row in rows}) == 1
        sizes = np.array([row["n"] for row in rows])
        np.testing.assert_allclose(sizes[1:] / sizes[:-1], 2, rtol=0.1)
        assert rows[-1]["accuracy"] == whole["fold_scores"]["models"][whole["model_name"]][0]

    def test_scores_of_folds_make_up_the_accuracy(self, whole):
        for row in whole["comparison"]:
            folds = whole["fold_scores"]["models"][row["name"]]
            assert len(folds) == 2 and np.mean(folds) == pytest.approx(row["accuracy"], abs=0.02)

    def test_a_quick_report_costs_no_fit_and_none_nothing(self, monkeypatch):
        from landmark_fer.reports import measures as report_measures

        def refuse(*args, **options):
            raise AssertionError("measured")

        monkeypatch.setattr(report_measures, "learning_curve", refuse)
        monkeypatch.setattr(report_measures, "grouped_importance", refuse)
        dataset = made_up_dataset(14, splits=(["Training"] * 10 + ["PublicTest"] * 4) * 3)
        comparison = compare(dataset, make_candidates(["dummy"]), n_folds=2, bar=False)
        model = fit_chosen(dataset, comparison, features="both")
        assert set(report_facts(dataset, comparison, model, level="quick")) == {"fold_scores"}
        assert report_facts(dataset, comparison, model, level="none") == {}

    def test_what_goes_wrong_while_measuring_is_said_and_left_out(self, monkeypatch, caplog):
        from landmark_fer.reports import measures as report_measures

        def fail(*args, **options):
            raise RuntimeError("no luck")

        monkeypatch.setattr(report_measures, "learning_curve", fail)
        dataset = made_up_dataset(30, splits=(["Training"] * 22 + ["PublicTest"] * 8) * 3)
        comparison = compare(dataset, make_candidates(["ls_svm"]), n_folds=2, bar=False)
        model = fit_chosen(dataset, comparison, features="both")
        assert set(report_facts(dataset, comparison, model)) == {"fold_scores", "importance"}
        assert "learning curve could not be measured for the report (no luck)" in caplog.text


class TestWriting:
    def test_the_artifact_holds_it_and_still_loads(self, model, tmp_path):
        from landmark_fer.artifact.artifact import load_artifact

        path = save_artifact(tmp_path / "small", model.predictor, model.facts).path
        assert report_artifact(path) == path / REPORT_NAME
        assert load_artifact(path).classes and not list(path.glob(".*"))

    def test_a_image_that_cannot_be_drawn_is_missed_in_a_sentence(self, whole, monkeypatch, caplog):
        from landmark_fer.figures.per_class import ConfusionFigure

        def fail(*args, **options):
            raise RuntimeError("<no ink>")

        monkeypatch.setattr(ConfusionFigure, "draw", fail)
        page = render_report(whole)
        assert "could not be drawn (&lt;no ink&gt;)" in page and page.count("<svg") == 6
        assert check_numbers(page, whole) > 80 and "no ink" in caplog.text

    def test_a_place_that_cannot_be_written_is_said_and_an_earlier_page_stays(self, whole, tmp_path, monkeypatch):
        with pytest.raises(SinkError, match=r"page.html could not be written .*; choose another"):
            write_report(tmp_path / "none" / "page.html", whole)
        (tmp_path / "page.html").write_text("earlier")

        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(SinkError, match="No space left on device"):
            write_report(tmp_path / "page.html", whole)
        assert (tmp_path / "page.html").read_text() == "earlier" and len(list(tmp_path.iterdir())) == 1

    def test_no_artifact_no_report(self, tmp_path):
        with pytest.raises(ArtifactError, match="does not exist"):
            report_artifact(tmp_path / "none")


class TestCommand:
    def test_it_writes_again_what_stands_beside_the_model(self, model, tmp_path, capsys):
        path = save_artifact(tmp_path / "small", model.predictor, model.facts).path
        assert main([str(path)]) == 0
        assert f"wrote {path / REPORT_NAME}" in capsys.readouterr().out
        first = (path / REPORT_NAME).read_text(encoding="utf-8")
        assert main([str(path), "--out", str(tmp_path / "again.html")]) == 0
        assert (tmp_path / "again.html").read_text(encoding="utf-8") == first

    def test_bad_places_are_one_sentence(self, tmp_path, capsys):
        assert main([str(tmp_path / "none")]) == 2
        assert capsys.readouterr().err.startswith("error: artifact ")
