"""Sinks of a live session: logs, recordings, snapshots, summaries."""
