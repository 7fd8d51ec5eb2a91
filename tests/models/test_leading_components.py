"""Principal components of any number of faces."""

import numpy as np
import pytest

from landmark_fer.models.classic_methods import LeadingComponents


@pytest.mark.parametrize(("n", "kept"), [(60, 10), (6, 5), (2, 1)])
def test_fewer_faces_keep_fewer_components(generator, n, kept):
    values = generator.normal(size=(n, 20)).astype(np.float32)
    components = LeadingComponents(10).fit(values).transform(values)
    assert components.shape == (n, kept)
    assert LeadingComponents(10).fit(values).transform(values[:0]).shape == (0, kept)


def test_more_components_than_columns_are_all_columns(generator):
    assert LeadingComponents(10).fit_transform(generator.normal(size=(50, 3))).shape == (50, 3)


def test_whitened_components_have_variance_one(generator):
    values = generator.normal(size=(300, 8)) * np.arange(1, 9)
    np.testing.assert_allclose(LeadingComponents(5, whiten=True).fit_transform(values).std(axis=0), 1, rtol=0.02)


def test_the_components_come_from_faces_spread_evenly(generator):
    values = generator.normal(size=(100, 8))
    few = LeadingComponents(4, max_faces=50).fit(values).transform(values)
    np.testing.assert_allclose(few, LeadingComponents(4).fit(values[::2]).transform(values))
