/* An EACH kernel: one call serves a list of tensors. Its units are the elements of all of them, one tensor after
 * another, each beginning at a round number; the table at ptr[0] says where. A body visits its range as pieces, each a
 * run of elements of one tensor:
 *
 *     for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);)
 *         update(at.n, (T *)at.tensor->ptr[0] + at.from, ...);
 */
#ifndef FASTGRAD_EACH_H
#define FASTGRAD_EACH_H

#include "simd.h"

typedef struct {
    const fg_tensor *tensor; /* the piece is elements [from, from + n) of this tensor */
    int64_t from, n;
    const fg_tensor *next, *end; /* where to look for the next one, */
    int64_t lo, hi;              /* in these units */
} fg_piece;

/* Stands before the first piece of [lo, hi): the next tensor is the last one that begins at or before lo. */
static inline fg_piece fg_pieces(const fg_call *call, int64_t lo, int64_t hi) {
    const fg_tensor *table = call->ptr[0];
    int32_t below = 0, above = call->tensors;
    while (above - below > 1) {
        int32_t middle = below + (above - below) / 2;
        if (table[middle].start <= lo)
            below = middle;
        else
            above = middle;
    }
    return (fg_piece){NULL, 0, 0, table + below, table + call->tensors, lo, hi};
}

static inline int fg_next(fg_piece *at) {
    while (at->next < at->end && at->next->start < at->hi) {
        const fg_tensor *t = at->next++;
        int64_t first = at->lo > t->start ? at->lo - t->start : 0;
        int64_t last = at->hi - t->start < t->n ? at->hi - t->start : t->n;
        if (first >= last) continue; /* the gap behind a tensor, or an empty one */
        at->tensor = t;
        at->from = first;
        at->n = last - first;
        return 1;
    }
    return 0;
}

/* The blocks [lo, hi) of all tensors, FG_BLOCK elements each: a block is elements [from, from + n) of one tensor. */
typedef struct {
    const fg_tensor *tensor;
    int64_t number, from, n;
    int64_t hi;
    const fg_tensor *last;
} fg_block;

static inline fg_block fg_blocks_in(const fg_call *call, int64_t lo, int64_t hi) {
    const fg_tensor *table = call->ptr[0];
    int32_t below = 0, above = call->tensors;
    while (above - below > 1) {
        int32_t middle = below + (above - below) / 2;
        if (table[middle].block <= lo)
            below = middle;
        else
            above = middle;
    }
    return (fg_block){table + below, lo - 1, 0, 0, hi, table + call->tensors - 1};
}

static inline int fg_next_block(fg_block *at) {
    if (++at->number >= at->hi) return 0;
    while (at->tensor < at->last && at->tensor[1].block <= at->number) at->tensor++; /* past empty ones too */
    at->from = (at->number - at->tensor->block) * FG_BLOCK;
    at->n = at->tensor->n - at->from < FG_BLOCK ? at->tensor->n - at->from : FG_BLOCK;
    return 1;
}

/* Inside a body: slot k of a piece. */
#define FG_PIECE(type, at, k) ((type *)(at).tensor->ptr[k] + (at).from)

#endif
