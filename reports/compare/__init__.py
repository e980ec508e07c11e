"""Two values and the measure of their difference: tensors, hands, and their totals."""
