/* The pool of result blocks: size classes, 64-byte alignment, huge pages from 2 MB, a cap on what is kept. */
#ifndef FASTGRAD_POOL_H
#define FASTGRAD_POOL_H

#include <stddef.h>
#include <stdint.h>

typedef struct fg_slab fg_slab;

enum { FG_SMALL_CLASSES = 28, FG_LARGE_CLASSES = 160 };

/* All state of one pool. Zero bytes are an empty pool. Callers take turns (Python: they hold the GIL). */
typedef struct {
    fg_slab *partial[FG_SMALL_CLASSES]; /* slabs of this class with a free block */
    fg_slab *spare[FG_LARGE_CLASSES];   /* free large blocks of this class */
    size_t used;                        /* bytes handed out, by class size */
    size_t kept;                        /* bytes free but not returned to the system */
    size_t cap;                         /* large blocks are returned rather than kept above this; 0: the default */
    unsigned colour;
} fg_pool;

void *fg_pool_get(fg_pool *pool, size_t bytes); /* NULL when the system has no memory */
void fg_pool_put(fg_pool *pool, void *block);
size_t fg_pool_size(const void *block); /* bytes this block can hold */

/* Returns every free block to the system. */
void fg_pool_empty(fg_pool *pool);

#endif
