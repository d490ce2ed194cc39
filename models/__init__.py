"""Makes model files: photos → teacher → training → `function/model.onnx`. See models/README.md."""
