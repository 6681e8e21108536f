/* The pool of result blocks: size classes, 64-byte alignment, huge pages from 2 MB, a cap on what is kept. */
#ifndef FASTGRAD_POOL_H
#define FASTGRAD_POOL_H

#include <stddef.h>
#include <stdint.h>

typedef struct fg_slab fg_slab;

enum { FG_SMALL_CLASSES = 28, FG_LARGE_CLASSES = 160 };

/* All state of one pool. Zero bytes are an empty pool. Callers take turns (Python: they hold the GIL). */
typedef struct fg_pool {
    fg_slab *partial[FG_SMALL_CLASSES]; /* slabs of this class with a free block */
    fg_slab *spare[FG_LARGE_CLASSES];   /* free large blocks of this class */
    size_t used;                        /* bytes handed out, by class size */
    size_t kept;                        /* bytes free but not returned to the system */
    size_t cap;                         /* large blocks are returned rather than kept above this; 0: the default */
    size_t arenas;                      /* bytes that its arenas have from the system */
    struct fg_pool *parent;             /* of an arena */
    fg_slab *all;                       /* an arena's slabs, until it is left */
    unsigned colour;
    int sealed, left; /* see fg_arena_new */
} fg_pool;

void *fg_pool_get(fg_pool *pool, size_t bytes); /* NULL when the system has no memory */
void fg_pool_put(void *block);                  /* to the pool it is of */
size_t fg_pool_size(const void *block);         /* bytes this block can hold */

/* Whether `block`, of any pool, is one of this pool. */
int fg_pool_has(const fg_pool *pool, const void *block);

/* Returns every free block to the system. */
void fg_pool_empty(fg_pool *pool);

/* An arena is a pool of its own, whose blocks, free or not, stay where they are until it is left. Sealed, it hands out
 * nothing more, and its free blocks may be written into. Left, each slab goes when its last block is given back. */
fg_pool *fg_arena_new(fg_pool *parent); /* NULL when the system has no memory */
void fg_arena_seal(fg_pool *arena);
void fg_arena_leave(fg_pool *arena);

#endif
