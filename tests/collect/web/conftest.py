"""Fixtures of the live server's tests, for the tests of the collection server."""

from pathlib import Path

from tests.live.web.conftest import jpeg, page, skip_without_server_packages

__all__ = ["jpeg", "page"]


def pytest_pycollect_makemodule(module_path):
    """Skip this folder if a package of the server is missing."""
    skip_without_server_packages(module_path, Path(__file__).parent)
