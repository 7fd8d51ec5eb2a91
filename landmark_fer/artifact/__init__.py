"""Saved models: manifest, model file, probe, model card, export."""
