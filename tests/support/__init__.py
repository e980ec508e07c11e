"""What tests share: where the real models lie, and a builder of small ones."""
