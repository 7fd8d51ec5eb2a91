"""Saved models: save, verify and load them; model formats, manifest, probe, model card and ONNX export."""
