"""Pixels to line art: the model file's runtime, and the encoders."""

import os

# ONNX Runtime sends telemetry unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
