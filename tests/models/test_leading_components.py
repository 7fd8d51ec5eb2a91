"""PCA of any number of faces."""

import numpy as np
import pytest

from landmark_fer.models.classic_methods import LeadingComponents


@pytest.mark.parametrize(("n", "n_components"), [(60, 10), (6, 5), (2, 1)])
def test_few_faces_give_fewer_components(generator, n, n_components):
    values = generator.normal(size=(n, 20)).astype(np.float32)
    components = LeadingComponents(10).fit(values).transform(values)
    assert components.shape == (n, n_components)
    assert LeadingComponents(10).fit(values).transform(values[:0]).shape == (0, n_components)


def test_components_are_limited_by_the_number_of_features(generator):
    assert LeadingComponents(10).fit_transform(generator.normal(size=(50, 3))).shape == (50, 3)


def test_whitened_components_have_variance_one(generator):
    values = generator.normal(size=(300, 8)) * np.arange(1, 9)
    np.testing.assert_allclose(LeadingComponents(5, whiten=True).fit_transform(values).std(axis=0), 1, rtol=0.02)


def test_components_are_fitted_to_faces_at_even_intervals(generator):
    values = generator.normal(size=(100, 8))
    few = LeadingComponents(4, max_faces=50).fit(values).transform(values)
    np.testing.assert_allclose(few, LeadingComponents(4).fit(values[::2]).transform(values))
