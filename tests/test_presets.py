import pytest

from docreview.presets import classification, high_recall


@pytest.mark.parametrize("preset", [high_recall, classification])
def test_presets_name_components_and_settings_that_exist(preset):
    from docreview.plugins import load_plugins

    registry = load_plugins().registry
    table = preset()
    assert set(table) == {"model", "query_strategy", "cold_start", "batch_size", "stopping_rule"}
    registry.component("models", table["model"])
    registry.component("query_strategies", table["query_strategy"])
    cold_start = registry.component("query_strategies", table["cold_start"])
    registry.component("stopping_rules", table["stopping_rule"])
    assert "model" not in cold_start.needs
    sizes = table["batch_size"] if isinstance(table["batch_size"], list) else [[0, table["batch_size"]]]
    assert sizes[0][0] == 0
    assert all(size > 0 for _, size in sizes)


def test_a_preset_is_made_anew_each_time():
    high_recall()["model"]["weights"]["lexical"] = 99
    assert high_recall()["model"]["weights"]["lexical"] == 1
