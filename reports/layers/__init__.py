"""Layer by layer across TFLite, torch and Core ML."""
