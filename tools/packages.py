"""What is installed for landmark_fer, from the metadata of the installed packages: names, versions, licences."""

import re
from dataclasses import dataclass
from importlib import metadata

from packaging.utils import canonicalize_name

_PREFIX = "License :: "
_WORDS_OF_A_NAME = 60  # a longer "License" field is the text of one

# Where a package's metadata say nothing, or nothing that names a licence: looked up in its source.
KNOWN = {
    "namex": "Apache-2.0",
    "skops": "MIT",
    "face-recognition-models": "CC0-1.0 (the package); the predictor in it: not for commercial use (iBUG 300-W)",
}


@dataclass(frozen=True)
class Package:
    """An installed package.

    Attributes
    ----------
    name, version : str
    licence : str
        As its maker names it; an SPDX expression where there is one; "not said" where there is nothing.
    expression : str or None
        The SPDX expression alone.
    homepage : str
    summary : str
    requires : tuple of str
        Names of what it needs here, of the packages that are installed.
    """

    name: str
    version: str
    licence: str
    expression: str | None
    homepage: str
    summary: str
    requires: tuple


def installed(requirements):
    """Return the packages that are installed for some requirements, and what they need in turn, by name.

    Parameters
    ----------
    requirements : iterable of packaging.requirements.Requirement

    Returns
    -------
    list of Package
    list of str
        Names that are required and not installed.
    """
    found, missing = {}, set()
    pending = [(canonicalize_name(each.name), tuple(each.extras)) for each in requirements if _wanted(each, ())]
    while pending:
        name, extras = pending.pop()
        if name in found and not extras:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            missing.add(name)
            continue
        needs = [(canonicalize_name(each.name), tuple(each.extras)) for each in _needs(distribution, extras)]
        found[name] = _package(name, distribution, sorted({need for need, _ in needs}))
        pending += [need for need in needs if need[0] not in found]
    return [found[name] for name in sorted(found)], sorted(missing)


def _needs(distribution, extras):
    from packaging.requirements import Requirement

    return [each for each in map(Requirement, distribution.requires or ()) if _wanted(each, extras)]


def _wanted(requirement, extras):
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def _package(name, distribution, requires):
    known = distribution.metadata
    return Package(
        name=name,
        version=distribution.version,
        licence=KNOWN.get(name) or licence_of(known),
        expression=known.get("License-Expression"),
        homepage=_homepage(known),
        summary=(known.get("Summary") or "").strip(),
        requires=tuple(requires),
    )


def licence_of(known):
    """Return the licence in a package's metadata: its expression, its classifiers, or its short ``License`` field."""
    if known.get("License-Expression"):
        return known["License-Expression"]
    classifiers = [line.removeprefix(_PREFIX) for line in known.get_all("Classifier") or () if line.startswith(_PREFIX)]
    named = [line.rpartition(" :: ")[2] for line in classifiers if line != "OSI Approved"]
    field = " ".join((known.get("License") or "").split())
    if field and len(field) <= _WORDS_OF_A_NAME and field.upper() != "UNKNOWN":
        return field if not named or field in named else f"{field} ({', '.join(named)})"
    return ", ".join(named) or "not said"


def _homepage(known):
    pages = {
        label.strip().lower(): address.strip()
        for label, _, address in (line.partition(",") for line in known.get_all("Project-URL") or ())
    }
    named = next((pages[label] for label in ("homepage", "home", "source", "repository") if label in pages), "")
    return named or next(iter(pages.values()), "") or re.sub("^UNKNOWN$", "", known.get("Home-page") or "")
