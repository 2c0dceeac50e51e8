"""A SLURM to test on, and the workflow on it. With NSSLIB_CLUSTER=1 (``make cluster``) nothing is skipped."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from nsslib.config.files import load, parse
from nsslib.grid.batch import batches

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "slurm"
REQUIRED = os.environ.get("NSSLIB_CLUSTER") == "1"


def command(*words, **options):
    """Output of a command that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def slurm():
    """A running private SLURM; started, and stopped at the end, unless ``make slurm-up`` has done so before."""
    if not REQUIRED and not (shutil.which("slurmctld") and os.getuid() == 0):
        pytest.skip("needs root and SLURM (apt-get install slurmctld slurmd slurm-client munge); see make slurm-up")
    home = Path(os.environ.get("SLURM_HOME", Path(os.environ.get("TMPDIR", "/tmp")) / "nsslib-slurm"))
    found = home.exists()
    export = command(SCRIPTS / "up.sh")
    name, _, value = export.strip().removeprefix("export ").partition("=")
    os.environ[name] = value
    yield home
    if not found:
        command(SCRIPTS / "down.sh")


def jobs():
    """State of every job of SLURM, by number."""
    lines = command("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
    return {int(line.split()[0]): line.split()[1] for line in lines}


def power_off(slurm, node, job):
    """End a node with the job on it at once and without a word, as a loss of power does."""
    os.kill(int((slurm / f"{node}.pid").read_text()), signal.SIGKILL)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            step = " ".join(process.cmdline()).startswith(f"slurmstepd: [{job}.")
            if step or process.environ().get("SLURM_JOB_ID") == str(job):
                process.kill()


def wait_for(what, seconds=180):
    """What a function returns, once that is true."""
    limit = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < limit, f"waited {seconds} s for {what.__name__}"
        time.sleep(0.2)
    return found


class Workflow:
    """A sweep in a directory, run by Snakemake under a profile."""

    def __init__(self, directory, config):
        self.directory = directory
        self.file = directory / "sweep.yaml"
        self.config = load(ROOT / "config" / "smoke.yaml") if config is None else parse(config)
        self.file.write_text((ROOT / "config" / "smoke.yaml").read_text() if config is None else yaml.safe_dump(config))
        self.results = directory / "results" / self.config.name

    def start(self, *options, profile="slurm", **environment):
        """Start Snakemake; its output goes to a file."""
        words = ["--snakefile", ROOT / "Snakefile", "--directory", self.directory, "--configfile", self.file]
        polls = ["--slurm-init-seconds-before-status-checks", "4"] if profile == "slurm" else []
        with (self.directory / "snakemake.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--profile", profile, *polls, *map(str, options), *words],
                cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=os.environ | environment,
            )  # fmt: skip

    def run(self, *options, profile="slurm", **environment):
        """Run Snakemake to its end, which must be a good one."""
        self.finish(self.start(*options, profile=profile, **environment))

    def finish(self, process):
        """Wait for a good end."""
        assert process.wait(timeout=400) == 0, self.output()

    def output(self):
        """All that Snakemake said."""
        return (self.directory / "snakemake.log").read_text()

    def job(self, number=0):
        """SLURM's number of the (n + 1)-th job that was submitted, once it is."""

        def submitted():
            found = re.findall(r"submitted with SLURM jobid (\d+)", self.output())
            return int(found[number]) if len(found) > number else None

        return wait_for(submitted)

    def log(self):
        """Log of the first batch."""
        batch = batches(self.config)[0].manifest.removeprefix("manifests/").removesuffix(".json")
        path = self.directory / "logs" / self.config.name / "compute" / f"{batch}.log"
        return path.read_text() if path.exists() else ""

    def stamps(self):
        """When every store was sealed."""
        return {p: p.stat().st_mtime_ns for p in self.results.glob("shards/*/*/*/seed=*.zarr/zarr.json")}


@pytest.fixture
def workflow(tmp_path):
    """``workflow(config)``: a `Workflow` in a directory of its own; the smoke sweep without a config."""

    def make(config=None, name="sweep"):
        directory = tmp_path / name
        directory.mkdir()
        return Workflow(directory, config)

    return make
