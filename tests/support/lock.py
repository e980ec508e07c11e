"""Writes `locked.txt`: the pins of `constraints.txt` with the SHA-256 of every file that the
package index has for them, for Python 3.11.5 and newer on any system. Run by `make lock`, which
brings uv.

    python lock.py UV

The index has no CPU wheel of torch for Linux: the hashes of those in `PIP_FIND_LINKS` are added.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINS, LOCK = ROOT / "constraints.txt", ROOT / "locked.txt"
OLDEST = "3.11.5"  # pymdown-extensions needs it
HEAD = f"""# constraints.txt with hashes, for Python {OLDEST} and newer: written by `make lock`,
# installed by `make locked`. Torch's first hashes are those of CPU wheels for Linux, which the
# index has not.

"""


def resolved(uv: str) -> str:
    """The pins with their hashes; nothing is added to them."""
    command = [uv, "pip", "compile", str(PINS), "--quiet", "--no-config", "--no-deps"]
    command += ["--universal", "--python-version", OLDEST, "--generate-hashes"]
    command += ["--no-header", "--no-annotate"]
    plain = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    return subprocess.run(command, env=plain, check=True, stdout=subprocess.PIPE, text=True).stdout


def with_local_torch(text: str, folder: Path) -> str:
    """The lock with the hashes of torch's wheels in a folder before the index's."""
    version = re.search(r"^torch==(\S+) \\$", text, re.MULTILINE)
    assert version
    hashes = [
        f"    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()} \\\n"
        for wheel in sorted(folder.glob(f"torch-{version[1]}+cpu-*.whl"))
    ]
    return text[: version.end() + 1] + "".join(hashes) + text[version.end() + 1 :]


if __name__ == "__main__":
    found = resolved(sys.argv[1])
    LOCK.write_text(HEAD + with_local_torch(found, Path(os.environ.get("PIP_FIND_LINKS", "none"))))
