"""Predictors over face records: fit, predict_proba, classes_."""
