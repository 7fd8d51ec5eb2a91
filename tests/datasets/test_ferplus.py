import shutil

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, FERPLUS_COLUMNS
from landmark_fer.datasets.readers import ferplus
from landmark_fer.datasets.readers.ferplus import join_votes, majority, read_votes, soft_labels


def votes_of(**numbers):
    return [numbers.get(column, 0) for column in FERPLUS_COLUMNS]


ROWS = [votes_of(anger=6, disgust=4), votes_of(happiness=5, neutral=5), votes_of(contempt=9, unknown=1)] + [
    votes_of(NF=10),
    votes_of(sadness=4, fear=3, surprise=3),
    *[votes_of(happiness=10)] * 15,
]


def ferplus_text(usages, rows=ROWS):
    header = "Usage,Image name," + ",".join(FERPLUS_COLUMNS)
    lines = [f"{usage},fer.png,{','.join(map(str, votes))}" for usage, votes in zip(usages, rows, strict=True)]
    return "\n".join([header, *lines]) + "\n"


@pytest.fixture
def pair(tmp_path, fer_csv, dataset):
    """fer2013.csv with fer2013new.csv next to it."""
    shutil.copy(fer_csv, tmp_path / "fer2013.csv")
    (tmp_path / "fer2013new.csv").write_text(ferplus_text(dataset.splits))
    return tmp_path / "fer2013.csv"


def test_majority_is_more_than_half_of_all_votes_for_an_expression():
    assert majority(np.array(ROWS[:5])).tolist() == ["angry", "", "contempt", "", ""]
    assert majority(np.empty((0, 10), int)).shape == (0,)


def test_soft_labels_are_shares_among_the_classes():
    shares = soft_labels(np.array(ROWS[:4]))
    assert shares.shape == (4, len(EXPRESSIONS))
    assert shares[0, EXPRESSIONS.index("angry")] == 0.6
    assert shares[2, EXPRESSIONS.index("contempt")] == 1
    assert shares.sum(axis=1).tolist() == [1, 1, 1, 0]
    assert soft_labels(np.array(ROWS[:1]), ("disgust", "happy")).tolist() == [[1, 0]]
    with pytest.raises(InputError, match="classes must be among angry"):
        soft_labels(np.array(ROWS), ("bored",))


def test_labels_by_majority_leave_out_unclear_faces(pair, load, dataset):
    ferplus = load(pair, labels="ferplus")
    assert ferplus.rows.tolist() == [0, 2, *range(5, 20)]
    assert ferplus.expressions[:3].tolist() == ["angry", "contempt", "happy"]
    assert ferplus.votes.tolist() == [ROWS[row] for row in ferplus.rows]
    assert np.array_equal(ferplus.records, dataset.records[ferplus.rows])
    assert ferplus.problems == ["FER+ has no clear majority for 3 of 20 faces, which are left out"]
    assert ferplus.n_left_out == 3


def test_votes_match_the_rows_of_a_part(pair, dataset):
    part = join_votes(dataset.take([3, 0]), pair.with_name("fer2013new.csv"))
    assert part.votes.tolist() == [ROWS[3], ROWS[0]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("PublicTest", "Training"), r"row 14 is 'Training' in the votes and 'PublicTest'"),
        (lambda text: "\n".join(text.splitlines()[:10]), "must have votes for row 19 of fer2013.csv, got 9 rows"),
        (lambda text: text.replace("contempt", "bored"), "lacks contempt, got .*; is it fer2013new.csv"),
        (lambda text: text.replace(",10,", ",ten,"), "row 5 of .* must have 12 cells with whole numbers"),
        (lambda text: "", "lacks Usage"),
    ],
)
def test_votes_that_do_not_match_are_reported(pair, load, change, sentence):
    votes = pair.with_name("fer2013new.csv")
    votes.write_text(change(votes.read_text()))
    with pytest.raises(DataError, match=sentence):
        load(pair, labels="ferplus")


def test_missing_votes_are_reported(fer_csv, kaggle_folder, load):
    with pytest.raises(DataError, match=r"fer2013new.csv does not exist; put FER"):
        load(fer_csv, labels="ferplus")
    with pytest.raises(InputError, match="needs FER2013's csv"):
        load(kaggle_folder, labels="ferplus")


def test_usages_are_read(pair, dataset):
    votes, usages = read_votes(pair.with_name("fer2013new.csv"))
    assert votes.shape == (20, 10)
    assert np.array_equal(usages, dataset.splits)


def test_votes_of_finds_the_votes_of_a_data_set_without_them(pair, fer_csv, dataset):
    assert np.array_equal(ferplus.votes_of(dataset, pair), join_votes(dataset, pair.with_name("fer2013new.csv")).votes)
    assert ferplus.votes_of(dataset, fer_csv) is None
    pair.with_name("fer2013new.csv").write_text("Usage\n")
    assert ferplus.votes_of(dataset, pair) is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_votes_may_have_any_dialect(tmp_path, separator, encoding):
    text = ferplus_text(["Training", "PublicTest"], ROWS[:2])
    path = tmp_path / "it.csv"
    lines = [line.replace(",", separator) for line in text.splitlines()]
    changed = lines[0].upper() + "\r\n" + "\r\n\r\n".join(lines[1:]).replace("PublicTest", '"public test"')
    path.write_bytes(changed.replace(f"6{separator}", f" 6.0{separator}").encode(encoding))
    votes, usages = read_votes(path)
    assert votes.tolist() == ROWS[:2] and usages.tolist() == ["Training", "PublicTest"]


def test_votes_match_in_any_letter_case_of_usage(pair, load):
    pair.write_text(pair.read_text().replace("Training", "train").replace("PublicTest", "publictest"))
    assert load(pair).votes.tolist() == ROWS


def test_votes_are_not_used_without_usage(pair, load):
    pair.write_text("\n".join(line.rpartition(",")[0] for line in pair.read_text().splitlines()))
    assert ferplus.votes_of(load(pair, votes="none"), pair) is None
