"""Reports: every number is the manifest's, pages are self-contained, and a failed figure does not stop them."""

import copy
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from landmark_fer.artifact.artifact import save_artifact
from landmark_fer.artifact.card import USE
from landmark_fer.artifact.manifest import DEFAULT_ARTIFACT, read_manifest
from landmark_fer.core.errors import ArtifactError, SinkError
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import make_candidates
from landmark_fer.report.__main__ import main
from landmark_fer.reports.measures import report_facts
from landmark_fer.reports.model_report import REPORT_NAME, render_report, report_artifact
from landmark_fer.reports.page import NOT_MEASURED, Cited, write_page
from tests.conftest import made_up_dataset

NETWORK = DEFAULT_ARTIFACT.with_name("cnn")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class ParsedPage(HTMLParser):
    """A parsed page: cited numbers, text, attributes. Fails if tags are not closed in order."""

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
    numbers = ParsedPage(page).numbers
    for attributes, text in numbers:
        value = value_at(manifest, attributes["data-of"])
        assert float(attributes["value"]) == value
        shown, digits = float(re.sub(r"[,%]|MB", "", text)), len(text.rstrip(" %MB").partition(".")[2])
        expected = float(attributes["data-scale"]) * value
        assert math.isclose(shown, expected, abs_tol=0.5000001 * 10**-digits), (attributes, text)
        assert ("%" in text) <= (attributes["data-scale"] == "100")
    return len(numbers)


class TestNumbers:
    def test_every_cited_number_is_the_manifests(self, page, whole):
        assert check_numbers(page, whole) > 80

    def test_no_share_in_the_text_is_left_uncited(self, page, whole):
        for scores in whole["scores"].values():
            assert f"Accuracy {100 * scores['accuracy']:.1f} %" in ParsedPage(page).text
        uncited = re.sub(r"<(data|style|svg|pre).*?</\1>", "", page, flags=re.DOTALL)
        sentences = whole["choice"] + whole["folds"] + "".join(USE["limits"])  # and the confidence of all intervals
        assert all(share in sentences or share == "95 %" for share in re.findall(r"[\d.]+ %", uncited))

    @pytest.mark.parametrize("folder", [DEFAULT_ARTIFACT, NETWORK])
    def test_numbers_of_the_bundled_reports_are_the_manifests(self, folder, tmp_path):
        if not (folder / "manifest.json").is_file():
            pytest.skip("the artifact is not in this checkout")
        written = report_artifact(folder, tmp_path / "page.html").read_text(encoding="utf-8")
        assert check_numbers(written, read_manifest(folder)) > 100

    def test_what_the_manifest_lacks_is_reported_as_not_measured(self, whole):
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

    def test_a_minimal_manifest_makes_a_page(self, whole):
        least = ("format", "format_version", "classes", "fields", "probe", "extractor", "versions", "model", "created")
        page = render_report({name: whole[name] for name in least})
        assert "The model was not scored" in page and check_numbers(page, whole) >= 1


class TestPage:
    def test_the_page_has_every_section(self, page, whole):
        text = ParsedPage(page).text
        for heading in (
            "Model and training data", "Candidates in cross-validation", "PublicTest: test scores",
            "Confidence threshold", "Learning curve", "Importance of face regions",
            "Near-duplicates and undetected faces", "Intended and prohibited use", "Licence", "Reproduction",
        ):  # fmt: skip
            assert heading in text
        assert "python -m x --out 'a b'" in text and "iBUG 300-W" in text and "Art. 5(1)(f)" in text
        assert page.count("<svg") == 7 and "could not be drawn" not in page
        assert whole["model"]["sha256"] in page and f"scikit-learn {whole['versions']['scikit-learn']}" in text

    def test_the_page_loads_no_other_file(self, page):
        parsed = ParsedPage(page)
        assert not {"script", "link", "img", "iframe", "object", "image"} & set(parsed.tags)
        assert "@import" not in page and "http" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
        for name, value in parsed.attributes:
            assert name not in ("src", "srcset", "xlink:href") and not name.startswith("on")
            if name == "href":
                assert value.startswith("#")
        assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", page))

    def test_ids_are_unique(self, page):
        names = [value for name, value in ParsedPage(page).attributes if name == "id"]
        assert len(names) == len(set(names)) > 50

    def test_the_page_has_dark_and_print_styles(self, page):
        assert "screen and (prefers-color-scheme: dark)" in page and "@media print" in page
        for style in re.findall(r'<text[^>]*style="([^"]*)"', page):
            assert "fill: var(--" in style or "fill: #ffffff" in style

    def test_values_from_outside_are_escaped(self, whole):
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
        parsed = ParsedPage(page)
        assert "img" not in parsed.tags and not any(name == "onerror" for name, _ in parsed.attributes)
        assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 20
        assert check_numbers(page, hostile) > 80

    def test_the_page_has_the_cards_text_on_use(self, page):
        text = ParsedPage(page).text
        assert USE["purpose"] in text and all(limit in text for limit in USE["limits"])
        for word in ("Barrett et al. 2019", "2 February 2025", "(AI Act, Art. 5(1)(f)", "do not represent mankind."):
            assert word in text


class TestFewFaces:
    """Results on few faces are marked as such."""

    def test_small_samples_are_reported(self, whole, page):
        assert whole["scores"]["PublicTest"]["n"] < 100 and "The sample is small" in page
        many = copy.deepcopy(whole)
        many["scores"]["PublicTest"]["n"] = 100
        assert "The sample is small" not in render_report(many)

    def test_accuracy_above_the_threshold_is_a_key_number_only_with_enough_predictions(self, whole):
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
            assert ("above the confidence threshold" in page) is at_top
            assert ("too few predictions to rely on" in page) is too_few

    def test_leak_free_accuracy_is_omitted_if_no_test_face_has_a_near_duplicate(self, whole, page):
        assert whole["scores"]["PublicTest"]["n_leak_free"] == whole["scores"]["PublicTest"]["n"]
        assert (
            "None of these faces has a near-duplicate" in page
            and "leak-free accuracy: on faces without a near-duplicate in training" not in page
        )
        half = copy.deepcopy(whole)
        half["scores"]["PublicTest"]["n_leak_free"] = 11
        assert "leak-free accuracy: on faces without a near-duplicate in training" in render_report(half)

    def test_held_out_faces_are_named(self, whole):
        manifest = json.loads(json.dumps(whole).replace("PublicTest", "held out"))
        text = ParsedPage(render_report(manifest)).text
        assert "Held out: test scores" in text and "held-out faces was exchanged" in text
        assert "faces of held out" not in text

    def test_regions_without_influence_are_reported_in_a_sentence(self, whole):
        manifest = copy.deepcopy(whole)
        for row in manifest["importance"]["rows"]:
            row |= {"drop": 0.0, "interval": [0.0, 0.0]}
        page = render_report(manifest)
        assert "No region changed the accuracy" in page and page.count("<svg") == 6

    def test_models_of_crops_have_no_regions(self, whole):
        manifest = copy.deepcopy(whole) | {"fields": ["crop"]}
        del manifest["importance"]
        assert "regions of the face have no fixed place" in render_report(manifest)
        assert "landmark_fer.report DIR --data PATH" in render_report(manifest | {"fields": ["chip"]})


class TestNetwork:
    def test_training_curves_replace_the_learning_curve(self, tmp_path):
        page = report_artifact(NETWORK, tmp_path / "page.html").read_text(encoding="utf-8")
        assert "<h2>Training curves</h2>" in page and "<h2>Learning curve</h2>" not in page
        assert "Accuracy by epoch" in page and "Loss by epoch" in page and "1,786,023" in page

    def test_an_unreadable_history_is_left_out(self, tmp_path):
        (tmp_path / "manifest.json").write_bytes((NETWORK / "manifest.json").read_bytes())
        (tmp_path / "history.csv").write_text("epoch,loss\none,two\n")
        page = report_artifact(tmp_path).read_text(encoding="utf-8")
        assert "<h2>Training curves</h2>" in page and NOT_MEASURED in page


class TestMeasuring:
    def test_the_learning_curve_doubles_on_one_fold_and_ends_at_the_cross_validated_accuracy(self, whole):
        rows = whole["learning_curve"]["rows"]
        assert len(rows) >= 2 and len({row["n_held_out"] for row in rows}) == 1
        sizes = np.array([row["n"] for row in rows])
        np.testing.assert_allclose(sizes[1:] / sizes[:-1], 2, rtol=0.1)
        assert rows[-1]["accuracy"] == whole["fold_scores"]["models"][whole["model_name"]][0]

    def test_the_mean_of_fold_scores_is_the_accuracy(self, whole):
        for row in whole["comparison"]:
            folds = whole["fold_scores"]["models"][row["name"]]
            assert len(folds) == 2 and np.mean(folds) == pytest.approx(row["accuracy"], abs=0.02)

    def test_a_quick_report_measures_no_fits_and_none_measures_nothing(self, monkeypatch):
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

    def test_a_failed_measurement_is_logged_and_left_out(self, monkeypatch, caplog):
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
    def test_the_artifact_with_a_report_loads(self, model, tmp_path):
        from landmark_fer.artifact.artifact import load_artifact

        path = save_artifact(tmp_path / "small", model.predictor, model.facts).path
        assert report_artifact(path) == path / REPORT_NAME
        assert load_artifact(path).classes and not list(path.glob(".*"))

    def test_a_figure_that_cannot_be_drawn_is_replaced_by_a_sentence(self, whole, monkeypatch, caplog):
        from landmark_fer.figures.per_class import ConfusionFigure

        def fail(*args, **options):
            raise RuntimeError("<no ink>")

        monkeypatch.setattr(ConfusionFigure, "draw", fail)
        page = render_report(whole)
        assert "could not be drawn (&lt;no ink&gt;)" in page and page.count("<svg") == 6
        assert check_numbers(page, whole) > 80 and "no ink" in caplog.text

    def test_a_failed_write_is_reported_and_keeps_the_earlier_page(self, whole, tmp_path, monkeypatch):
        with pytest.raises(SinkError, match=r"page.html could not be written .*; choose another"):
            write_page(tmp_path / "none" / "page.html", "new")
        (tmp_path / "page.html").write_text("earlier")

        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(SinkError, match="No space left on device"):
            write_page(tmp_path / "page.html", "new")
        assert (tmp_path / "page.html").read_text() == "earlier" and len(list(tmp_path.iterdir())) == 1

    def test_a_missing_artifact_is_an_error(self, tmp_path):
        with pytest.raises(ArtifactError, match="does not exist"):
            report_artifact(tmp_path / "none")


class TestCommand:
    def test_it_writes_the_same_report_again(self, model, tmp_path, capsys):
        path = save_artifact(tmp_path / "small", model.predictor, model.facts).path
        assert main([str(path)]) == 0
        assert f"wrote {path / REPORT_NAME}" in capsys.readouterr().out
        first = (path / REPORT_NAME).read_text(encoding="utf-8")
        assert main([str(path), "--out", str(tmp_path / "again.html")]) == 0
        assert (tmp_path / "again.html").read_text(encoding="utf-8") == first

    def test_a_missing_folder_is_one_sentence(self, tmp_path, capsys):
        assert main([str(tmp_path / "none")]) == 2
        assert capsys.readouterr().err.startswith("error: artifact ")
