/* The pool of result blocks.
 *
 * A fresh 32 MB array costs three times as much to write as one whose pages exist already, because the system has to
 * find and clear each page. Training makes the same arrays at every step, so freed blocks are kept and handed out again.
 *
 * Blocks up to 8 KB are cut from slabs of 64 KB; larger ones are mapped one by one. Either way the header lies at the
 * block's address rounded down to 64 KB, so a block needs no bytes of its own in front of it.
 */
#define _GNU_SOURCE
#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

enum { LINE = 64, SLAB = 1 << 16, SMALL = 8192, HUGE = 1 << 21, COLOURS = 16 };
static const size_t DEFAULT_CAP = (size_t)2 << 30;

struct fg_slab {
    fg_slab *next, *prev;
    void *free;     /* small: first free block, each holds the address of the next */
    size_t bytes;   /* small: bytes a block; large: bytes mapped */
    size_t usable;  /* bytes a block can hold */
    uint32_t live;  /* blocks handed out */
    uint32_t index; /* the class */
    fg_pool *pool;  /* that it belongs to */
    fg_slab *all;   /* the arena's next slab */
};
_Static_assert(sizeof(fg_slab) <= LINE, "a slab's header is one cache line");

static fg_slab *header(const void *block) { return (fg_slab *)((uintptr_t)block & ~(uintptr_t)(SLAB - 1)); }

/* 64, 128, ... 1024 in steps of a line, then four steps to a doubling up to 8 KB. */
static unsigned small_class(size_t bytes, size_t *rounded) {
    if (bytes <= 1024) {
        size_t lines = bytes ? (bytes + LINE - 1) / LINE : 1;
        *rounded = lines * LINE;
        return (unsigned)lines - 1;
    }
    unsigned index = 16;
    for (size_t base = 1024;; base *= 2)
        for (size_t step = 1; step <= 4; step++, index++)
            if (bytes <= base + base / 4 * step) {
                *rounded = base + base / 4 * step;
                return index;
            }
}

/* Four steps to a doubling from 16 KB on. */
static unsigned large_class(size_t bytes, size_t *rounded) {
    unsigned index = 0;
    for (size_t base = SMALL;; base *= 2)
        for (size_t step = 1; step <= 4; step++, index++)
            if (bytes <= base + base / 4 * step) {
                *rounded = base + base / 4 * step;
                return index;
            }
}

/* `bytes` of fresh zero pages at a multiple of `align`. */
static void *map(size_t bytes, size_t align) {
    char *raw = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return NULL;
    char *at = (char *)(((uintptr_t)raw + align - 1) & ~(uintptr_t)(align - 1));
    if (at > raw) munmap(raw, (size_t)(at - raw));
    if (raw + align > at) munmap(at + bytes, (size_t)(raw + align - at));
    return at;
}

static void link_slab(fg_slab **list, fg_slab *slab) {
    slab->prev = NULL;
    slab->next = *list;
    if (*list) (*list)->prev = slab;
    *list = slab;
}

static void unlink_slab(fg_slab **list, fg_slab *slab) {
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        *list = slab->next;
    if (slab->next) slab->next->prev = slab->prev;
}

static int is_small(const fg_slab *slab) { return slab->usable <= SMALL && slab->bytes == slab->usable; }
static size_t mapped(const fg_slab *slab) { return is_small(slab) ? SLAB : slab->bytes; }

/* The header of fresh memory. */
static void begin_slab(fg_pool *pool, fg_slab *slab, unsigned index, size_t bytes, size_t usable) {
    *slab = (fg_slab){.bytes = bytes, .usable = usable, .index = index, .pool = pool};
    if (!pool->parent) return;
    slab->all = pool->all;
    pool->all = slab;
    pool->parent->arenas += mapped(slab);
}

static fg_slab *new_slab(fg_pool *pool, unsigned index, size_t rounded) {
    fg_slab *slab = map(SLAB, SLAB);
    if (!slab) return NULL;
    begin_slab(pool, slab, index, rounded, rounded);
    char *first = (char *)slab + LINE;
    size_t count = (SLAB - LINE) / rounded;
    for (size_t i = count; i-- > 0;) {
        void *block = first + i * rounded;
        memcpy(block, &slab->free, sizeof(void *));
        slab->free = block;
    }
    pool->kept += count * rounded;
    link_slab(&pool->partial[index], slab);
    return slab;
}

static void *get_small(fg_pool *pool, size_t bytes) {
    size_t rounded;
    unsigned index = small_class(bytes, &rounded);
    fg_slab *slab = pool->partial[index];
    if (!slab && !(slab = new_slab(pool, index, rounded))) return NULL;
    void *block = slab->free;
    memcpy(&slab->free, block, sizeof(void *));
    slab->live++;
    if (!slab->free) unlink_slab(&pool->partial[index], slab);
    pool->used += rounded;
    pool->kept -= rounded;
    return block;
}

/* Large blocks begin at different lines of a page (colours), so that arrays walked together do not meet in one set. */
static void *get_large(fg_pool *pool, size_t bytes) {
    size_t rounded;
    unsigned index = large_class(bytes + LINE * (COLOURS + 1), &rounded);
    if (index >= FG_LARGE_CLASSES) return NULL;
    fg_slab *slab = pool->spare[index];
    if (slab) {
        pool->spare[index] = slab->next; /* one way only: a neighbour's header is a cache line far away */
        pool->kept -= slab->bytes;
    } else {
        size_t align = rounded >= HUGE ? HUGE : SLAB;
        size_t whole = (rounded + 4095) & ~(size_t)4095;
        slab = map(whole, align);
        if (!slab) return NULL;
#ifdef MADV_HUGEPAGE
        if (rounded >= HUGE) madvise(slab, whole, MADV_HUGEPAGE);
#endif
        size_t offset = LINE * (1 + pool->colour++ % COLOURS);
        begin_slab(pool, slab, index, whole, whole - offset);
    }
    slab->live = 1;
    pool->used += slab->bytes;
    return (char *)slab + (slab->bytes - slab->usable);
}

void *fg_pool_get(fg_pool *pool, size_t bytes) {
    return bytes <= SMALL ? get_small(pool, bytes) : get_large(pool, bytes);
}

size_t fg_pool_size(const void *block) { return header(block)->usable; }

int fg_pool_has(const fg_pool *pool, const void *block) { return header(block)->pool == pool; }

/* Returns an unused slab of an arena to the system. */
static void end_slab(fg_slab *slab) {
    fg_pool *arena = slab->pool;
    arena->parent->arenas -= mapped(slab);
    munmap(slab, mapped(slab));
}

void fg_pool_put(void *block) {
    if (!block) return;
    fg_slab *slab = header(block);
    fg_pool *pool = slab->pool;
    slab->live--;
    pool->used -= slab->bytes;
    if (pool->sealed) {
        if (pool->left && slab->live == 0) end_slab(slab);
        if (pool->left && pool->used == 0) free(pool);
        return;
    }
    if (is_small(slab)) {
        pool->kept += slab->bytes;
        if (!slab->free) link_slab(&pool->partial[slab->index], slab);
        memcpy(block, &slab->free, sizeof(void *));
        slab->free = block;
        return;
    }
    size_t cap = pool->cap ? pool->cap : DEFAULT_CAP;
    if (pool->kept + slab->bytes > cap && !pool->parent) {
        munmap(slab, slab->bytes);
        return;
    }
    pool->kept += slab->bytes;
    slab->next = pool->spare[slab->index];
    pool->spare[slab->index] = slab;
}

void fg_pool_empty(fg_pool *pool) {
    for (unsigned i = 0; i < FG_SMALL_CLASSES; i++)
        for (fg_slab *slab = pool->partial[i], *next; slab; slab = next) {
            next = slab->next;
            if (slab->live) continue;
            unlink_slab(&pool->partial[i], slab);
            pool->kept -= (SLAB - LINE) / slab->bytes * slab->bytes;
            munmap(slab, SLAB);
        }
    for (unsigned i = 0; i < FG_LARGE_CLASSES; i++)
        while (pool->spare[i]) {
            fg_slab *slab = pool->spare[i];
            pool->spare[i] = slab->next;
            pool->kept -= slab->bytes;
            munmap(slab, slab->bytes);
        }
}

fg_pool *fg_arena_new(fg_pool *parent) {
    fg_pool *arena = calloc(1, sizeof *arena);
    if (arena) arena->parent = parent;
    return arena;
}

void fg_arena_seal(fg_pool *arena) { arena->sealed = 1; }

void fg_arena_leave(fg_pool *arena) {
    arena->sealed = arena->left = 1;
    for (fg_slab *slab = arena->all, *next; slab; slab = next) {
        next = slab->all;
        if (slab->live == 0) end_slab(slab);
    }
    if (arena->used == 0) free(arena);
}
