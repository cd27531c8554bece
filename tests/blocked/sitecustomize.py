"""Makes the modules named in MCSS_BLOCKED un-importable: put this folder on PYTHONPATH.

Chapters 0 to 10 run so (conftest.py), because a reader's machine may lack the body model and the
ray caster.
"""

import os
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ.get("MCSS_BLOCKED", "").split(","):
            raise ModuleNotFoundError(f"{name} is blocked here", name=name)


sys.meta_path.insert(0, Blocked())
