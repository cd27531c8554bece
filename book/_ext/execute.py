"""Executes chapters and stores their outputs: `make chapters`, after any change to code that a
chapter shows or runs.

Standard error (progress bars, warnings) and the times of execution are left out, so that two runs
differ only where the results do. A chapter that fails stays as it was. Cells tagged
`skip-execution`, controls that need a kernel, are not run here nor for the pages, but by `pytest
--nbval`.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from mcss.store.files import atomic_write


def execute(path):
    """Runs one notebook in its own folder, and replaces it by what came out."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": path.parent}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    # the version of this Python would be noise; the lexer knows lines that begin with ! or %
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    with atomic_write(path) as temporary:
        nbformat.write(notebook, temporary)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, flush=True)
        execute(Path(name).resolve())
