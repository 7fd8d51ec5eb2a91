"""Images of malicious size are refused before decoding, in every format."""

import json
import subprocess
import sys

import PIL
import pytest

from tests.accidents.fuzzing import ROOT, is_sentence
from tests.accidents.hostile import HARMLESS, PROGRAMS, TOO_LARGE

MOST_GROWTH = 48 * 2**20  # bytes; 64,000,000 pixels of any kind take more


@pytest.fixture(scope="module")
def results():
    done = subprocess.run(
        [sys.executable, "-m", "tests.accidents.hostile"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_peak_memory_is_measured(results):
    assert results["allowed"]["outcome"] == [6000, 6000, 3] and results["allowed"]["growth"] > 36_000_000


@pytest.mark.parametrize("name", TOO_LARGE)
def test_images_that_claim_too_many_pixels_are_refused_without_using_memory(results, name):
    assert isinstance(results[name]["outcome"], str) and is_sentence(results[name]["outcome"]), results[name]
    assert results[name]["growth"] < MOST_GROWTH


def test_the_message_names_the_maximum_size(results):
    sized = [name for name in TOO_LARGE if "at most 64,000,000 pixels" in results[name]["outcome"]]
    late = {"webp"} if PIL.__version__.startswith("11.0.") else set()  # that Pillow looks at all of it first
    assert {"png header", "png, whole", "jpeg", "gif screen", "bmp", "tiff", "webp", "ppm"} - late <= set(sized)


@pytest.mark.parametrize("name", HARMLESS)
def test_decompression_bombs_use_no_memory(results, name):
    outcome = results[name]["outcome"]
    assert is_sentence(outcome) if isinstance(outcome, str) else outcome == [16, 16, 3]
    assert results[name]["growth"] < MOST_GROWTH


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_formats_are_not_decoded(results, name):
    assert "must be an image" in results[name]["outcome"]
