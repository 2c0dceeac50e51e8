"""One try at a shard: what the computation of a task may use, and how it is followed and ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

OnStep = Callable[[int, int, float, str], None]
"""``on_step(done, total, acceptance, remark)``, called after every step; done = total at the end."""

ShouldStop = Callable[[], str | None]
"""``should_stop()``, called after every step: the reason to save the state and end, or None."""

CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True)
class Sitting:
    """One try at a shard, as the stage sees it.

    Attributes
    ----------
    checkpoint : Path, optional
        Where to save the state now and then (`nsslib.storage.checkpoint`), and to look for one to go on from; the
        stage removes it.
    start : DataTree, optional
        Store of a shorter run (`Task.continues`), to go on from if there is no checkpoint.
    on_step, should_stop : callable
        See `OnStep` and `ShouldStop`: a task that is asked to stop saves its state and raises
        `nsslib.errors.Terminated`.
    note : callable
        Called with a line that a user should read.
    checkpoint_seconds : float
        Time between two checkpoints.
    """

    checkpoint: Path | None = None
    start: xr.DataTree | None = None
    on_step: OnStep = lambda *_: None
    should_stop: ShouldStop = lambda: None
    note: Callable[[str], None] = lambda line: None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
