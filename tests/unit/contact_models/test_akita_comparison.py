"""Comparison on the scale of Akita: each step against torch and scipy, missing entries included."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import pearsonr

from cisflow.contacts.agreement import pearson_from_sums
from cisflow.evaluation.akita_comparison import akita_factor, akita_sums, akita_view, crop_of, upsample

RNG = np.random.default_rng(3)


def symmetric(windows, bins):
    maps = RNG.normal(size=(windows, bins, bins))
    return maps + maps.transpose(0, 2, 1)


def by_torch(maps, factor):
    values = torch.from_numpy(maps)[:, None]
    mode = {"scale_factor": factor, "mode": "bilinear", "align_corners": False}
    return torch.nn.functional.interpolate(values, **mode)[:, 0].numpy()


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_upsampling_is_torchs(factor):
    maps = symmetric(2, 13)
    np.testing.assert_allclose(upsample(maps, factor), by_torch(maps, factor), atol=1e-12)


def test_missing_entries_spread_as_in_torch():
    maps = symmetric(1, 9)
    maps[0, 4, :] = maps[0, :, 4] = np.nan
    np.testing.assert_array_equal(np.isnan(upsample(maps, 2)), np.isnan(by_torch(maps, 2)))


def test_published_grid():
    """250 bins of 4 kb become 500 of 2 kb and, without 26 on each side, Akita's 448."""
    assert akita_factor(4000, 250) == 2
    assert crop_of(500) == 26
    assert akita_view(symmetric(1, 250), 2).shape == (1, 448, 448)
    assert akita_factor(2048, 512) == 1
    assert [akita_factor(size, 250) for size in (100, 8000, 9500, 128_000)] == [1, 4, None, None]
    assert akita_factor(4000, 8) is None


def test_smoothing_is_a_kernel_of_five_by_five():
    maps = np.zeros((1, 60, 60))
    maps[0, 30, 30] = 1.0
    view = akita_view(maps, 1)[0]
    crop = crop_of(60)
    weights = np.exp(-0.5 * np.arange(-2, 3) ** 2)
    weights /= weights.sum()
    found = view[28 - crop : 33 - crop, 28 - crop : 33 - crop]
    np.testing.assert_allclose(found, np.outer(weights, weights), atol=1e-12)
    assert view.sum() == pytest.approx(1.0)
    assert akita_view(9 * np.ones((1, 60, 60)), 1).max() == 2
    assert akita_view(-9 * np.ones((1, 60, 60)), 1).min() == -2


def test_correlation_is_that_of_the_steps_one_by_one():
    observed = symmetric(2, 60).astype(np.float32)
    predicted = observed + symmetric(2, 60).astype(np.float32)
    observed[0, 20, :] = observed[0, :, 20] = np.nan
    found = pearson_from_sums(akita_sums(predicted, observed, 2))
    for w in range(2):
        views = []
        for maps in (predicted, observed):
            fine = by_torch(maps[w : w + 1].astype(np.float64), 2)[0]
            view = np.clip(gaussian_filter(fine, 1, truncate=2)[6:-6, 6:-6], -2, 2)
            for d in range(-len(view) + 1, len(view)):
                rows, columns = np.nonzero(np.eye(len(view), k=d))
                values = view[rows, columns]
                view[rows, columns] = values - (np.nanmean(values) if np.isfinite(values).any() else 0)
            views.append(view)
        both = np.isfinite(views[0]) & np.isfinite(views[1])
        assert both.sum() < both.size if w == 0 else both.all()
        assert found[w] == pytest.approx(pearsonr(views[0][both], views[1][both])[0], abs=1e-9)
