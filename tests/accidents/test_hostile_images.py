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
def told():
    done = subprocess.run(
        [sys.executable, "-m", "tests.accidents.hostile"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_peak_memory_is_measured(told):
    assert told["allowed"]["came"] == [6000, 6000, 3] and told["allowed"]["grew"] > 36_000_000


@pytest.mark.parametrize("name", TOO_LARGE)
def test_images_that_claim_too_many_pixels_are_refused_without_using_memory(told, name):
    assert isinstance(told[name]["came"], str) and is_sentence(told[name]["came"]), told[name]
    assert told[name]["grew"] < MOST_GROWTH


def test_the_message_names_the_maximum_size(told):
    sized = [name for name in TOO_LARGE if "at most 64,000,000 pixels" in told[name]["came"]]
    late = {"webp"} if PIL.__version__.startswith("11.0.") else set()  # that Pillow looks at all of it first
    assert {"png header", "png, whole", "jpeg", "gif screen", "bmp", "tiff", "webp", "ppm"} - late <= set(sized)


@pytest.mark.parametrize("name", HARMLESS)
def test_decompression_bombs_use_no_memory(told, name):
    came = told[name]["came"]
    assert is_sentence(came) if isinstance(came, str) else came == [16, 16, 3]
    assert told[name]["grew"] < MOST_GROWTH


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_formats_are_not_decoded(told, name):
    assert "must be an image" in told[name]["came"]
