/* The one door: cuts a call into ranges and runs its body on the one team. */
#ifndef FASTGRAD_LAUNCH_H
#define FASTGRAD_LAUNCH_H

#include "fastgrad.h"
#include "team.h"

enum { FG_PHASES = 3 };

/* How a call is cut. A function of the call alone, never of the number of threads. */
typedef struct {
    int phases;               /* a barrier stands between two phases; none follows one that set a status */
    int64_t units[FG_PHASES]; /* a phase's work is [0, units) */
    int64_t grain[FG_PHASES]; /* ranges begin at multiples of it, so that no two threads share a cache line */
    int share;                /* pieces a thread: see fg_team_run */
    double cost;              /* nanoseconds on one core, all phases together */
    size_t scratch;           /* bytes */
} fg_plan;

void fg_make_plan(const fg_call *call, fg_plan *plan);

/* REDUCE over x[O,R,I] (reduce.c): blocks of R, and the pieces of I a unit covers. */
enum { FG_BLOCK = 4096, FG_LANES = 16, FG_COLUMN_BLOCK = 256, FG_COLUMNS = 64 };

/* Indices checked in one go (check.h), and the smallest piece of a phase that checks. */
enum { FG_CHECKED = 256, FG_CHECK_GRAIN = 4096 };

/* INDEX (index.c). */
void fg_plan_index(const fg_call *call, fg_plan *plan);

/* TILES (matmul.c): sets units to the number of tiles of this product, which depends on its shape, layout and dtype alone. */
void fg_plan_matmul(const fg_call *call, fg_plan *plan);

/* A status launch itself sets; bodies set 1 + the offending index. */
enum { FG_NO_MEMORY = -1 };

/* Runs one call to its end. */
void fg_launch(fg_team *team, fg_call *call);

/* Runs calls in order; stops at the first that sets a status and returns its index, or n. */
int64_t fg_replay(fg_team *team, fg_call *calls, int64_t n);

/* What a call costs on one core, nanoseconds: the binding gives up the GIL for long ones. */
double fg_cost(const fg_call *call);

/* Threads a team may have: OpenMP's own count, affinity and cgroup quota, the smallest. 1 when built without OpenMP. */
int fg_threads_available(void);
int fg_has_openmp(void);

#endif
