"""ONNX export: a fitted predictor as one graph of the standard's own operators."""
