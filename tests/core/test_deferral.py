"""Deferred modules: importing them loads nothing, and using them works as usual."""

import subprocess
import sys

import pytest

from landmark_fer.live.__main__ import NEEDLESS
from tests.accidents.fuzzing import ROOT

NAMES = (*NEEDLESS, "no_such_module", "scipy.no_such_module", "no_such_module.part")
DEFER = f"import sys; from landmark_fer.core.deferral import defer; defer(*{NAMES})\n"


def run(code):
    done = subprocess.run([sys.executable, "-c", DEFER + code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "use",
    [
        "import scipy.stats; assert scipy.stats.norm.cdf(0) == 0.5",
        "from scipy.stats import norm; assert norm.cdf(0) == 0.5",
        "from scipy import stats; assert stats.norm.cdf(0) == 0.5",
        "import scipy.stats.qmc; assert scipy.stats.qmc.Sobol(1, seed=0).random(1).shape == (1, 1)",
        "import scipy.stats as before; before.norm; import scipy.stats as after; assert after.norm is before.norm",
        "import pandas; assert isinstance(pandas.DataFrame({'a': [1]}), sys.modules['pandas'].DataFrame)",
        "import pandas as pd; from pandas.api.types import is_integer_dtype; assert is_integer_dtype(pd.Series([1]))",
        "import numpy as np; np.testing.assert_array_equal(np.polynomial.Polynomial([1, 2])(3), 7)",
        "from numpy import *; assert polynomial.Polynomial([1, 2])(3) == 7",
        "from numpy.testing import assert_allclose; assert_allclose(1.0, 1.0)",
        "from asyncio.queues import Queue; import asyncio; assert asyncio.Queue is Queue\n"
        "assert asyncio.queues is sys.modules['asyncio.queues'] and asyncio.queues.Queue is Queue\n"
        "assert asyncio.queues.__spec__.origin.endswith('queues.py')",
        "import asyncio, importlib; importlib.reload(asyncio.queues); asyncio.run(asyncio.sleep(0))",
        "import importlib.util as util\n"
        "assert util.find_spec('asyncio.queues').origin.endswith('queues.py')\n"
        "assert util.find_spec('scipy.stats.distributions').origin.endswith('distributions.py')",
        "import asyncio, inspect; assert 'run' in dir(asyncio) and 'Queue' in dict(inspect.getmembers(asyncio))",
        "import scipy.special; from scipy.special import expit; assert scipy.special.expit(0) == expit(0) == 0.5",
        "import scipy; assert scipy.special.expit(0) == 0.5 and scipy.stats.norm.cdf(0) == 0.5",
        "import numpy.f2py; assert callable(numpy.f2py.run_main)",
        "import threading, pandas\n"
        "seen = []\n"
        "threads = [threading.Thread(target=lambda: seen.append(pandas.Series([2]).sum())) for _ in range(8)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]; assert seen == [2] * 8",
        "import threading, scipy.stats\n"  # scipy.stats and scipy.spatial need each other's modules
        "threads = [threading.Thread(target=exec, args=(code, {'scipy': scipy}), daemon=True)\n"
        "           for code in ('scipy.stats.norm', 'import scipy.spatial', 'import sklearn.metrics')]\n"
        "[each.start() for each in threads]; [each.join(60) for each in threads]\n"
        "assert not any(each.is_alive() for each in threads)",
        "import scipy.stats\n"
        "try: scipy.stats.no_such_name\nexcept AttributeError as error: assert 'no_such' in str(error)\n"
        "else: raise SystemExit('a name that is not there was found')",
        "try:\n    import no_such_module\nexcept ModuleNotFoundError: pass\nelse: raise SystemExit('found')",
    ],
)  # fmt: skip
def test_placeholders_work_like_modules(use):
    run(use)


@pytest.mark.parametrize(
    "use",
    [
        "import narwhals.stable.v2 as nw, pandas; assert nw.from_native(pandas.DataFrame({'a': [1]})).shape == (1, 1)",
        "import narwhals; assert narwhals.__version__ and narwhals.stable.v2.DataFrame",
    ],
)
def test_placeholders_of_nested_packages_work_like_modules(use):
    pytest.importorskip("narwhals.stable.v2", reason="of newer versions of scikit-learn")
    run(use)


def test_predicting_does_not_load_deferred_modules():
    run(
        "from landmark_fer.artifact.artifact import load_artifact\n"
        "from landmark_fer.recognition.recognizer import Recognizer\n"
        "from skimage.data import astronaut\n"
        "assert Recognizer(load_artifact()).recognize(astronaut())[0].expression == 'happy'\n"
        "needless = {'scipy.stats._stats_py', 'pandas.core', 'sklearn.metrics', 'sklearn.linear_model'}\n"
        "needless |= {'numpy.f2py.f2py2e', 'numpy.testing._private.utils', 'numpy.polynomial.polynomial'}\n"
        "needless |= {'asyncio.queues', 'narwhals.dataframe'}\n"
        "needless |= {'onnxruntime', 'landmark_fer.models.onnx_runtime'}\n"
        "needless |= {name for name in sys.modules if name.startswith('landmark_fer.models.networks.')}\n"
        "assert not needless & set(sys.modules), needless & set(sys.modules)"
    )


def test_scikit_learn_loads_deferred_modules_on_first_use():
    run(
        "import numpy as np, pandas as pd\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import RandomizedSearchCV\n"
        "table = pd.DataFrame({'a': np.arange(20.0), 'b': 1.0})\n"
        "model = LogisticRegression().fit(table, table['a'] > 9)\n"
        "assert list(model.feature_names_in_) == ['a', 'b'] and model.score(table, table['a'] > 9) == 1.0"
    )


def test_a_deferred_call_loads_its_module():
    run(
        "import numpy as np\n"
        "from landmark_fer.core.deferral import deferred_calls\n"
        "with deferred_calls('sklearn.preprocessing', 'FunctionTransformer'):\n"
        "    from sklearn.pipeline import FeatureUnion\n"
        "assert 'sklearn.preprocessing' not in sys.modules and 'scipy.interpolate' not in sys.modules\n"
        "union = FeatureUnion([('same', 'passthrough')]).fit(np.eye(2))\n"
        "from sklearn.preprocessing import FunctionTransformer, StandardScaler\n"
        "assert union.transform(np.eye(2)).tolist() == [[1, 0], [0, 1]]\n"
        "assert isinstance(union.transformer_list[0][1], FunctionTransformer)\n"
        "assert StandardScaler().fit_transform([[1.0], [3.0]]).ravel().tolist() == [-1, 1]"
    )


def test_any_other_name_loads_its_module_at_once():
    run(
        "from landmark_fer.core.deferral import deferred_calls\n"
        "with deferred_calls('sklearn.preprocessing', 'FunctionTransformer'):\n"
        "    from sklearn.preprocessing import FunctionTransformer, StandardScaler\n"
        "assert StandardScaler.__module__ == 'sklearn.preprocessing._data'\n"
        "assert sys.modules['sklearn.preprocessing'].StandardScaler is StandardScaler"
    )
