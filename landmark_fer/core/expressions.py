"""The closed list of expressions, its order, and every data set's own names mapped onto it.

Inside the package an expression is always one of these words, never a number: numbers differ between data sets
(FER2013 counts 0 angry ... 6 neutral, folders sort alphabetically, FER+ begins with neutral), words do not.
The words name what a face shows; what the person feels does not follow from it (Barrett et al. 2019 [1]_).

References
----------
.. [1] Barrett, Adolphs, Marsella, Martinez and Pollak, Emotional Expressions Reconsidered, Psychological
   Science in the Public Interest 20(1), 2019.
"""

from landmark_fer.core.errors import InputError

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")

UNCERTAIN = "uncertain"  # the answer where a model is not sure enough; it shows nothing, so no expression

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
    """Return the expression that a data set's word means, or None if it means none.

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
    """Return the expression that a word means; raise where `find_expression` returns None.

    Raises
    ------
    InputError
        If the word is none of the expressions nor a known synonym.
    """
    found = find_expression(name)
    if found is None:
        raise InputError(f"expression must be one of {', '.join(EXPRESSIONS)} or a known synonym, got {name!r}")
    return found


def in_order(names):
    """Return the distinct expressions among `names` in the order of `EXPRESSIONS`, as a tuple."""
    present = set(names)
    return tuple(expression for expression in EXPRESSIONS if expression in present)
