import pytest
from toy import toy_store


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return toy_store(tmp_path_factory.mktemp("toy") / "store")
