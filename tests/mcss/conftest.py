import pytest
from toy import toy_store

from mcss.training import TrainingConfig, train


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    store = toy_store(tmp_path_factory.mktemp("learn") / "store", frames=60)
    return store, train(
        store, TrainingConfig(pairs=16, labelled=8, epochs=8, lr_drop_epoch=6), progress=False
    )
