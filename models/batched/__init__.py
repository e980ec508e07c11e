"""The hand pipeline on a batch of pictures as tensor operations, on any device."""
