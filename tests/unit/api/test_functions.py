"""Reading a plain function: its signature says what callers may send."""

import pytest

from octostar_runtime.errors import FunctionNotFound, InvalidInput, InvalidTask
from octostar_runtime.functions import Functions, describe
from octostar_runtime.input_file import InputFile


def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


def takes_anything(*values: int) -> int:
    return sum(values)


def untyped(a) -> None:  # type: ignore[no-untyped-def]
    pass


def with_file(file: InputFile, other: InputFile | None = None, n: int = 0) -> None:
    pass


def test_the_signature_checks_and_converts_what_is_sent() -> None:
    function = describe(add)
    assert function.arguments({"a": "2"}) == {"a": 2, "b": 1}
    with pytest.raises(InvalidInput, match="a"):
        function.arguments({})
    with pytest.raises(InvalidInput, match="c"):
        function.arguments({"a": 1, "c": 1})


def test_file_parameters_are_known() -> None:
    assert describe(with_file).files == {"file", "other"}


@pytest.mark.parametrize("fn", [takes_anything, untyped, lambda: None])
def test_a_function_that_cannot_be_served_is_refused_at_once(fn: object) -> None:
    with pytest.raises(InvalidTask):
        describe(fn)  # type: ignore[arg-type]


def test_the_same_function_may_come_again_and_another_may_not_take_its_name() -> None:
    functions = Functions()
    functions.add(describe(add))
    functions.add(describe(add))
    with pytest.raises(InvalidInput, match="already"):
        functions.add(describe(with_file, name="add"))
    assert [function.name for function in functions.all()] == ["add"]
    with pytest.raises(FunctionNotFound):
        functions.get("other")


def awkward(json: str, copy: bool = False, model_name: str = "x", schema: int = 1) -> str:
    return json


def test_parameters_may_have_any_name(recwarn: pytest.WarningsRecorder) -> None:
    function = describe(awkward)
    assert function.arguments({"json": "a", "copy": True}) == {
        "json": "a",
        "copy": True,
        "model_name": "x",
        "schema": 1,
    }
    assert set(function.parameters.model_json_schema()["properties"]) == {"json", "copy", "model_name", "schema"}
    assert not recwarn.list


def test_parameters_that_take_several_values_are_known() -> None:
    def several(tags: list[str], files: list[InputFile] | None = None, n: int = 0) -> None:
        """Take several."""

    function = describe(several)
    assert function.many == {"tags", "files"}
    assert function.files == {"files"}
