/* What every update rule shares: its options, the plan of its launch, and what is found out about the gradients first.
 *
 * A rule is a row of unit RULE. Its arrays are p[n], g[n] and its states; its scalars are its own, then the options
 * below, which stand in kernels.def as FG_RULE_OPTIONS. In one launch:
 *
 *     phase 0   where a norm or a check is asked for: sums of squares of each block of each gradient
 *     phase 1   the verdict: the global norm, the factor that clips, whether the step is to be made
 *     phase 2   the update, with everything below that is done to a number while it is at hand
 *     (3, 4)    rules that need norms of what phase 2 found (trust.c)
 */
#ifndef FASTGRAD_RULE_H
#define FASTGRAD_RULE_H

#include "each.h"

/* Places in fg_call.scalar. */
enum {
    FG_SHARED = 12,              /* a rule has at most so many scalars of its own */
    FG_weight_decay = FG_SHARED, /* g' = g + weight_decay p, L2 */
    FG_keep,                     /* p = keep p before the step: decoupled decay, keep = 1 - lr weight_decay */
    FG_l1,                       /* g' = g + l1 sign(p), L1 by subgradient */
    FG_shrink,                   /* p = sign(p) max(|p| - shrink, 0) after the step: L1, proximal */
    FG_maximize,                 /* g' = -g */
    FG_clip_value,               /* g' = min(max(g, -clip_value), clip_value); 0: not */
    FG_clip_norm,                /* theta of clip_form; 0: not */
    FG_clip_form,                /* one of fg_clip_form */
    FG_per_tensor,               /* the norm is each tensor's own, not that of all gradients together */
    FG_nonfinite,                /* a gradient that is not finite: 0 goes on, 1 makes no step, 2 is refused */
    FG_ema,                      /* average = ema average + (1 - ema) p after the step, where there is an average */
    FG_zero,                     /* g = 0 after the step */
};

typedef enum {
    FG_CLIP_SCALE, /* theta g / ||g|| where ||g|| > theta */
    FG_CLIP_UNIT,  /* g / ||g|| where ||g|| > theta: as one lecture prints it */
    FG_NORMALIZE,  /* g / ||g|| always, 0 where ||g|| < FG_TINY */
} fg_clip_form;

#define FG_TINY 0x1p-126 /* the smallest normal float32: below it 1 / ||g|| may be no float32 */

/* The arrays of the call itself, in fg_call.ptr. */
enum { FG_TOTAL = 1, FG_REPORT = 2 };

/* What phase 1 has found, at the head of scratch. */
typedef struct {
    double norm;  /* of all gradients together */
    double scale; /* what every gradient is multiplied by */
    double skip;  /* 1: no step is made */
} fg_verdict;

/* Of one tensor, behind the verdict: its own factor, and its norms and trust ratio where a rule asks for them. */
typedef struct {
    double scale, p_norm, g_norm, ratio;
} fg_measured;

/* Of one block, behind the tensors: sums of squares, and 0, or NaN where a gradient is not finite. */
typedef struct {
    double g, bad, p, u;
} fg_block_sums;

/* Whether the array in a place of the tensors' table was given: all of them have it, or none. */
#define FG_HAS(call, place) ((call)->tensors > 0 && ((const fg_tensor *)(call)->ptr[0])->ptr[place])

int fg_is_measured(const fg_call *call);

/* Where they are in a call's scratch; only where the call is measured. */
fg_verdict *fg_verdict_of(const fg_call *call);
fg_measured *fg_measured_of(const fg_call *call);
fg_block_sums *fg_blocks_of(const fg_call *call);

/* Blocks of tensor i, and of all. */
int64_t fg_blocks(const fg_tensor *tensor);
int64_t fg_all_blocks(const fg_call *call);

/* Phase 1: from the sums of the blocks, or from `total`, to the verdict; tells `report`. */
void fg_decide(fg_call *call);

/* Places in fg_block_sums, and the norm of one tensor of one of them. */
typedef enum { FG_SUM_G, FG_SUM_BAD, FG_SUM_P, FG_SUM_U } fg_sum;
double fg_tensor_sum(const fg_call *call, const fg_tensor *tensor, fg_sum which);

#endif
