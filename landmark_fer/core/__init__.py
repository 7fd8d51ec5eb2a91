"""Shared by all layers: errors, files, expressions, the 68-point scheme, geometry and face records."""
