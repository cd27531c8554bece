import pytest
from toy_cameras import with_cameras


@pytest.fixture(scope="session")
def seen(tmp_path_factory):
    """Three people whom four known cameras see."""
    return with_cameras(tmp_path_factory.mktemp("seen") / "store")
