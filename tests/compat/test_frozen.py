"""What this release has written stays readable, and its numbers stay what they are.

A change that fails here gives other numbers for the same config: then KERNEL_VERSION goes up, and
``python tests/compat/test_frozen.py`` freezes the next one beside the old.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nsslib.config.schema import Model, Sampler, Save
from nsslib.grid.sampling import Sampling
from nsslib.sampling.run import Run, run
from nsslib.storage import checkpoint
from nsslib.version import KERNEL_VERSION

HERE = Path(__file__).parent
FROZEN = {path.stem.removeprefix("kernel-"): path for path in HERE.glob("kernel-*.npz")}
SAVED_AT = 90
SHARD = Sampling(
    "main", 0.3, 6, 4, (0.8, 1.2), Model(eta=0.01), (3.0, 12.0),
    Sampler(burn_in=60, steps=80, save=Save(observables=2, trajectories=20)),
)  # fmt: skip


def digest(record):
    """sha256 of everything recorded."""
    series = record.recorder.single | record.recorder.pair | {"x": record.recorder.x}
    return hashlib.sha256(b"".join(series[name].tobytes() for name in sorted(series))).hexdigest()


def digests():
    return json.loads((HERE / "digests.json").read_text(encoding="utf-8"))


def test_this_kernel_version_is_frozen():
    assert FROZEN.keys() == digests().keys()
    assert KERNEL_VERSION in FROZEN


def test_the_numbers_of_this_kernel_version_are_what_they_were():
    assert digest(run(SHARD)) == digests()[KERNEL_VERSION]


def test_a_checkpoint_of_this_kernel_version_goes_on_to_the_same_numbers(tmp_path):
    path = shutil.copy(FROZEN[KERNEL_VERSION], tmp_path / "checkpoint.npz")
    notes = []
    record = run(SHARD, Path(path), note=notes.append)
    assert notes[0].startswith(f"resumed at step {SAVED_AT} of 140")
    assert digest(record) == digests()[KERNEL_VERSION]


@pytest.mark.parametrize("version", sorted(FROZEN.keys() - {KERNEL_VERSION}))
def test_a_checkpoint_of_an_older_kernel_is_refused_by_name(version):
    state, remarks = checkpoint.load(FROZEN[version], SHARD.settings())
    assert state is None
    assert f'kernel "{version}", now "{KERNEL_VERSION}"' in remarks[0]


@pytest.mark.slow
def test_numpy_without_avx512_gives_the_same_numbers():
    source = f"import sys; sys.path.insert(0, {str(HERE)!r}); from test_frozen import *; print(digest(run(SHARD)))"
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digests()[KERNEL_VERSION]


if __name__ == "__main__":
    this = Run(SHARD)
    for _ in range(SAVED_AT):
        this.step()
    checkpoint.save(HERE / f"kernel-{KERNEL_VERSION}.npz", SHARD.settings(), this.saved())
    known = digests() if (HERE / "digests.json").exists() else {}
    known[KERNEL_VERSION] = digest(run(SHARD))
    (HERE / "digests.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
