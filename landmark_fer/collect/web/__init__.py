"""The web server of ``collect --web``."""
