"""Canaries are some of all objects: what could be analysed before, and then what chance chooses."""

from backfill.canaries import N_OBJECTS, N_SOUNDS
from backfill.comparison import State
from tests.backfill.comparisons import comparison, plan

SOUNDS = [comparison(State.SOUND, f"sound {n}", size) for n, size in enumerate((500, 20, 30, 400, 1))]
MISSING = [comparison(State.MISSING, f"{n}.wav", n) for n in range(500)]


def test_what_could_be_analysed_before_is_asked_first() -> None:
    """The smallest objects with a sound come first, then objects to analyse, the last one among them."""
    made = plan(*SOUNDS, *MISSING)
    canaries = list(made.canaries)
    made.close()

    assert canaries[:N_SOUNDS] == [SOUNDS[4], SOUNDS[1], SOUNDS[2]]
    assert canaries[N_SOUNDS] == MISSING[-1]
    assert N_OBJECTS <= len(canaries) - N_SOUNDS <= N_OBJECTS + 1
    assert len({each.upload.blob_name for each in canaries}) == len(canaries)
    assert all(each in MISSING for each in canaries[N_SOUNDS:])


def test_chance_chooses_from_all_of_them() -> None:
    """Another run asks others, from the beginning to the end, so no group of bad ones ends every night."""
    chosen = set()
    for _ in range(30):
        made = plan(*MISSING)
        chosen |= {each.upload.size for each in made.canaries}
        made.close()

    assert len(chosen) > 250
    assert min(chosen) < 50
    assert max(chosen) == 499


def test_without_objects_there_is_none() -> None:
    """What is newer, rejected or skipped is not asked."""
    made = plan(*(comparison(state) for state in (State.NEWER, State.REJECTED, State.SKIPPED, State.PENDING)))

    assert list(made.canaries) == []
    made.close()
