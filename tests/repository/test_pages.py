"""The pages say what is true: links and names lead somewhere, options exist, tables are whole; and they say it once."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from analysis.errors import AnalysisError
from analysis.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
FOLDERS = r"(?:analysis|bench|deploy|docs|examples|local|tests)/[\w./{},*-]*"
FILES = r"[\w-]+\.(?:in|json|md|py|sh|svg|toml|txt|yml)"


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text()


def table(page: str, header: str) -> list[list[str]]:
    """The cells of a page's table that has this header."""
    rows = read(page).split(f"{header}\n")[1].split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def commands(page: str) -> list[str]:
    """Every line of code of a page, in a block or between backticks, continued lines as one and without its comment."""
    blocks = re.findall(r"```(?:bash|console)\n(.*?)```", read(page), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", read(page), flags=re.DOTALL))
    return [re.sub(r"\s+#.*|^\$ ", "", line) for line in [*lines, *spans]]


def expand(name: str) -> list[str]:
    """The names that a shell makes of one with braces."""
    if not (found := re.search(r"\{([^{}]*)\}", name)):
        return [name]
    return [full for part in found[1].split(",") for full in expand(name[: found.start()] + part + name[found.end() :])]


def anchors(page: str) -> set[str]:
    """The names by which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def tracked() -> set[str]:
    """The names of all files of the repository, without their folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {Path(line).name for line in listed.splitlines()}


@cache
def help_of(program: str) -> str:
    """What a program prints for --help: a script, or our benchmark."""
    command = [sys.executable, "-m", "bench"] if program == "bench" else [ROOT / program]
    asked = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return asked.stdout


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every link into the repository leads to a file that is there, and every anchor to a heading."""
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", read(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(str(target.resolve().relative_to(ROOT)))):
            broken.append(link)

    assert broken == []


def test_readme_leads_to_every_page() -> None:
    """Whoever begins with the README finds each of the other pages."""
    linked = re.findall(r"\]\(([^)#]+)", read("README.md"))

    assert set(PAGES) - {"README.md"} - set(linked) == set()


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page: str) -> None:
    """Every file and folder of the repository that a page names in its code is there."""
    missing = []
    worked_example = re.findall(r"<!-- recipe -->.*<!-- /recipe -->", read(page), re.DOTALL)
    created = re.findall(r"`([\w/.]+)`:\n\n```python", "".join(worked_example))
    for command in commands(page):
        named = re.findall(rf"(?<![\w./:}}-])(?:\./)?({FOLDERS})", command)
        missing += [name for name in named for full in expand(name) if not list(ROOT.glob(full.rstrip("/")))]
        missing += [name for name in re.findall(rf"(?<![\w./*{{}}-]){FILES}\b", command) if name not in tracked()]

    assert set(missing) - set(created) == set()


@pytest.mark.parametrize("page", PAGES)
def test_options_exist(page: str, pytestconfig: pytest.Config) -> None:
    """Every option that a page gives to a script, or to the benchmark, is in its --help; test.sh has pytest's too."""
    unknown = []
    pytests = pytestconfig._parser.optparser.format_help()
    for command in commands(page):
        if called := re.match(r"(?:\w+='[^']*' )?(?:\./([\w-]+\.sh)|\S*python -m (bench))\b(.*)", command):
            program = called[1] or called[2]
            options = re.findall(r"(?<!\S)--?[a-z][a-z-]*", called[3])
            unknown += [
                f"{program} {option}"
                for option in options
                if not re.search(
                    rf"(?<![\w-]){option}(?![\w-])",
                    f"--help {help_of(program)} {pytests if program == 'test.sh' else ''}",
                )
            ]

    assert unknown == []


def test_sections_of_the_benchmark_exist() -> None:
    """Every section of the benchmark that a page names with --only is one."""
    sections = re.search(r"--only.*?of (\w+(?:,\s+\w+)+)", help_of("bench"), re.DOTALL)[1].replace(",", "").split()
    named = [name for page in PAGES for command in commands(page) for name in re.findall(r"--only (\w+)", command)]

    assert named
    assert set(named) - set(sections) == set()


def test_nothing_is_said_twice() -> None:
    """No sentence, and no cell of a table, of five words or more stands in two places."""
    said: Counter[str] = Counter()
    for page in PAGES:
        text = re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)
        said.update(
            sentence.strip(" -")
            for line in text.splitlines()
            for cell in line.split("|")
            for sentence in re.split(r"(?<=[.:;?!]) ", cell)
            if len(sentence.split()) >= 5
        )

    assert [sentence for sentence, times in said.items() if times > 1] == []


def test_every_setting_is_in_the_table() -> None:
    """docs/document.md names every setting and its default."""
    shown = {}
    for names, defaults, _ in table("docs/document.md", "| variable | default | |"):
        shown |= zip(names.replace("`", "").split(", "), defaults.replace("`", "").split(", "), strict=True)

    words = {"include_names": "all", "exclude_names": "none", "features": "none", "forget": "false"}
    expected = {field.name: words.get(field.name, field.default) for field in fields(Settings)}
    assert shown == {name.upper(): str(default) for name, default in expected.items()}


def test_every_reason_is_in_the_table() -> None:
    """docs/document.md names every reason of a rejection, and no other."""
    named = [name for row in table("docs/document.md", "| reason | what was found |") for name in row[0].split(", ")]

    assert sorted(named) == sorted(f"`{error.reason}`" for error in AnalysisError.__subclasses__())
