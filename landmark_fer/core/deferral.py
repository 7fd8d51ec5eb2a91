"""Defer the import of modules until they are first used.

scikit-learn imports scipy.stats and pandas, and SciPy imports numpy.f2py and numpy.testing, for functions that
recognition never calls. These imports are not ours, so importing lazily in our own modules does not avoid them. Without
them the first frame takes a quarter less processor time (2.4 s against 3.2 s, docs/decisions/0023).
"""

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
