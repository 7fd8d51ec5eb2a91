"""A fitted predictor as an ONNX graph: features, classifiers and pool, in the standard's own operators."""
