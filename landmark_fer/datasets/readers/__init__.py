"""Readers of data sets: one module for each source, and what they share for csv files, folders and archives."""
