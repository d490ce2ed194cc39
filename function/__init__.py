"""All that runs inside Lambda, and nothing else."""

__version__ = "0.1.0"
