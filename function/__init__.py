"""All that runs inside Lambda, and nothing else."""

import os

__version__ = "0.1.0"

# ONNX Runtime reports to its maker, unless it is told not to before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
