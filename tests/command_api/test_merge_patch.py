import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from command_api.merge_patch import merged


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_appendix_of_rfc_7396(target: object, patch: object, result: object) -> None:
    """Each example of RFC 7396, appendix A, comes out as it says."""
    assert merged(target, patch) == result


def test_the_target_stays_as_it_is() -> None:
    """A patch that turns out to be invalid must not have changed what it was tried on."""
    target = {"a": {"b": 1}}

    merged(target, {"a": {"b": 2, "c": 3}})

    assert target == {"a": {"b": 1}}


LEAVES = st.one_of(st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "null"]))
NAMES = st.sampled_from("abc")


def values(*leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """JSON of these leaves; few names, so that target and patch meet."""
    return st.recursive(
        st.one_of(LEAVES, *leaves),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=3)
        ),
        max_leaves=8,
    )


ANY = values(st.none())


def rfc_7396(target: Any, patch: Any) -> Any:  # noqa: ANN401 — JSON is any of its types
    """MergePatch(Target, Patch) of RFC 7396 § 2, line by line; it changes its target."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = rfc_7396(target.get(name), value)
        return target
    return patch


@examples(300)
@given(target=ANY, patch=ANY)
def test_any_patch_does_what_the_rfc_s_own_program_does(target: Any, patch: Any) -> None:  # noqa: ANN401 — JSON is any of its types
    """And neither is changed."""
    before = copy.deepcopy((target, patch))

    result = merged(target, patch)

    assert (target, patch) == before
    assert repr(result) == repr(rfc_7396(copy.deepcopy(target), patch))  # 1 is not True


def difference(was: Any, becomes: Any) -> Any:  # noqa: ANN401 — JSON is any of its types
    """A patch from one to the other; there is one where the other's objects hold no null."""
    if not (isinstance(was, dict) and isinstance(becomes, dict)):
        return becomes
    removed = {name: None for name in was if name not in becomes}
    return removed | {
        name: difference(was.get(name), value)
        for name, value in becomes.items()
        if name not in was or repr(was[name]) != repr(value)
    }


@examples(300)
@given(was=ANY, becomes=values())
def test_whatever_a_listing_is_to_become_a_patch_can_say(was: Any, becomes: Any) -> None:  # noqa: ANN401 — JSON is any of its types
    """Null removes, objects merge, all else replaces: said twice it is the same."""
    patch = difference(was, becomes)

    once = merged(was, patch)

    assert repr(sorted_throughout(once)) == repr(sorted_throughout(becomes))
    assert merged(once, patch) == once


def sorted_throughout(value: Any) -> Any:  # noqa: ANN401 — JSON is any of its types
    """The same, each object's members in one order."""
    if isinstance(value, dict):
        return {name: sorted_throughout(value[name]) for name in sorted(value)}
    return [*map(sorted_throughout, value)] if isinstance(value, list) else value
