/* allocations.h - counts the memory that is taken while a test looks.
 *
 * Linked into a test program it sees every malloc, calloc, realloc, aligned_alloc
 * and posix_memalign of the whole process, libraries included, also under the
 * sanitizers. For tests of "nothing allocates except new".
 */
#ifndef TUTTI_TESTS_DSP_ALLOCATIONS_H
#define TUTTI_TESTS_DSP_ALLOCATIONS_H

/* How often memory has been taken since the program started. */
unsigned long allocations(void);

#endif
