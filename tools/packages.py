"""What is installed for landmark_fer, from the metadata of the installed packages: names, versions, licences."""

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
    """

    name: str
    version: str
    licence: str


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
        found[name] = Package(name, distribution.version, KNOWN.get(name) or licence_of(distribution.metadata))
        pending += [need for need in needs if need[0] not in found]
    return [found[name] for name in sorted(found)], sorted(missing)


def _needs(distribution, extras):
    from packaging.requirements import Requirement

    return [each for each in map(Requirement, distribution.requires or ()) if _wanted(each, extras)]


def _wanted(requirement, extras):
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def licence_of(package_metadata):
    """Return the licence in a package's metadata: its expression, its classifiers, or its short ``License`` field."""
    if package_metadata.get("License-Expression"):
        return package_metadata["License-Expression"]
    classifiers = [
        line.removeprefix(_PREFIX) for line in package_metadata.get_all("Classifier") or () if line.startswith(_PREFIX)
    ]
    named = [line.rpartition(" :: ")[2] for line in classifiers if line != "OSI Approved"]
    field = " ".join((package_metadata.get("License") or "").split())
    if field and len(field) <= _WORDS_OF_A_NAME and field.upper() != "UNKNOWN":
        return field if not named or field in named else f"{field} ({', '.join(named)})"
    return ", ".join(named) or "not said"
