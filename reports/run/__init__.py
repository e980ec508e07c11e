"""What `blazepalm run` feeds to any Core ML package, and how it describes the outputs."""
