"""Figures that only some runs have: the Prix Fixe grid, and the speed of the networks."""

import pytest

from conftest import CHECKOUT
from running import planned_rules, snakemake

pytestmark = pytest.mark.dag
GRID = CHECKOUT / "config" / "studies" / "prix_fixe_sample.yaml"


def test_speed_is_measured_where_it_is_asked_for(tmp_path):
    code, text = snakemake(tmp_path, "-n", "--configfile", str(CHECKOUT / "config" / "config.yaml"))
    assert code == 0, text[-3000:]
    assert not {"measure_speed", "plot_speed", "plot_prix_fixe"} & planned_rules(text)
    assert "plot_parameters" in planned_rules(text)
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("speed: {measure: true}\n")
    code, text = snakemake(tmp_path, "-n", "--configfile", str(overlay))
    assert code == 0, text[-3000:]
    assert {"measure_speed", "plot_speed"} <= planned_rules(text)


def test_the_grid_is_drawn_where_models_are_combinations(tmp_path, shared_data):
    code, text = snakemake(tmp_path, "-n", "--configfile", str(GRID), "--config", f"data_dir={shared_data}")
    assert code == 0, text[-3000:]
    assert {"plot_prix_fixe", "plot_parameters"} <= planned_rules(text)
    assert "train_expression_model       45" in text
