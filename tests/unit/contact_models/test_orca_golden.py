"""The Orca networks against outputs of the original modules with deterministic parameters."""

import numpy as np
import orca_fill
import pandas as pd
import pytest
import torch

from cisflow.models.orca_decoder import Decoder
from cisflow.models.orca_encoder import Encoder
from cisflow.models.orca_multiscale import CoarseningEncoder
from cisflow.models.orca_net import Decoder1M, OrcaNet

TOLERANCE = 1e-4
MODULES = {
    "Encoder": lambda: Encoder(),
    "Encoder2": lambda: CoarseningEncoder(5),
    "Encoder2b": lambda: CoarseningEncoder(5, way_back=False),
    "Encoder3": lambda: CoarseningEncoder(3),
    "Decoder": lambda: Decoder(),
    "Decoder_1m": lambda: Decoder1M(),
    "Net": lambda: OrcaNet(profiles=32),
}


@pytest.fixture
def reference(golden):
    return lambda name: np.load(golden / "orca" / f"{name}_golden.npz")


def close(found, expected, kind="B"):
    found = found.numpy().squeeze()
    if kind == "A":  # fill A grows values of about 80: the tolerance is relative
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", MODULES)
def test_state_dict_has_the_published_keys_shapes_and_types_in_order(name, golden):
    table = pd.read_csv(golden / "orca" / f"{name}_state.tsv", sep="\t")
    state = MODULES[name]().state_dict()
    shapes = ["x".join(map(str, value.shape)) or "scalar" for value in state.values()]
    assert list(state) == table["key"].tolist()
    assert shapes == table["shape"].astype(str).tolist()
    assert [str(value.dtype).removeprefix("torch.") for value in state.values()] == table["dtype"].tolist()


@pytest.mark.parametrize(
    ("module", "count"),
    [
        (lambda: Encoder(), 3_338_880),
        (lambda: CoarseningEncoder(5), 5_912_320),
        (lambda: CoarseningEncoder(5, way_back=False), 2_956_800),
        (lambda: CoarseningEncoder(3), 3_547_392),
        (lambda: Decoder(), 2_415_317),
        (lambda: Decoder1M(), 1_430_549),
        (lambda: OrcaNet(), 4_769_429),
        (lambda: OrcaNet(profiles=22), 4_789_035),
        (lambda: OrcaNet(profiles=32), 4_790_325),
    ],
)
def test_parameter_counts_are_the_published_ones(module, count):
    assert sum(parameter.numel() for parameter in module().parameters()) == count


@torch.no_grad()
@pytest.mark.parametrize("kind", "AB")
def test_encoder(kind, reference):
    expected, encoder = reference("Encoder"), orca_fill.fill(Encoder(), kind)
    close(encoder(orca_fill.dna(40_000)), expected[f"{kind}_L40000"], kind)


@torch.no_grad()
def test_encoder_on_one_bin_unknown_bases_and_reverse_complement(reference):
    expected, encoder = reference("Encoder"), orca_fill.fill(Encoder(), "B")
    unknown = orca_fill.dna(40_000)
    unknown[..., 8000:8500] = 0.25
    close(encoder(orca_fill.dna(4000)), expected["B_L4000"].squeeze())
    close(encoder(unknown), expected["B_L40000_N"])
    close(encoder(orca_fill.dna(40_000).flip(1, 2)), expected["B_L40000_rc"])


@torch.no_grad()
@pytest.mark.parametrize("kind", "AB")
@pytest.mark.parametrize("name", ["Encoder2", "Encoder2b", "Encoder3"])
def test_coarser_encoders(name, kind, reference):
    expected, encoder = reference(name), orca_fill.fill(MODULES[name](), kind)
    levels = encoder(orca_fill.encoding(64))
    assert len(levels) == len([key for key in expected if key.startswith(kind)])
    for k, level in enumerate(levels):
        close(level, expected[f"{kind}_L64_out{k}"], kind)


@torch.no_grad()
@pytest.mark.parametrize("kind", "AB")
@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_decoder(upsampling, kind, reference):
    expected, decoder = reference("Decoder"), orca_fill.fill(Decoder(upsampling=upsampling), kind)
    z, d = orca_fill.encoding(50), orca_fill.distance(50)
    close(decoder(z, d), expected[f"{kind}_L50_top"], kind)
    close(decoder(z, d, orca_fill.coarse(25)), expected[f"{kind}_L50_{upsampling}"], kind)


@torch.no_grad()
@pytest.mark.parametrize("kind", "AB")
def test_decoder_1m(kind, reference):
    close(orca_fill.fill(Decoder1M(), kind)(orca_fill.encoding(50)), reference("Decoder_1m")[f"{kind}_L50"], kind)


@torch.no_grad()
def test_net_on_one_megabase(reference):
    contacts, profiles = orca_fill.fill(OrcaNet(profiles=32), "B")(orca_fill.dna(1_000_000))
    expected = reference("Net")
    assert contacts.shape == (1, 1, 250, 250)
    close(contacts, expected["B_contact"])
    close(profiles, expected["B_profiles"])
