"""Mutations: damage of files by a disk, a network or an attacker, from a seeded generator."""

import copy

CUT, MOST_FLIPS, LONGEST = 0.25, 8, 64

# What sizes, counts and offsets are overwritten with, little and big end first.
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**62, 2**64 - 1)

# What cells and words are replaced with: not numbers, numbers of other scripts, no text, text without an end.
WORDS = (
    "", "-1", "256", "nan", "inf", "1e999", "0x10", "99999999999999999999", "1_0", " ", '"', ",,,,", "\x00", "\r", "\n",
    "٣", "²", "happy", "Ünïcödé", "\u2028", "\ud7ff", "=1+1", "../../x", "%s%n", "[" * 200, "9" * 5000,
)  # fmt: skip

# What a value of JSON is replaced with.
VALUES = (
    None, True, False, 0, -1, 1, 2, 0.5, 1e308, -1e308, 10**30, float("nan"), float("inf"), "", "x", "happy", "../x",
    "x" * 5000, [], {}, [[]], [None], [0] * 7, {"x": 1}, [["happy"]], "\x00", "\ud800",
)  # fmt: skip


def damaged(content, random, others=()):
    """Return bytes with one to three mutations.

    Parameters
    ----------
    content : bytes
    random : random.Random
    others : sequence of bytes
        Whole files whose parts may be inserted.
    """
    if random.random() < CUT:
        return content[: random.randrange(len(content) + 1)]
    content = bytearray(content)
    for _ in range(random.randint(1, 3)):
        random.choice(ACCIDENTS)(content, random, others or (bytes(content),))
    return bytes(content)


def damaged_text(content, random, others=()):
    """Return the bytes of a text with cells, lines or bytes changed."""
    if random.random() < 0.4:
        return damaged(content, random, others)
    text = content.decode("utf-8")
    for _ in range(random.randint(1, 3)):
        separator = random.choice((",", "\n", " ", ":"))
        parts = text.split(separator)
        place = random.randrange(len(parts))
        damage = random.randrange(4)
        if damage == 0:
            parts[place] = random.choice(WORDS)
        elif damage == 1:
            parts.insert(place, random.choice(WORDS))
        elif damage == 2:
            del parts[place]
        else:
            other = random.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
        text = separator.join(parts)
    return text.encode("utf-8", "surrogatepass")


def damaged_values(values, random):
    """Return a copy of values of JSON in which one to three were replaced, removed, added or exchanged."""
    values = copy.deepcopy(values)
    for _ in range(random.randint(1, 3)):
        places = list(_places(values))
        if not places:
            return random.choice(VALUES)
        holder, key = random.choice(places)
        damage = random.randrange(4)
        if damage == 0:
            del holder[key]
        elif damage == 1:
            other, second = random.choice(places)
            if _reach(holder[key], other) or _reach(other[second], holder):  # nothing may hold itself
                holder[key] = random.choice(VALUES)
            else:
                holder[key], other[second] = other[second], holder[key]
        elif damage == 2 and isinstance(holder, dict):
            holder[random.choice(("x", "", "classes", "format", "\x00"))] = random.choice(VALUES)
        else:
            holder[key] = random.choice(VALUES)
    return values


def _places(values):
    """Yield (container, key) of every entry in nested values; of long lists only the ends."""
    keys = values.keys() if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()
    for key in [*keys][:40]:
        yield values, key
        yield from _places(values[key])


def _reach(values, wanted):
    return values is wanted or any(holder[key] is wanted for holder, key in _places(values))


def _flip(content, random, others):
    for _ in range(random.randint(1, MOST_FLIPS) if content else 0):
        last = min(len(content), random.choice((16, 64, 512, len(content))))
        content[random.randrange(last)] = random.randrange(256)


def _flip_a_bit(content, random, others):
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _number(content, random, others):
    width = random.choice((1, 2, 4, 8))
    value = random.choice(NUMBERS) & (2 ** (8 * width) - 1)
    place = random.randrange(min(len(content), random.choice((64, 512, 2**30))) + 1)
    content[place : place + width] = value.to_bytes(width, random.choice(("little", "big")))


def _remove(content, random, others):
    place = random.randrange(len(content) + 1)
    del content[place : place + random.randint(1, LONGEST)]


def _insert(content, random, others):
    place = random.randrange(len(content) + 1)
    content[place:place] = random.randbytes(random.randint(1, LONGEST))


def _repeat(content, random, others):
    place = random.randrange(len(content) + 1)
    content[place:place] = content[place : place + LONGEST] * random.randint(1, 50)


def _blank(content, random, others):
    place = random.randrange(len(content) + 1)
    stretch = content[place : place + random.choice((LONGEST, 4096))]
    content[place : place + len(stretch)] = bytes(len(stretch))


def _splice(content, random, others):
    other = random.choice(others)
    begin, place = random.randrange(len(other) + 1), random.randrange(len(content) + 1)
    stretch = other[begin : begin + random.randint(1, 512)]
    content[place : place + len(stretch)] = stretch


ACCIDENTS = (_flip, _flip, _flip_a_bit, _number, _number, _remove, _insert, _repeat, _blank, _splice)
