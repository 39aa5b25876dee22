"""The image is another whenever anything in it is, and is built once."""

from pathlib import Path
from typing import Any

import pytest

from backfill.cloud.image import ensure_image
from deploy import scheduled_job
from deploy.deployment import Deployment
from deploy.scheduled_job import SOURCES, image_of
from tests.backfill.played import FUNCTION, Answering
from tests.deploy.apis.terminal import BUCKET, PROJECT, ROOT

DEPLOYMENT = Deployment(PROJECT, BUCKET)


def test_every_file_of_the_image_is_in_its_tag() -> None:
    """All modules of the analysis, those of the backfill that a task runs, the lock and the recipe are digested."""
    names = {str(path.relative_to(ROOT)) for pattern in SOURCES for path in ROOT.glob(pattern)}

    analysis = {str(path.relative_to(ROOT)) for path in (ROOT / "analysis").rglob("*.py")}
    backfill = {str(path.relative_to(ROOT)) for path in (ROOT / "backfill").glob("*.py")}
    recipe = {str(path.relative_to(ROOT)) for path in (ROOT / "backfill/image").iterdir()}
    assert names == analysis | backfill | recipe | {"requirements.txt"}
    assert "analysis/features/__init__.py" in names


@pytest.mark.parametrize(
    "name", ["requirements.txt", "analysis/features/one.py", "backfill/plan.py", "backfill/image/x"]
)
def test_a_changed_file_makes_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A change anywhere in what the image is built from is another tag; so is another Python."""
    for path in ("requirements.txt", "analysis/features/one.py", "backfill/plan.py", "backfill/image/x"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("before")
    monkeypatch.setattr(scheduled_job, "ROOT", tmp_path)
    monkeypatch.setattr("deploy.archive.ROOT", tmp_path)
    before = image_of(DEPLOYMENT, FUNCTION)

    (tmp_path / name).write_text("after")

    assert image_of(DEPLOYMENT, FUNCTION) != before
    assert image_of(DEPLOYMENT, FUNCTION).startswith(
        f"us-central1-docker.pkg.dev/{PROJECT}/analyze-backfill/backfill:python313-"
    )


@pytest.mark.parametrize(("tag", "n_builds"), [("", 0), ("x", 1)])
def test_an_image_is_built_unless_it_is_there(tag: str, n_builds: int) -> None:
    """Only a tag that is wholly the same is the image; a build takes minutes."""
    image = image_of(DEPLOYMENT, FUNCTION).rpartition(":")[2]
    commands: list[Any] = []
    gcloud = Answering([{"name": f"projects/p/tags/{tag}{image}"}, {"name": "projects/p/tags/old"}])
    gcloud.run = lambda *words: commands.append(words)

    ensure_image(gcloud, DEPLOYMENT, FUNCTION)

    assert len(commands) == n_builds
