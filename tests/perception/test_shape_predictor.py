"""The shape predictor walked with NumPy: what dlib answers, for its own file and for trees of any depth."""

import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import dlib
import numpy as np
import pytest

from landmark_fer.errors import DependencyError, SinkError
from landmark_fer.perception import dlib_format, predictor_tables
from landmark_fer.perception.dlib_format import FormatError, read_forests
from landmark_fer.perception.locating import FRAME_MARGIN, FRAME_SIDE, LandmarkPredictor, template_in_box
from landmark_fer.perception.pictures import to_grey
from landmark_fer.perception.predictor_file import find_predictor
from landmark_fer.perception.predictor_tables import load_shape_predictor
from landmark_fer.perception.shape_predictor import ShapePredictor, Tables
from landmark_fer.streaming.demo import DemoClip

SIDE = FRAME_SIDE + 2 * FRAME_MARGIN
BOX = dlib.rectangle(FRAME_MARGIN, FRAME_MARGIN, FRAME_MARGIN + 149, FRAME_MARGIN + 149)


def asked(predictor, patch, box=BOX):
    """What dlib says."""
    return np.array([(part.x, part.y) for part in predictor(patch, box).parts()], dtype=float)


@pytest.fixture(scope="module")
def patches(astronaut):
    """Patches with a face, well and badly framed, and without one."""
    clip, random = DemoClip(), np.random.default_rng(0)
    greys = [to_grey(clip.picture(index)) for index in (0, 60, 120, 180, 262)] + [to_grey(astronaut)]
    patches = []
    for grey in greys:
        for width in (180, 260, 400):
            x, y = (int(random.integers(0, length - width + 1)) for length in grey.shape[::-1])
            patches.append(cv2.resize(grey[y : y + width, x : x + width], (SIDE, SIDE)))
    patches += [random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8), np.zeros((SIDE, SIDE), np.uint8)]
    return np.stack(patches)


@pytest.fixture(scope="module")
def dlibs():
    return dlib.shape_predictor(str(find_predictor()))


def test_it_finds_the_points_that_dlib_finds(patches, dlibs):
    found = load_shape_predictor(find_predictor()).locate(patches, corner=FRAME_MARGIN, size=(149, 149))
    expected = np.stack([asked(dlibs, patch) for patch in patches])
    assert found.shape == (len(patches), 68, 2)
    # Places of pixels are rounded a little otherwise; one patch in sixty differs by a leaf (docs/decisions/0024).
    assert (found != expected).any(axis=(1, 2)).sum() <= 1 and np.abs(found - expected).max() <= 2


@pytest.mark.parametrize("width, height", [(150, 110), (60, 149), (150, 1), (300, 300)])
def test_boxes_of_any_shape_and_pixels_beyond_the_patch_are_as_dlib_has_them(patches, dlibs, width, height):
    box = dlib.rectangle(FRAME_MARGIN, FRAME_MARGIN, FRAME_MARGIN + width - 1, FRAME_MARGIN + height - 1)
    found = load_shape_predictor(find_predictor()).locate(patches, corner=FRAME_MARGIN, size=(width - 1, height - 1))
    differing = [(asked(dlibs, patch, box) != points).any() for patch, points in zip(patches, found, strict=True)]
    assert sum(differing) <= 1


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Predictors that dlib trains here, by the depth of their trees: (file, dlib's own)."""
    random, trained = np.random.default_rng(0), {}
    points = template_in_box(FRAME_SIDE, FRAME_MARGIN)
    pictures, truths = [], []
    for _ in range(8):
        shown = points + random.normal(0, 4, 2) + random.normal(0, 1.5, points.shape)
        picture = np.full((SIDE, SIDE), 120, np.uint8)
        for x, y in shown:
            cv2.circle(picture, (round(x), round(y)), 5, int(random.integers(0, 256)), -1)
        pictures.append(cv2.GaussianBlur(picture, None, 2))
        parts = [dlib.point(round(x), round(y)) for x, y in shown]
        truths.append([dlib.full_object_detection(BOX, parts)])
    for depth in (1, 2, 3, 4, 5):
        options = dlib.shape_predictor_training_options()
        options.tree_depth, options.cascade_depth, options.num_trees_per_cascade_level = depth, 3, 11
        options.oversampling_amount, options.feature_pool_size, options.num_test_splits = 4, 40, 5
        predictor = dlib.train_shape_predictor(pictures, truths, options)
        path = tmp_path_factory.mktemp("small") / f"depth{depth}.dat"
        predictor.save(str(path))
        trained[depth] = path, predictor
    return trained, np.stack(pictures)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_trees_of_any_depth_are_walked_as_dlib_does(small, depth):
    trained, pictures = small
    path, predictor = trained[depth]
    walked = ShapePredictor(Tables.of(read_forests(path)))
    assert walked.n_landmarks == 68
    found = walked.locate(pictures, corner=FRAME_MARGIN, size=(149, 149))
    np.testing.assert_array_equal(found, np.stack([asked(predictor, picture) for picture in pictures]))
    assert np.ptp(found, axis=0).max() > 2, "they answer what they see"


class TestFormat:
    @pytest.mark.parametrize("part", [1, 2, 17, 1000, 4096])
    def test_a_file_is_read_alike_in_parts_of_any_length(self, small, monkeypatch, part):
        path = small[0][2][0]
        whole = read_forests(path)
        monkeypatch.setattr(dlib_format, "_PART", part)
        for name, values in vars(read_forests(path)).items():
            np.testing.assert_array_equal(values, getattr(whole, name))

    @pytest.mark.parametrize("kept", [0, 1, 7, 400, 0.5, 0.999])
    def test_a_file_that_ends_early_is_refused(self, small, tmp_path, kept):
        whole = small[0][4][0].read_bytes()
        (tmp_path / "cut.dat").write_bytes(whole[: kept if isinstance(kept, int) else round(kept * len(whole))])
        with pytest.raises(FormatError):
            read_forests(tmp_path / "cut.dat")

    @pytest.mark.parametrize("damage", [b"", b"\x01\x02", b"\x09", b"\xff" * 40])
    def test_what_follows_the_last_number_or_is_none_is_refused(self, small, tmp_path, damage):
        whole = small[0][4][0].read_bytes()
        (tmp_path / "long.dat").write_bytes(whole + (damage or b"\x01\x00"))
        with pytest.raises(FormatError):
            read_forests(tmp_path / "long.dat")

    def test_no_damaged_byte_makes_it_fail_otherwise(self, small, tmp_path):
        whole, random = bytearray(small[0][2][0].read_bytes()), np.random.default_rng(1)
        refused = 0
        for place in random.integers(0, len(whole), 60):
            damaged = whole.copy()
            damaged[place] ^= 1 << int(random.integers(8))
            (tmp_path / "damaged.dat").write_bytes(damaged)
            try:
                read_forests(tmp_path / "damaged.dat")
            except FormatError:
                refused += 1
        assert 10 < refused < 60, "what is in range is a number like any other"


class TestTables:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / "cache"))
        predictor_tables._loaded.cache_clear()
        yield tmp_path / "cache"
        predictor_tables._loaded.cache_clear()

    @staticmethod
    def loaded_anew(path):
        predictor_tables._loaded.cache_clear()
        return load_shape_predictor(path)

    def test_they_are_kept_and_the_file_is_not_read_again(self, small, cache, monkeypatch):
        path, pictures = small[0][4][0], small[1]
        first = load_shape_predictor(path).locate(pictures, corner=FRAME_MARGIN, size=(149, 149))
        assert len(list(cache.iterdir())) == 1
        monkeypatch.setattr(predictor_tables, "read_forests", None)
        again = self.loaded_anew(path).locate(pictures, corner=FRAME_MARGIN, size=(149, 149))
        np.testing.assert_array_equal(again, first)

    def test_of_those_that_ask_at_once_one_reads_the_file_and_the_others_wait(self, small, cache, monkeypatch):
        read = []

        def slowly(path):
            read.append(path)
            time.sleep(0.5)
            return read_forests(path)

        monkeypatch.setattr(predictor_tables, "read_forests", slowly)
        with ThreadPoolExecutor(3) as threads:
            path = small[0][4][0]
            found = list(threads.map(lambda _: predictor_tables._loaded.__wrapped__(path, 0).n_landmarks, range(3)))
        assert found == [68] * 3 and read == [path]
        assert [entry.suffix for entry in cache.iterdir()] == [".npz"]

    def test_a_damaged_entry_is_made_anew(self, small, cache):
        path, pictures = small[0][4][0], small[1]
        first = load_shape_predictor(path).locate(pictures, corner=FRAME_MARGIN, size=(149, 149))
        (entry,) = cache.iterdir()
        whole = entry.read_bytes()
        for content in (b"", whole[: len(whole) // 2], b"PK" + whole[2:-200], b"not an archive"):
            entry.write_bytes(content)
            again = self.loaded_anew(path).locate(pictures, corner=FRAME_MARGIN, size=(149, 149))
            np.testing.assert_array_equal(again, first)
            assert entry.read_bytes() == whole

    def test_without_a_place_to_keep_them_they_are_made_each_time(self, small, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / "file" / "cache"))
        assert self.loaded_anew(small[0][4][0]).n_landmarks == 68

        def nowhere():
            raise SinkError("no home")

        monkeypatch.setattr(predictor_tables, "cache_folder", nowhere)
        assert self.loaded_anew(small[0][4][0]).n_landmarks == 68

    def test_a_file_that_was_changed_is_read_anew(self, small, tmp_path):
        path, pictures = tmp_path / "own.dat", small[1]
        answers = []
        for depth in (2, 4):
            path.write_bytes(small[0][depth][0].read_bytes())
            answers.append(load_shape_predictor(path).locate(pictures, corner=FRAME_MARGIN, size=(149, 149)))
        assert (answers[0] != answers[1]).any()

    def test_another_number_of_points_is_refused(self, small, tmp_path, monkeypatch):
        forests = read_forests(small[0][2][0])
        five = forests.initial[:5], forests.leaves[..., :10]
        tables = Tables.of(type(forests)(**vars(forests) | {"initial": five[0], "leaves": five[1]}))
        monkeypatch.setattr(predictor_tables, "read_npz", lambda path: vars(tables))
        with pytest.raises(DependencyError, match=r"the shape predictor must have 68 points, got 5 in .*depth2\.dat"):
            LandmarkPredictor(small[0][2][0])
