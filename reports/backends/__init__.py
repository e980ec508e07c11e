"""Whatever computes a model's raw outputs from images, one protocol for all of them."""
