"""Classifiers of face records with scikit-learn's interface, and the registry of candidates."""
