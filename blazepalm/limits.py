"""The largest files that are read, one limit for each kind of content.

A file may be a stranger's, and may take far more memory than it has bytes: a list in JSON takes 60
bytes for two. The limits keep every reader below some 1.5 GB.
"""

JSON_BYTES = 64 << 20  # the largest report so far has 7 MB, the largest conversion.json 0.1 MB
JSON_ITEMS = 1 << 22  # at up to 120 bytes each, 0.5 GB; the same report has 0.3 million
MODEL_BYTES = 1 << 30  # a .tflite or a bundle, mapped by its readers, hardly unfolded
SPECIFICATION_BYTES = 32 << 20  # a .mlmodel, whose weights lie elsewhere; 35 times as much unfolded
RAW_BYTES = 1 << 30  # the raw outputs of one case, which are read array by array
ANCHORS_BYTES = 1 << 27  # a loaded folder's anchors.npy; the largest possible one has half
ANCHORS_TABLE_BYTES = 1 << 24  # anchors to check, as text too; 2944 have 200 kB as JSON
JOURNAL_BYTES = 1 << 28  # one record of an interrupted run, unpacked
DOWNLOAD_BYTES = 64 << 20  # a download of unknown size; the largest known release has 5.5 MB
