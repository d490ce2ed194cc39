"""The version, and where the model file is. Standard library only: the Pulumi program reads it."""

from pathlib import Path
from typing import Final

__version__ = "0.2.0"

MODEL: Final = Path(__file__).with_name("model.onnx")
"""The default model, which another model file may replace."""
