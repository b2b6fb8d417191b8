"""Layers with channels side by side against torch's own, in both directions."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from cisflow.models import channels_last
from cisflow.models.channels_last import Chain, Doubling, Norm, Pool, same_convolution
from cisflow.models.checkpointing import frozen_statistics
from cisflow.models.orca_blocks import linear_1d, nonlinear_2d


@pytest.fixture(autouse=True)
def own_functions(monkeypatch):
    """The small layers of these tests pass the functions that are meant for wide ones."""
    monkeypatch.setattr(channels_last, "NARROW", 1)
    monkeypatch.setattr(channels_last, "FEW", 0)


def side_by_side(x):
    return x.contiguous(memory_format=torch.channels_last)


def wave(*shape):
    return torch.sin(0.7 * torch.arange(torch.Size(shape).numel()).double()).reshape(shape)


@pytest.mark.parametrize("copied", [300, 2**20])
@pytest.mark.parametrize(
    ("shape", "out", "kernel", "dilation"),
    [
        ((2, 5, 1, 90), 7, (1, 9), 1),
        ((2, 6, 15, 11), 4, (3, 3), 3),
        ((1, 3, 20, 20), 5, (3, 3), 16),
        ((3, 4, 1, 30), 2, (1, 3), 1),
        ((2, 8, 6, 6), 5, (1, 1), 1),
        ((2, 1, 6, 1), 1, (3, 3), 1),
    ],
)
def test_convolution_and_its_gradients_are_those_of_torch(shape, out, kernel, dilation, copied, monkeypatch):
    monkeypatch.setattr(channels_last, "COPIED", copied)
    values = [torch.randn(shape), torch.randn(out, shape[1], *kernel), torch.randn(out)]
    ours = [one.clone().requires_grad_() for one in values]
    theirs = [one.double().requires_grad_() for one in values]
    padding = tuple(dilation * (size // 2) for size in kernel)
    found = same_convolution(*ours, dilation)
    expected = functional.conv2d(*theirs, padding=padding, dilation=dilation)
    found.backward(wave(*found.shape).float())
    expected.backward(wave(*expected.shape))
    torch.testing.assert_close(found.double(), expected, atol=2e-5, rtol=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, atol=2e-4, rtol=1e-5)


def test_no_gradient_is_made_for_a_sequence():
    weight = torch.randn(3, 4, 1, 3, requires_grad=True)
    same_convolution(torch.randn(1, 4, 1, 20), weight, None).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("shape", [(2, 5, 1, 3000), (3, 4, 20, 20)])
def test_batch_norm_and_its_gradients_are_those_of_torch(shape):
    x = side_by_side(0.1 * torch.randn(shape) + 3)
    ours, theirs = Norm(shape[1]), nn.BatchNorm2d(shape[1]).double()
    for norm in (ours, theirs):
        with torch.no_grad():
            norm.weight.copy_(torch.linspace(0.5, 2, shape[1]))
            norm.bias.copy_(torch.linspace(-1, 1, shape[1]))
    ours_x, theirs_x = x.clone().requires_grad_(), x.double().requires_grad_()
    for _ in range(2):
        found, expected = ours(ours_x), theirs(theirs_x)
    found.backward(wave(*shape).float())
    expected.backward(wave(*shape))
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours_x.grad.double(), theirs_x.grad, atol=1e-5, rtol=1e-4)
    for name in ("weight", "bias"):
        found, expected = (getattr(norm, name).grad.double() for norm in (ours, theirs))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value.double(), theirs.state_dict()[name].double(), atol=1e-6, rtol=1e-5)


def test_statistics_of_a_million_positions_keep_their_digits():
    """torch's own kernel for this layout is off by more than 1e-5 here."""
    x = (0.1 * torch.randn(1, 1_000_000, 1, 2) + 0.3).permute(0, 3, 2, 1)
    norm = Norm(2)
    with torch.no_grad():
        norm(x)
    torch.testing.assert_close(norm.running_mean.double(), 0.1 * x.double().mean((0, 2, 3)), atol=0, rtol=3e-7)


def test_frozen_statistics_and_equal_averages():
    norm, x = Norm(3), side_by_side(torch.randn(2, 3, 4, 4))
    with frozen_statistics(norm):
        norm(x)
    assert norm.running_mean.eq(0).all()
    assert norm.num_batches_tracked == 0
    norm.momentum = None
    for k in (1, 3):
        norm(k * x)
    torch.testing.assert_close(norm.running_mean, 2 * x.mean((0, 2, 3)))


@pytest.mark.parametrize("narrow", [1, 24])
@pytest.mark.parametrize("training", [False, True])
def test_a_chain_is_the_row_of_its_layers(training, narrow, monkeypatch):
    monkeypatch.setattr(channels_last, "NARROW", narrow)
    torch.manual_seed(0)
    chain = linear_1d(4, 6, Pool(2))
    for _ in range(3):  # running statistics other than 0 and 1
        chain(torch.randn(2, 4, 40) + 1)
    reference = nn.Sequential(
        *(nn.MaxPool1d(2), nn.Conv1d(4, 6, 9, padding=4), nn.BatchNorm1d(6)),
        *(nn.Conv1d(6, 6, 9, padding=4), nn.BatchNorm1d(6)),
    )
    reference.load_state_dict(chain.state_dict())
    chain.train(training)
    reference.train(training)
    x = torch.randn(2, 4, 40)
    torch.testing.assert_close(chain(x), reference(x), atol=1e-5, rtol=1e-5)
    assert list(chain.state_dict()) == list(reference.state_dict())


@pytest.mark.parametrize("training", [False, True])
def test_gradients_pass_through_rectifiers_in_place(training):
    torch.manual_seed(1)
    chain = nonlinear_2d(3, 2, 4, dilation=2).train(training)
    reference = nn.Sequential(
        *(nn.Conv2d(3, 2, 3, padding=2, dilation=2), nn.BatchNorm2d(2), nn.ReLU()),
        *(nn.Conv2d(2, 4, 3, padding=2, dilation=2), nn.BatchNorm2d(4), nn.ReLU()),
    ).double()
    reference.load_state_dict(chain.state_dict())
    reference.train(training)
    x = torch.randn(2, 3, 9, 9)
    for network, values in ((chain, x), (reference, x.double())):
        network(values).square().sum().backward()
    for one, other in zip(chain.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, atol=1e-4, rtol=1e-4)


def test_mixed_precision_uses_torch():
    chain = linear_1d(4, 6)
    with torch.autocast("cpu", torch.bfloat16):
        found = chain(torch.randn(1, 4, 32))
    found.float().sum().backward()
    assert chain[0].weight.grad is not None


def test_doubling_repeats_positions():
    x = torch.arange(6.0).reshape(1, 2, 1, 3)
    assert Doubling()(x).flatten().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert Chain(Doubling())(x.squeeze(2)).shape == (1, 2, 6)
