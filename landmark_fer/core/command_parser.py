"""The parser of a command's options.

It is apart from `core.command`, which handles Ctrl-C before argparse is imported.
"""

import argparse

from landmark_fer import __version__


class CommandParser(argparse.ArgumentParser):
    """Parser of a command: it has ``--version``, and reports a wrong option in one sentence, without the usage.

    Parameters
    ----------
    prog : str
        What users type, such as ``python -m landmark_fer.fit``.
    **options
        As for ``argparse.ArgumentParser``.
    """

    def __init__(self, prog, **options):
        super().__init__(prog, **options)
        self.add_argument("--version", action="version", version=f"landmark_fer {__version__}")

    def error(self, message):
        """Print the message and what to do, and exit with status 2."""
        import difflib

        names = list(self._option_string_actions)
        words = [word.partition("=")[0].rstrip(":,") for word in message.split() if word.startswith("--")]
        unknown = [word for word in words if not any(name.startswith(word) for name in names)]
        similar = [name for word in unknown for name in difflib.get_close_matches(word, names, 1)]
        what_to_do = f"did you mean {similar[0]}?" if similar else f"{self.prog} --help lists the options"
        self.exit(2, f"error: {message}; {what_to_do}\n")
