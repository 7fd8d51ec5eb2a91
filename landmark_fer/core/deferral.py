"""Defer the import of modules until they are first used.

scikit-learn imports scipy.stats, pandas and narwhals, SciPy numpy.f2py and numpy.testing, joblib asyncio, for functions
that recognition never calls. These imports are not ours, so importing lazily in our own modules does not avoid them.
Without them the first frame takes a quarter less processor time (2.4 s against 3.2 s, docs/decisions/0023).
"""

import contextlib
import copy
import importlib
import importlib.util
import sys
import threading
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_LOCK = threading.Lock()


def defer(*names):
    """Make later imports of modules, and of packages that they belong to, return placeholders that load on first use.

    Parameters
    ----------
    *names : str
        Dotted names. Modules that are loaded already, or not installed, are not changed.
    """
    if _LOADED not in sys.meta_path:
        sys.meta_path.insert(0, _LOADED)
    for name in names:
        parent, _, child = name.rpartition(".")
        if parent:
            defer(parent)
        if name not in sys.modules and (spec := _find(name, parent)) is not None:
            sys.modules[name] = module = _placeholder(name)
            module.__spec__ = spec
            if parent:
                setattr(sys.modules[parent], child, module)


def _find(name, parent):
    """Return the spec of a module, without loading the package that it belongs to; None if it is not installed."""
    if not parent:
        return PathFinder.find_spec(name)
    spec = getattr(sys.modules.get(parent), "__spec__", None)
    return spec and PathFinder.find_spec(name, spec.submodule_search_locations)


class _LoadedFinder:
    """Finds modules that are loaded already.

    To import a submodule, Python reads the path of its package. If that is a placeholder, it loads the package then,
    which may load the submodule. Python would execute it a second time.
    """

    def find_spec(self, name, path=None, target=None):
        if target is not None or name not in sys.modules:  # reloaded, or to be loaded
            return None
        loaded = getattr(sys.modules[name], "__spec__", None)
        spec = ModuleSpec(name, self) if loaded is None else copy.copy(loaded)
        spec.loader, spec.loader_state = self, loaded
        return spec

    def create_module(self, spec):
        return sys.modules[spec.name]

    def exec_module(self, module):
        module.__spec__ = module.__spec__.loader_state


_LOADED = _LoadedFinder()


@contextlib.contextmanager
def deferred_calls(name, *functions):
    """Let the imports in a block take functions of a module without loading it; their first call loads it.

    Parameters
    ----------
    name : str
        Dotted name of the module. Nothing is changed if it is loaded already.
    *functions : str
        Names that the imported modules only call. Any other name loads the module.
    """
    if name in sys.modules:
        yield
        return
    spec = importlib.util.find_spec(name)
    sys.modules[name] = module = _placeholder(name)
    module.__path__ = spec.submodule_search_locations  # else `from` loads the module
    vars(module).update((function, _later(name, function)) for function in functions)
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _later(name, function):
    def call(*args, **kwargs):
        return getattr(importlib.import_module(name), function)(*args, **kwargs)

    return call


def _placeholder(name):
    """Return a module that loads the real one when an attribute is read (PEP 562)."""
    module = ModuleType(name, "Placeholder of a module that is not loaded yet.")

    def load(attribute):
        with _LOCK:  # not during the import: another thread may import a module that both need
            if sys.modules.get(name) is module:
                del sys.modules[name]
        real = importlib.import_module(name)
        for child, part in list(vars(module).items()):  # placeholders of submodules, which Python does not set again
            if part is sys.modules.get(f"{name}.{child}"):
                vars(real).setdefault(child, part)
        vars(module).update(vars(real))
        return getattr(real, attribute)

    module.__getattr__ = load
    module.__dir__ = lambda: load("__dir__")()
    return module
