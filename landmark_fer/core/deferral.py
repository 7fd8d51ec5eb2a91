"""Defer the import of modules until they are first used.

scikit-learn imports scipy.stats and pandas, and SciPy imports numpy.f2py and numpy.testing, for functions that
recognition never calls. These imports are not ours, so importing lazily in our own modules does not avoid them. Without
them the first frame takes a quarter less processor time (2.4 s against 3.2 s, docs/decisions/0023).
"""

import contextlib
import importlib
import importlib.util
import sys
import threading
from types import ModuleType

_LOCK = threading.RLock()


def defer(*names):
    """Make later imports of modules return a placeholder that loads the module on first use.

    Parameters
    ----------
    *names : str
        Dotted names. Modules that are loaded already, or not installed, are not changed.
    """
    for name in names:
        if name not in sys.modules and importlib.util.find_spec(name) is not None:
            sys.modules[name] = module = _placeholder(name)
            parent, _, child = name.rpartition(".")
            if parent:  # find_spec has imported it
                setattr(sys.modules[parent], child, module)


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
        with _LOCK:
            if sys.modules.get(name) is module:
                del sys.modules[name]
            real = importlib.import_module(name)
            vars(module).update(vars(real))
        return getattr(real, attribute)

    module.__getattr__ = load
    return module
