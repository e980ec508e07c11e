"""Many cases on threads, processes or a Ray cluster, and the journal of an interrupted run."""
