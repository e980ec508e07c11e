"""One reader for each kind of file: sound files (`corpus`), one mutant and its reading (`run`)."""

from fuzz.reader import READERS, Reader
from fuzz.readers import folders, media, models, releases, stored

__all__ = ["READERS", "Reader", "folders", "media", "models", "releases", "stored"]
