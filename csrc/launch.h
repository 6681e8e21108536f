/* The one door: cuts a call into ranges and runs its body on the one team. */
#ifndef FASTGRAD_LAUNCH_H
#define FASTGRAD_LAUNCH_H

#include "fastgrad.h"
#include "team.h"

enum { FG_PHASES = 5 };

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
enum { FG_COLUMN_BLOCK = 256, FG_COLUMNS = 64 };

/* Indices checked in one go (check.h), and the smallest piece of a phase that checks. */
enum { FG_CHECKED = 256, FG_CHECK_GRAIN = 4096 };

/* INDEX (index.c). */
void fg_plan_index(const fg_call *call, fg_plan *plan);

/* EACH: a kernel that measures its tensors. RULE: an update rule (rule.c). */
void fg_plan_each(const fg_call *call, fg_plan *plan);
void fg_plan_rule(const fg_call *call, fg_plan *plan);

/* NORM (norm.c): statistics, then what is made with them. */
void fg_plan_norm(const fg_call *call, fg_plan *plan);

/* TILES (matmul.c): sets units to the number of tiles of this product, which depends on its shape, layout and dtype alone. */
void fg_plan_matmul(const fg_call *call, fg_plan *plan);

/* A status launch itself sets; bodies set 1 + the offending index. */
enum { FG_NO_MEMORY = -1 };

/* One call that has run, for the profiler. */
typedef struct {
    int64_t start, end;     /* nanoseconds of fg_now */
    int64_t bytes;          /* what its arrays hold, read and written */
    int64_t flops;          /* TILES: two for each multiply-add; others: 0, memory is what bounds them */
    int64_t size[FG_SIZES]; /* of the call; EACH, RULE: the number of tensors and of elements */
    int32_t kernel, dtype;
    int32_t ndim;     /* MAP: how many sizes there are */
    int32_t threads;  /* the largest team that could take part */
    int32_t replayed; /* by fg_replay */
} fg_event;

/* Where the calls of one thread are written down while a profiler is on. The binding owns it. */
typedef struct {
    fg_event *events;
    int64_t count, capacity;
    int64_t lost; /* calls there was no memory for */
    int64_t (*bytes)(const fg_call *call);
} fg_trace;

/* Runs one call to its end, and writes it down unless `trace` is NULL. */
void fg_launch(fg_team *team, fg_call *call, fg_trace *trace);

/* Runs calls in order; stops at the first that sets a status and returns its index, or n. */
int64_t fg_replay(fg_team *team, fg_call *calls, int64_t n, fg_trace *trace);

/* Elements in all tensors of an EACH or RULE call. */
int64_t fg_elements(const fg_call *call);

/* Multiply-adds counted as two; 0 for everything but products. */
int64_t fg_flops(const fg_call *call);

/* Nanoseconds of a clock that never goes back. */
int64_t fg_now(void);

/* What a call costs on one core, nanoseconds: the binding gives up the GIL for long ones. */
double fg_cost(const fg_call *call);

/* Threads a team may have: OpenMP's own count, affinity and cgroup quota, the smallest. 1 when built without OpenMP. */
int fg_threads_available(void);
int fg_has_openmp(void);

#endif
