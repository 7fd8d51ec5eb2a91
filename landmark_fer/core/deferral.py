"""Modules that are loaded when something in them is first used, not when they are imported.

scikit-learn imports scipy.stats and pandas as it starts, and SciPy all of NumPy, its Fortran compiler's front end too,
for functions that reading faces never calls; together they take as long as the rest of it.
"""

import importlib
import importlib.util
import sys
import threading
from types import ModuleType

_LOCK = threading.RLock()


def defer(*names):
    """Let later imports of modules give a stand-in that loads the module at the first look into it.

    Parameters
    ----------
    *names : str
        Dotted. Those that are loaded already, or not installed, are left alone.
    """
    for name in names:
        if name not in sys.modules and importlib.util.find_spec(name) is not None:
            sys.modules[name] = module = _stand_in(name)
            parent, _, child = name.rpartition(".")
            if parent:  # loaded by the search for a spec
                setattr(sys.modules[parent], child, module)


def _stand_in(name):
    """Return a module that is empty until a name in it is asked for (PEP 562)."""
    module = ModuleType(name, "Stands in for a module that was not needed yet.")

    def look(wanted):
        with _LOCK:
            if sys.modules.get(name) is module:
                del sys.modules[name]
            real = importlib.import_module(name)
            vars(module).update(vars(real))
        return getattr(real, wanted)

    module.__getattr__ = look
    return module
