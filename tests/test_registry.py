"""The registry: names to factories, settings checked, components nested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest

from docreview.errors import BadSetting, ComponentError, ContractViolation, PluginFailed, UnknownComponent
from docreview.registry import Registration, Registry

if TYPE_CHECKING:
    from nowhere import Unresolvable


class OfAnyKind:
    """Has what a component of the kinds below must have."""

    needs: ClassVar[frozenset[str]] = frozenset()
    fit = get_params = check = label = print


@dataclass(frozen=True)
class Plain(OfAnyKind):
    """Has one setting of each type.

    And a second paragraph.
    """

    whole: int = 1
    number: float = 0.5
    text: str = "a"
    flag: bool = False
    choice: Literal["one", "two"] = "one"
    maybe: int | None = None
    many: tuple[int, ...] = ()
    pair: tuple[int, str] = (1, "a")
    words: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Any_(OfAnyKind):  # noqa: N801
    """Takes components."""

    stopping_rules: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Fusion(OfAnyKind):
    """Takes components by key, and one."""

    classifier: Any = None
    classifiers: Mapping[str, Any] = field(default_factory=dict)
    model: str = "packaged"
    embedder: str | None = None


@dataclass(frozen=True)
class HalfTyped(OfAnyKind):
    """One of its types is imported for type checking only."""

    classifier: Unresolvable | None = None
    whole: int = 1


class Picky(OfAnyKind):
    """Refuses by ValueError, and has a setting without default."""

    def __init__(self, share: float, *, seed: int = 0) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share must lie between 0 and 1, got {share}.")
        self.share, self.seed = share, seed


class Bare(OfAnyKind):
    """Has no settings."""


def registry(**factories: Any) -> Registry:
    made = Registry()
    for key, factory in factories.items():
        kind, _, name = key.partition("__")
        made.add(Registration(kind, name.replace("_", "-"), factory, "acme", "1.2"))
    return made


@pytest.fixture
def components() -> Registry:
    return registry(
        stopping_rules__plain=Plain,
        stopping_rules__any=Any_,
        stopping_rules__picky=Picky,
        stopping_rules__bare=Bare,
        models__fusion=Fusion,
        models__half=HalfTyped,
        classifiers__picky=Picky,
        classifiers__bare=Bare,
    )


def test_registration_tells_about_the_component(components: Registry) -> None:
    entry = components.get("stopping_rules", "plain")
    assert entry.label == "stopping rule 'plain' (acme 1.2)"
    assert entry.summary == "Has one setting of each type."
    assert list(entry.settings)[:3] == ["whole", "number", "text"]
    assert components.get("stopping_rules", "bare").settings == {}


def test_names_are_sorted_and_kept_apart_by_kind(components: Registry) -> None:
    assert components.names("stopping_rules") == ["any", "bare", "picky", "plain"]
    assert [entry.name for entry in components.entries("classifiers")] == ["bare", "picky"]
    assert components.names("oracles") == []


def test_unknown_name_suggests_the_nearest(components: Registry) -> None:
    with pytest.raises(UnknownComponent, match=r"there is no stopping rule 'plan'. Did you mean 'plain'\?"):
        components.get("stopping_rules", "plan")
    with pytest.raises(UnknownComponent, match=r"there is no classifier 'zzz'. Known: bare, picky."):
        components.create("classifiers", "zzz")


def test_a_taken_name_is_refused_and_both_owners_named(components: Registry) -> None:
    with pytest.raises(ComponentError, match=r"'plain' \(rival 3\) takes a name that belongs to .*\(acme 1.2\)"):
        components.add(Registration("stopping_rules", "plain", Bare, "rival", "3"))
    assert components.get("stopping_rules", "plain").factory is Plain


@pytest.mark.parametrize("name", ["Least", "least_confidence", "", "-a", "a b", "a--b", 5])
def test_a_name_must_be_in_kebab_case(name: Any) -> None:
    with pytest.raises(ComponentError, match="kebab-case"):
        Registry().add(Registration("oracles", name, Bare, "acme", "1"))


def test_a_factory_whose_parameters_cannot_be_read_is_refused_at_once() -> None:
    with pytest.raises(ComponentError, match="parameters cannot be read"):
        Registry().add(Registration("oracles", "dict", dict, "acme", "1"))


def test_dropping_a_plugin_leaves_the_others(components: Registry) -> None:
    components.add(Registration("stopping_rules", "extra", Bare, "rival", "3"))
    components.drop("acme")
    assert components.names("stopping_rules") == ["extra"]
    assert components.names("classifiers") == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("whole", 3),
        ("number", 2),
        ("number", 2.5),
        ("text", "b"),
        ("flag", True),
        ("choice", "two"),
        ("maybe", 4),
        ("maybe", None),
        ("many", [1, 2, 3]),
        ("pair", [2, "b"]),
        ("words", ["a", "b"]),
        ("weights", {"a": 1, "b": 0.5}),
    ],
)
def test_a_fitting_setting_is_taken(components: Registry, setting: str, value: Any) -> None:
    made = components.create("stopping_rules", "plain", {setting: value})
    # lists from TOML become tuples, so that frozen components can be hashed and compared
    assert getattr(made, setting) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("whole", "3", "a whole number"),
        ("whole", 3.0, "a whole number"),
        ("whole", True, "a whole number"),
        ("number", "x", "a number"),
        ("number", True, "a number"),
        ("text", 3, "a text"),
        ("flag", 1, "true or false"),
        ("choice", "three", "one of 'one', 'two'"),
        ("maybe", "x", "a whole number or absent"),
        ("many", 1, "a list of a whole number"),
        ("many", [1, "x"], "a list of a whole number"),
        ("pair", [1], "a list of a whole number and a text"),
        ("pair", ["b", 2], "a list of a whole number and a text"),
        ("words", "ab", "a list of a text"),
        ("weights", [1], "a table with a number for each key"),
        ("weights", {"a": "x"}, "a table with a number for each key"),
    ],
)
def test_an_ill_fitting_setting_is_refused(components: Registry, setting: str, value: Any, wanted: str) -> None:
    with pytest.raises(BadSetting) as caught:
        components.create("stopping_rules", "plain", {setting: value})
    message = f"stopping rule 'plain' (acme 1.2): setting '{setting}' must be {wanted}, got {value!r}."
    assert str(caught.value) == message


def test_a_misspelled_setting_suggests_the_nearest(components: Registry) -> None:
    with pytest.raises(BadSetting, match=r"has no setting 'nubmer'. Did you mean 'number'\?"):
        components.create("stopping_rules", "plain", {"nubmer": 1.0})
    with pytest.raises(BadSetting, match=r"has no setting 'n'. It has no settings."):
        components.create("stopping_rules", "bare", {"n": 1})


def test_a_missing_setting_and_a_refused_value_are_told(components: Registry) -> None:
    with pytest.raises(BadSetting, match=r"'picky' \(acme 1.2\) needs the setting 'share'"):
        components.create("stopping_rules", "picky")
    with pytest.raises(BadSetting, match=r"'picky' \(acme 1.2\): share must lie between 0 and 1, got 2"):
        components.create("stopping_rules", "picky", {"share": 2})
    assert components.create("stopping_rules", "picky", {"share": 0.5, "seed": 3}).seed == 3


def test_a_bug_in_a_factory_is_told_of_a_plugin_and_keeps_its_type_at_home() -> None:
    def broken(n: int = 1) -> None:
        raise ZeroDivisionError

    with pytest.raises(PluginFailed, match=r"'broken' \(acme 1.2\) could not be made: ZeroDivisionError") as caught:
        registry(oracles__broken=broken).create("oracles", "broken")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    own = Registry()
    own.add(Registration("oracles", "broken", broken, "docreview", "1"))
    with pytest.raises(ZeroDivisionError):
        own.create("oracles", "broken")


def test_a_function_is_a_factory_too() -> None:
    def make(n: int = 1) -> list[int]:
        return [0] * n

    made = registry(presets__zeros=make)
    assert made.create("presets", "zeros", {"n": 3}) == [0, 0, 0]
    with pytest.raises(BadSetting, match="must be a whole number"):
        made.create("presets", "zeros", {"n": "3"})


def test_components_nest_by_the_name_of_the_parameter(components: Registry) -> None:
    inner = [{"name": "picky", "share": 0.25}, "bare", {"name": "any", "stopping_rules": ["bare"]}]
    made = components.component("stopping_rules", {"name": "any", "stopping_rules": inner})
    first, second, third = made.stopping_rules
    assert first.share == 0.25
    assert isinstance(second, Bare)
    assert isinstance(third.stopping_rules[0], Bare)


def test_components_nest_by_key_and_alone(components: Registry) -> None:
    by_key = {"lexical": "bare", "semantic": {"name": "picky", "share": 1}}
    made = components.component("models", {"name": "fusion", "classifier": "bare", "classifiers": by_key})
    assert isinstance(made.classifier, Bare)
    assert isinstance(made.classifiers["lexical"], Bare)
    assert made.classifiers["semantic"].share == 1


def test_a_parameter_annotated_as_text_stays_text(components: Registry) -> None:
    made = components.component("models", {"name": "fusion", "model": "bare", "embedder": "anything"})
    assert (made.model, made.embedder) == ("bare", "anything")


def test_ready_components_pass_through(components: Registry) -> None:
    ready = Bare()
    assert components.create("models", "fusion", {"classifier": ready}).classifier is ready
    assert components.create("stopping_rules", "any", {"stopping_rules": [ready]}).stopping_rules == (ready,)


def test_a_bad_nested_setting_names_the_nested_component(components: Registry) -> None:
    with pytest.raises(BadSetting, match=r"classifier 'picky' \(acme 1.2\) has no setting 'shar'. Did you mean"):
        components.component("models", {"name": "fusion", "classifier": {"name": "picky", "shar": 1}})
    with pytest.raises(UnknownComponent, match="there is no classifier 'nobody'"):
        components.component("models", {"name": "fusion", "classifier": "nobody"})


@pytest.mark.parametrize("spec", [{}, {"n": 3}, {"name": 3}, 5, ["bare"], None])
def test_a_component_without_a_name_is_refused(components: Registry, spec: Any) -> None:
    with pytest.raises(BadSetting, match="a classifier needs a name"):
        components.component("classifiers", spec)


def test_a_spec_is_not_changed(components: Registry) -> None:
    spec = {"name": "picky", "share": 0.5}
    components.component("classifiers", spec)
    assert spec == {"name": "picky", "share": 0.5}


def test_one_unresolvable_type_leaves_the_others_checked(components: Registry) -> None:
    assert isinstance(components.create("models", "half", {"classifier": "bare"}).classifier, Bare)
    with pytest.raises(BadSetting, match="'whole' must be a whole number"):
        components.create("models", "half", {"whole": "x"})


def test_a_number_that_toml_can_write_but_a_factory_refuses(components: Registry) -> None:
    with pytest.raises(BadSetting, match="between 0 and 1, got nan"):
        components.create("classifiers", "picky", {"share": math.nan})


class Missing:
    """A strategy without `select`."""

    needs: frozenset[str] = frozenset()


def strategy(needs: object) -> type:
    return type("Strategy", (), {"needs": needs, "select": print})


@pytest.mark.parametrize(
    ("kind", "made", "said"),
    [
        ("query_strategies", Missing, "it has no 'select' (a Missing was made)."),
        ("query_strategies", strategy("model"), "needs must be a frozenset of 'model' and 'neighbors', got 'model'."),
        ("query_strategies", strategy({"modle"}), "it needs 'modle', which there is not. Did you mean 'model'?"),
        ("stopping_rules", type("R", (), {"needs": {"model"}, "check": print}), "it needs 'model', which there is not"),
        ("importers", type("I", (), {"suffixes": ".csv", "read": print}), "suffixes must be a tuple like ('.csv',)"),
        ("exporters", type("E", (), {"suffixes": ("csv",), "write": print}), "suffixes must be a tuple like ('.csv',)"),
        ("classifiers", type("C", (), {"fit": print}), "it has no 'get_params' (a C was made)."),
    ],
)
def test_a_component_that_lacks_what_its_kind_has_is_refused_when_it_is_made(kind: str, made: type, said: str) -> None:
    entries = registry(**{f"{kind}__wrong": made})
    with pytest.raises(ContractViolation) as caught:
        entries.create(kind, "wrong")
    assert "'wrong' (acme 1.2) broke its contract: " in str(caught.value)
    assert said in str(caught.value)


def test_a_property_that_is_slow_is_not_evaluated() -> None:
    class Slow:
        max_tokens, fingerprint, count_tokens, embed = 9, "x", print, print

        @property
        def dim(self) -> int:
            raise AssertionError("the model is loaded")

    registry(embedders__slow=Slow).create("embedders", "slow")
