"""Modules and packages import what the table of CONTRIBUTING.md lets them, and no import goes in a circle."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STDLIB = sys.stdlib_module_names
ROWS = re.findall(
    r"^\| `([\w./]+)` \| .* \| ([^|]*) \|$",
    (ROOT / "CONTRIBUTING.md").read_text().split("| module or package | does | may import |")[1].split("\n\n")[0],
    re.MULTILINE,
)
# What CONTRIBUTING.md lets each module or package import beside the standard library; EVERYTHING is not checked.
EVERYTHING = "everything"
MAY_IMPORT = {place: set(re.findall(r"`([\w.]+)`", cell)) for place, cell in ROWS if cell != EVERYTHING}


def imports_of(path: Path) -> set[str]:
    """Every module a file imports at run time, dotted as far as it is written; what only types need does not count."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                found.update(f"{module}.{alias.name}" for alias in names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return {name for name in found if name.partition(".")[0] not in STDLIB | {"__future__"}}


def name_of(path: Path) -> str:
    """The name by which a file of this repository is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_allowed(name: str, allowed: set[str]) -> bool:
    """Whether a module or something in it is among those allowed."""
    return any(name == module or name.startswith(f"{module}.") for module in allowed)


def modules_of(place: str) -> list[Path]:
    """The module that a row of the table names, or all modules of the package."""
    return sorted((ROOT / place).rglob("*.py")) if place.endswith("/") else [ROOT / place]


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


def module_of(name: str, modules: Iterable[str]) -> str:
    """The module that an imported name belongs to: the innermost of ours, or another's."""
    return max((module for module in modules if is_allowed(name, {module})), key=len, default=name)
