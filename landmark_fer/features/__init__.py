"""From face records to vectors: pure functions on arrays, and thin scikit-learn transformers over them."""
