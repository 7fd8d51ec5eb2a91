"""Feature extraction: pure functions on arrays, and scikit-learn transformers of face records that call them."""
