"""The whole collection as CSV and as Parquet: the same documents, whatever their number."""

import asyncio
import base64
import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow.parquet as pq
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.document import SOUND_FIELDS
from analysis.settings import Settings
from bench.documents import make_document
from local.ports import choose_port
from local.servers import PROJECT
from page.catalog import export, source
from page.config import Config
from page.web.app import make_app
from tests.fakes.waiting import run_apart
from tests.page.sample_sounds import without_nulls
from tests.page.served_page import Page

if TYPE_CHECKING:
    from page.catalog.catalog import Catalog

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
N_SOUNDS = 1203  # more than two batches, and not whole ones


@pytest.fixture(scope="module")
def full(serve_page: Callable[..., Page]) -> tuple[Page, dict[str, dict[str, Any]]]:
    """A page over many sounds, and the documents by uid."""
    page = serve_page()
    documents = [make_document(f'kit/{index}, "é"\n.wav', seed=index) for index in range(N_SOUNDS)]
    page.insert(*documents)
    return page, {document["uid"]: document for document in documents}


def test_csv_holds_every_document(full: tuple[Page, dict[str, dict[str, Any]]]) -> None:
    """Each sound is a line, each field a column that can be read back."""
    page, documents = full
    rows = list(csv.DictReader(io.StringIO(page.read("/export.csv"), newline="")))

    assert {row["uid"] for row in rows} == set(documents)
    assert len(rows) == N_SOUNDS
    for row in rows:
        document = documents[row["uid"]]
        assert list(row) == export.SCHEMA.names
        assert row["features"] == ""
        assert row["blob_name"] == document["blob_name"]
        assert json.loads(row["mean_mfccs"]) == document["mean_mfccs"]
        assert json.loads(row["fingerprint"]) == list(document["fingerprint"])
        assert json.loads(row["source"]) == document["source"]
        assert base64.b64decode(row["peaks"]) == document["peaks"]
        assert row["uploaded_at"] == document["uploaded_at"].isoformat()
        assert float(row["rms_db"]) == document["rms_db"]


def test_parquet_holds_every_document(full: tuple[Page, dict[str, dict[str, Any]]]) -> None:
    """Each sound is a row, each field a column of its own type."""
    page, documents = full
    _, body = page.ask("/export.parquet")
    rows = pq.read_table(io.BytesIO(body)).to_pylist()

    assert len(rows) == N_SOUNDS
    for row in rows:
        document = documents[row["uid"]]
        assert list(row) == export.SCHEMA.names
        assert without_nulls(row) == document | {"fingerprint": list(document["fingerprint"])}


@pytest.mark.parametrize("call_sounds", [401, 600, N_SOUNDS, N_SOUNDS + 1])
def test_it_takes_several_calls(
    full: tuple[Page, dict[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, call_sounds: int
) -> None:
    """However many sounds one call streams, together they are all sounds, each once."""
    page, documents = full
    config = page.open_here(monkeypatch)

    monkeypatch.setattr(source, "CALL_DOCUMENTS", call_sounds)
    read = [document["uid"] for batch in export.read_batches(config) for document in batch]
    assert read == sorted(documents)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_it_is_written_as_it_is_read(ending: str) -> None:
    """No batch waits for the next: what is written of one is handed on before another is read."""
    n_read = 0
    batch = [export.clean(make_document(f"{seed}.wav", seed=seed)) for seed in range(50)]

    def batches() -> Any:
        nonlocal n_read
        for _ in range(40):
            n_read += 1
            yield batch

    pieces = getattr(export, f"write_{ending}")(batches())
    sizes = []
    for turn, piece in zip(range(1, 41), pieces, strict=False):
        assert n_read == turn
        sizes.append(len(piece))
    assert max(sizes) < 2 * min(sizes) + 2000


@pytest.mark.parametrize(("method", "most"), [("HEAD", 2), ("GET", 40)])
def test_head_reads_only_the_beginning(method: str, most: int) -> None:
    """Whoever asks for the headers alone causes no read of the whole collection."""
    n_read = 0

    class Many:
        """A catalog of many sounds, which notes how many of them are read."""

        def put(self, kind: str, document: dict[str, Any]) -> None:
            """Take over nothing."""

        def delete(self, kind: str, uid: str) -> None:
            """Forget nothing."""

        def look_on(self) -> None:
            """Look at nothing."""

        def call_at_change(self, action: Any) -> None:
            """Never change."""

        def read_all(self, *_: Any) -> Any:
            """Yield sounds."""
            nonlocal n_read
            for n_read in range(1, 41):
                yield [make_document(f"{n_read}.wav")]

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    answers: list[dict[str, Any]] = []
    request = {"type": "http", "method": method, "path": "/export.csv", "query_string": b"", "root_path": ""}
    app = make_app(Config(PROJECT, "a-bucket", Settings()), cast("Catalog", Many()))
    run_apart(app(request | {"headers": [(b"host", b"localhost:8080")]}, receive, send))

    assert answers[0]["status"] == 200
    assert n_read <= most
    assert method == "HEAD" or n_read == most


def test_an_empty_collection_has_columns(serve_page: Callable[..., Page]) -> None:
    """Without sounds there are the names of the fields."""
    page = serve_page()

    assert page.read("/export.csv").strip().split(",")[:3] == ["uid", "blob_name", "file_name"]
    assert pq.read_table(io.BytesIO(page.ask("/export.parquet")[1])).num_rows == 0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_command_writes_the_same(full: tuple[Page, dict[str, dict[str, Any]]], tmp_path: Path, ending: str) -> None:
    """``python -m page export FILE`` writes what the page gives, and leaves nothing else."""
    page, _ = full
    file = tmp_path / f"all.{ending}"
    command = [sys.executable, "-m", "page", "export", str(file), "--project", PROJECT]
    subprocess.run(command, env=page.process_environment(), check=True)

    assert file.read_bytes() == page.ask(f"/export.{ending}")[1]
    assert list(tmp_path.iterdir()) == [file]


def test_another_ending_is_nothing(full: tuple[Page, dict[str, dict[str, Any]]]) -> None:
    """There is no export but the two."""
    assert full[0].ask("/export.xlsx")[0].status == 404


def test_a_command_that_fails_leaves_what_was_there(make_collections: Callable[..., Page], tmp_path: Path) -> None:
    """A file of that name stays as it was until the new one is whole; what went wrong is one line."""
    page = make_collections(FIRESTORE_EMULATOR_HOST=f"127.0.0.1:{choose_port()}")
    file = tmp_path / "all.csv"
    file.write_text("older")
    command = [sys.executable, "-m", "page", "export", str(file), "--project", PROJECT]
    ended = subprocess.run(command, env=page.process_environment(), capture_output=True, text=True, check=False)

    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert ended.stderr.startswith("page.sh: The cloud does not answer")
    assert file.read_text() == "older"
    assert list(tmp_path.iterdir()) == [file]


def test_tags_are_exported() -> None:
    """A tag is text in the column of the source, whatever is in it, and one that a sound does not have is not there."""
    tags = {"title": '=1+1;"\n', "comment": "Wind"}
    source = make_document("a.wav")["source"] | {"tags": tags}
    document = export.clean(make_document("a.wav", source=source))

    (line,) = list(csv.DictReader(io.StringIO(b"".join(export.write_csv(iter([[document]]))).decode())))
    table = pq.read_table(io.BytesIO(b"".join(export.write_parquet(iter([[document]])))))
    assert json.loads(line["source"])["tags"] == tags
    assert without_nulls(table.to_pylist()[0])["source"]["tags"] == tags


ODD = (None, True, 1, 1.5, "x", b"x", [1.0], ["x"], [True], [], {"container": 1, "codec": "x"}, Vector([1.0]), MOMENT)
SOURCE_PARTS = [part.name for field in SOUND_FIELDS if field.name == "source" for part in field.fields]
CLEAN = {
    "length": [None, None, 1, *[None] * 10],
    "duration": [None, None, 1.0, 1.5, *[None] * 9],
    "blob_name": [*[None] * 4, "x", *[None] * 8],
    "peaks": [*[None] * 5, b"x", *[None] * 7],
    "mean_mfccs": [*[None] * 6, [1.0], *[None] * 4, [1.0], None],
    "source": [*[None] * 10, dict.fromkeys(SOURCE_PARTS) | {"codec": "x"}, None, None],
    "uploaded_at": [*[None] * 12, MOMENT],
}


@pytest.mark.parametrize(("name", "expected"), CLEAN.items())
def test_a_field_of_another_type_is_null(name: str, expected: list[Any]) -> None:
    """What a column holds is of its type, or nothing: no truth is a number, no text a list; no field is missing."""
    for value, cleaned in zip(ODD, expected, strict=True):
        document = export.clean({name: value, "stranger": 1})
        assert (type(document[name]), document[name]) == (type(cleaned), cleaned), value
        assert list(document) == export.SCHEMA.names
