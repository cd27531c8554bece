import os

import pytest

from data_scripts.imitations import scenes


@pytest.fixture(scope="session", autouse=True)
def filmed_once(tmp_path_factory):
    """Workers of pytest-xdist share the scenes that the fixtures are written from."""
    own = tmp_path_factory.getbasetemp()
    scenes.SHARED = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
