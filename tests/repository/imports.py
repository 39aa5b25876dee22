"""Which modules and packages there are, what each may import by CONTRIBUTING.md, and what it does import."""

import ast
import re
import sys
from collections.abc import Iterable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

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


@cache
def imports_of(path: Path) -> frozenset[str]:
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
    return frozenset(name for name in found if name.partition(".")[0] not in STDLIB | {"__future__"})


def name_of(path: Path) -> str:
    """The name by which a file of this repository is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_allowed(name: str, allowed: set[str]) -> bool:
    """Whether a module or something in it is among those allowed."""
    return any(name == module or name.startswith(f"{module}.") for module in allowed)


def modules_of(place: str) -> list[Path]:
    """The module that a row of the table names, or all modules of the package."""
    return sorted((ROOT / place).rglob("*.py")) if place.endswith("/") else [ROOT / place]


def module_of(name: str, modules: Iterable[str]) -> str:
    """The module that an imported name belongs to: the innermost of ours, or another's."""
    return max((module for module in modules if is_allowed(name, {module})), key=len, default=name)


def picture() -> str:
    """What imports what, as a graph in Mermaid's language; what follows from other arrows has none of its own."""
    places = [place for place, allowed in ROWS if allowed != EVERYTHING]
    of_modules = {name_of(module): place for place in places for module in modules_of(place)}
    imports = {
        place: {
            of_modules[module]
            for path in modules_of(place)
            for name in imports_of(path)
            if (module := module_of(name, of_modules)) in of_modules
        }
        - {place}
        for place in places
    }
    order = [*TopologicalSorter({place: sorted(others) for place, others in imports.items()}).static_order()]
    reached: dict[str, set[str]] = {}
    for place in order:
        reached[place] = imports[place].union(*(reached[other] for other in imports[place]))
    names = [f"    {identifier(place)}[{place}]" for place in reversed(order)]
    arrows = [
        f"    {identifier(place)} --> {identifier(other)}"
        for place in reversed(order)
        for other in sorted(imports[place])
        if not any(other in reached[between] for between in imports[place])
    ]
    return "\n".join(["```mermaid", "graph TD", *names, *arrows, "```"])


def identifier(place: str) -> str:
    """The name of a place in the graph."""
    return re.sub(r"\W+", "_", place.removesuffix("/"))
