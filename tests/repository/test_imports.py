"""Modules and packages import what the table of CONTRIBUTING.md lets them, and no import goes in a circle."""

from collections import Counter
from graphlib import TopologicalSorter

import pytest

from tests.repository.imports import MAY_IMPORT, ROOT, ROWS, imports_of, is_allowed, module_of, modules_of, name_of


def test_every_module_is_listed() -> None:
    """The table knows every module and package of the function and every other folder of Python, and nothing else."""
    places = {"main.py", *(f"analysis/{path.name}" for path in (ROOT / "analysis").glob("*.py"))}
    packages = {f"{path.parent.relative_to(ROOT)}/" for path in (ROOT / "analysis").glob("*/*.py")}
    folders = {f"{path.parent.name}/" for path in ROOT.glob("*/*.py")} | {"tests/"}

    assert {place for place, _ in ROWS} == (places | packages | folders) - {"analysis/", "analysis/__init__.py"}


@pytest.mark.parametrize("place", MAY_IMPORT)
def test_module_imports_what_it_may(place: str) -> None:
    """No module or package imports more than the table gives it, the standard library and its own folder."""
    own = {place.rstrip("/").replace("/", ".")} if place.endswith("/") else set()

    for module in modules_of(place):
        assert {name for name in imports_of(module) if not is_allowed(name, MAY_IMPORT[place] | own)} == set(), module


def test_package_of_the_function_imports_nothing() -> None:
    """What every module of the function imports unseen, ``analysis`` itself, imports only the standard library."""
    assert imports_of(ROOT / "analysis/__init__.py") == set()


def test_no_module_name_appears_twice() -> None:
    """The name of a module alone says which one is meant; tests and bench/plain_function repeat names of the code."""
    paths = [path for place, _ in ROWS if place != "tests/" for path in modules_of(place)]
    names = Counter(path.stem for path in paths if path.parent.name != "plain_function")

    assert {name for name, n in names.items() if n > 1} == {"__init__", "__main__"}


def test_imports_go_in_no_circle() -> None:
    """No module leads back to itself by what it imports."""
    modules = {name_of(path): path for place, _ in ROWS if place != "tests/" for path in modules_of(place)}
    imports = {name: {module_of(one, modules) for one in imports_of(path)} for name, path in modules.items()}

    TopologicalSorter(imports).prepare()  # a CycleError names the circle
