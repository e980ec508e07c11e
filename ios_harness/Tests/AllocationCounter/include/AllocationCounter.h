// How often this thread has asked the heap for memory. Linux with glibc only.

#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// Calls of malloc and its kin on this thread since it began; freeing does not count.
unsigned long allocation_count(void);

#endif
