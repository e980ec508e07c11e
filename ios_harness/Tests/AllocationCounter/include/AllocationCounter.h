// Counts this thread's heap allocations. Linux with glibc only.

#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// Calls of malloc and its relatives on this thread since it began; freeing does not count.
unsigned long allocation_count(void);

#endif
