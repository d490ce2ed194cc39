"""Makes model files: photos → teacher → training → `artline/model.onnx`. See models/README.md."""

import os

# ONNX Runtime reports to its maker, unless it is told not to before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
