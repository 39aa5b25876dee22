"""The rooms import what the table of CONTRIBUTING.md lets them, and nothing is looked up the other way."""

import ast
import re
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STDLIB = sys.stdlib_module_names
ROWS = re.findall(
    r"^\| `([\w./]+)` \| .* \| ([^|]*) \|$",
    (ROOT / "CONTRIBUTING.md").read_text().split("| room | does | may import |")[1].split("\n\n")[0],
    re.MULTILINE,
)
# Of each room, what CONTRIBUTING.md lets it import beside the standard library; EVERYTHING is not looked at.
EVERYTHING = "everything"
MAY_IMPORT = {room: set(re.findall(r"`([\w.]+)`", cell)) for room, cell in ROWS if cell != EVERYTHING}


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


def modules_of(room: str) -> list[Path]:
    """The module that a room is, or all of the folder that it is."""
    return sorted((ROOT / room).rglob("*.py")) if room.endswith("/") else [ROOT / room]


def test_every_room_is_listed() -> None:
    """The table knows every module of the function and every other folder of Python, and nothing that is not there."""
    rooms = {"main.py", *(f"analysis/{path.name}" for path in (ROOT / "analysis").glob("*.py"))}
    folders = {f"{path.parent.name}/" for path in ROOT.glob("*/*.py")} | {"tests/"}

    assert {room for room, _ in ROWS} == (rooms | folders) - {"analysis/", "analysis/__init__.py"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_what_it_may(room: str) -> None:
    """No room imports more than the table gives it, the standard library and its own folder."""
    own = {room.rstrip("/")} if room.endswith("/") else set()

    for module in modules_of(room):
        assert {name for name in imports_of(module) if not is_allowed(name, MAY_IMPORT[room] | own)} == set(), module


def test_package_of_the_function_imports_nothing() -> None:
    """What every room of the function imports unseen, ``analysis`` itself, imports only the standard library."""
    assert imports_of(ROOT / "analysis/__init__.py") == set()


def test_no_module_name_appears_twice() -> None:
    """The name of a module alone says which one is meant; bench/plain_function is a function of its own."""
    paths = [path for room, _ in ROWS for path in modules_of(room) if path.parent.name != "plain_function"]
    names = Counter(path.stem for path in paths)

    assert {name for name, n in names.items() if n > 1} == {"__init__", "__main__", "conftest"}


def test_imports_go_in_no_circle() -> None:
    """No module leads back to itself by what it imports."""
    modules = [module for room, _ in ROWS if room != "tests/" for module in modules_of(room)]
    imports = {name_of(path): imports_of(path) for path in modules}
    own = {
        name: {other for other in imports if any(is_allowed(one, {other}) for one in imports[name])} for name in imports
    }

    TopologicalSorter(own).prepare()  # a CycleError names the circle
