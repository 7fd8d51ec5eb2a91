"""FileIndex: who and what is in a folder of takes, in words."""

from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.collection import read_about, read_takes


def describe_takes(path):
    """Return who agreed when, and how many takes and faces of each expression there are, in lines.

    Raises
    ------
    DataError
        If the folder is no collection, or a take is damaged.
    """
    about, takes = read_about(path), read_takes(path)
    lines = [f"{path}: {len(takes)} takes, {sum(take['faces'] for take in takes)} faces"]
    for subject in sorted({take["subject"] for take in takes} | set(about["consent"]), key=natural_key):
        own = [take for take in takes if take["subject"] == subject]
        agreed = about["consent"].get(subject, {}).get("agreed", "never")
        lines.append(f"\n{subject} (agreed {agreed})")
        for expression in dict.fromkeys(take["expression"] for take in own):
            shown = [take for take in own if take["expression"] == expression]
            lines.append(f"  {expression:9} {len(shown):3} takes  {sum(take['faces'] for take in shown):5} faces")
    return "\n".join(lines)
