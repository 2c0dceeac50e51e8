"""What the cluster tests share."""

from slurm_fixtures import slurm, workflow

__all__ = ["slurm", "workflow"]
