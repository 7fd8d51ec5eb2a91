"""Names of files as text that can be written: on most systems a name is bytes, and need be text in no encoding."""


def writable(text):
    """Return a text that UTF-8 can hold, for files and pages that tell names.

    Parameters
    ----------
    text : str
        Bytes of names that are no text in the system's encoding stand in it as lone surrogates (PEP 383).

    Returns
    -------
    str
        Those bytes are letters again where they are UTF-8 (as under ``LC_ALL=C``), and U+FFFD elsewhere.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # surrogates of another origin
        return text.encode("utf-8", "replace").decode("utf-8")
