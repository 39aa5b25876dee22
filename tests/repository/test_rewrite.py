"""The parts of the docs that follow from the code are as the code is."""

import pytest

from local.servers import ROOT
from tests.rewrite import PARTS, rewrite


@pytest.mark.parametrize("page", sorted({page for page, _ in PARTS}))
def test_page_is_up_to_date(page: str) -> None:
    """A page says what ``python -m tests.rewrite`` would write: run it where this fails."""
    assert (ROOT / page).read_text() == rewrite(page)
