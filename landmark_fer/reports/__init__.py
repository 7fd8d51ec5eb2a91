"""HTML reports of saved models."""
