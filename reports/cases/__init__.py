"""One input through one group of models: every number that a report adds up."""
