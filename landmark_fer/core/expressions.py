"""The expressions, their order, and the class names of data sets mapped to them.

Inside the package an expression is always one of these words, never a number, because numbers differ between data sets
(FER2013 counts 0 angry ... 6 neutral, folders sort alphabetically, FER+ begins with neutral).
The words name what a face shows, from which the person's emotion does not follow (Barrett et al. 2019 [1]_).

References
----------
.. [1] Barrett, Adolphs, Marsella, Martinez and Pollak, Emotional Expressions Reconsidered, Psychological
   Science in the Public Interest 20(1), 2019.
"""

from landmark_fer.core.errors import InputError

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")

UNCERTAIN = "uncertain"  # replaces a prediction whose probability is too small; not a class

FER2013_CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# Column order of fer2013new.csv; None: not an expression ("unknown", and NF, "not a face").
FERPLUS_COLUMNS = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": "contempt",
    "unknown": None,
    "NF": None,
}

SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "contemptuous": "contempt",
    "afraid": "fear",
    "fearful": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "smile": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "calm": "neutral",
    "neutrality": "neutral",
}


def find_expression(name):
    """Return the expression that a class name means, or None.

    Parameters
    ----------
    name : str
        A class or folder name in any letter case, with surrounding space, digits or punctuation (``"3_Happy"``).

    Returns
    -------
    str or None
        A member of `EXPRESSIONS`.
    """
    word = name.strip().lower().strip("0123456789_-. ")
    word = SYNONYMS.get(word, word)
    return word if word in EXPRESSIONS else None


def expression_named(name):
    """Return the expression that a word means; raise InputError if it means none.

    Raises
    ------
    InputError
        If the word is neither an expression nor a known synonym.
    """
    expression = find_expression(name)
    if expression is None:
        raise InputError(f"expression must be one of {', '.join(EXPRESSIONS)} or a known synonym, got {name!r}")
    return expression


def in_order(names):
    """Return the distinct expressions among `names` in the order of `EXPRESSIONS`, as a tuple."""
    present = set(names)
    return tuple(expression for expression in EXPRESSIONS if expression in present)
