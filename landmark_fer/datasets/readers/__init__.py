"""Readers of data sets: one module a source, over shared readers of csv files, folders and archives."""
