"""The folder of everything that is kept for later runs: fetched releases and photographs, rendered
pictures, network outputs, layers' errors, and packages and programs that take long to make.
"""

import os
from pathlib import Path

CACHE_VARIABLE = "BLAZEPALM_CACHE"


def cache_folder() -> Path:
    """BLAZEPALM_CACHE, else this user's cache folder; it may not exist."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    from platformdirs import user_cache_path

    return Path(user_cache_path("blazepalm", appauthor=False))
