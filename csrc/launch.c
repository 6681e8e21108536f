/* The one door: every kernel call, eager or replayed, is cut into ranges here and run by the one team.
 *
 * How a call is cut depends on the call alone; how many threads run the pieces never changes a bit of the answer.
 * Only the team it hands the pieces to (team.c) starts threads.
 */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#endif
#include "launch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu.h"

#ifndef FASTGRAD_NO_OPENMP
#include <omp.h>
#endif

/* When a team is worth its while. Posting a job to a team that is awake and collecting it costs about half a
 * microsecond; a call shorter than this on one core is run by its caller. */
static const double WORTH_A_TEAM_NS = 3000.0;

enum { STACK_SCRATCH = 8192 };

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* x[O,R,I] over R, see reduce.c. max_backward names its sizes O, I, R: its slots come in another order. */
static void plan_reduce(const fg_call *call, fg_plan *plan) {
    int backward = call->kernel == FG_K_max_backward;
    int64_t O = call->size[0], R = call->size[backward ? 2 : 1], I = call->size[backward ? 1 : 2];
    int64_t block = I == 1 ? FG_BLOCK : FG_COLUMN_BLOCK;
    int64_t blocks = R > block ? ceil_div(R, block) : 1;
    int64_t chunks = I == 1 ? 1 : ceil_div(I, FG_COLUMNS);
    plan->units[backward] = O * blocks * chunks;
    if (backward) {
        plan->phases = 2;
        plan->units[0] = O * I;
        plan->grain[0] = FG_CHECK_GRAIN;
    } else if (blocks > 1) {
        plan->phases = 2;
        plan->units[1] = O * I;
        plan->grain[1] = 16;
        plan->scratch = 16 * (size_t)(O * blocks * I); /* sum, prod: double; max, min: double and index */
    }
}

/* x[O,R,I] along R: a line is one o and one i, and lines whose numbers share cache lines stay together. */
static void plan_lines(const fg_call *call, fg_plan *plan) {
    int64_t I = call->size[2];
    plan->units[0] = call->size[0] * I;
    plan->grain[0] = I == 1 ? 4 : I < 16 ? I : 16;
}

/* A row that may refuse its labels checks them in a phase of its own. */
static void plan_rows(const fg_call *call, fg_plan *plan) {
    plan->units[0] = call->size[0];
    if (fg_rows[call->kernel].errors[0] == 0) return;
    plan->phases = 2;
    plan->grain[0] = FG_CHECK_GRAIN;
    plan->units[1] = call->size[0];
}

void fg_make_plan(const fg_call *call, fg_plan *plan) {
    const fg_row *row = &fg_rows[call->kernel];
    *plan = (fg_plan){.phases = 1, .units = {call->work}, .grain = {1, 1, 1, 1, 1}, .share = 4};
    plan->cost = row->cost * (double)call->work;
    switch (row->unit) {
    case FG_MAP: plan->grain[0] = 64; break;
    case FG_EACH: fg_plan_each(call, plan); break;
    case FG_RULE: fg_plan_rule(call, plan); break;
    case FG_REDUCE: plan_reduce(call, plan); break;
    case FG_LINES: plan_lines(call, plan); break;
    case FG_ROWS: plan_rows(call, plan); break;
    case FG_INDEX: fg_plan_index(call, plan); break;
    case FG_TILES: fg_plan_matmul(call, plan); break;
    case FG_NORM: fg_plan_norm(call, plan); break;
    }
}

static void piece_of_call(void *job, int phase, int64_t lo, int64_t hi) {
    fg_call *call = job;
    fg_bodies[call->isa][call->dtype][call->kernel](call, phase, lo, hi);
}

/* Returns the largest team that could take part. */
static int run(fg_team *team, fg_call *call, const fg_plan *plan) {
    int most = 1;
    for (int phase = 0; phase < plan->phases && !call->status; phase++) {
        int64_t units = plan->units[phase];
        if (units <= 0) continue;
        if (call->threads > 1 && plan->cost > WORTH_A_TEAM_NS && units > plan->grain[phase]) {
            int team_size = fg_team_run(team, call->threads, plan->share, piece_of_call, call, phase, units,
                                        plan->grain[phase], plan->cost);
            if (team_size > most) most = team_size;
        } else
            piece_of_call(call, phase, 0, units);
    }
    return most;
}

static int launch(fg_team *team, fg_call *call) {
    int threads = 1;
    fg_plan plan;
    fg_make_plan(call, &plan);
    if (plan.scratch <= STACK_SCRATCH) {
        _Alignas(64) char scratch[STACK_SCRATCH];
        call->scratch = scratch;
        threads = run(team, call, &plan);
    } else {
        call->scratch = malloc(plan.scratch);
        if (call->scratch)
            threads = run(team, call, &plan);
        else
            call->status = FG_NO_MEMORY;
        free(call->scratch);
    }
    call->scratch = NULL;
    return threads;
}

int64_t fg_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t fg_elements(const fg_call *call) {
    const fg_tensor *table = call->ptr[0];
    int64_t n = 0;
    for (int i = 0; i < call->tensors; i++) n += table[i].n;
    return n;
}

int64_t fg_flops(const fg_call *call) { return fg_rows[call->kernel].unit == FG_TILES ? 2 * call->work : 0; }

static void add_event(fg_trace *trace, const fg_call *call, int64_t start, int64_t end, int threads, int replayed) {
    if (trace->count == trace->capacity) {
        int64_t capacity = trace->capacity ? 2 * trace->capacity : 1024;
        fg_event *events = realloc(trace->events, (size_t)capacity * sizeof *events);
        if (!events) {
            trace->lost++;
            return;
        }
        trace->events = events;
        trace->capacity = capacity;
    }
    fg_event *event = &trace->events[trace->count++];
    *event = (fg_event){.start = start, .end = end, .kernel = call->kernel, .dtype = call->dtype, .ndim = call->ndim};
    event->threads = threads;
    event->replayed = replayed;
    event->bytes = trace->bytes(call);
    event->flops = fg_flops(call);
    if (fg_rows[call->kernel].unit == FG_EACH || fg_rows[call->kernel].unit == FG_RULE) {
        event->size[0] = call->tensors;
        event->size[1] = fg_elements(call);
    } else
        memcpy(event->size, call->size, sizeof event->size);
}

static void launch_traced(fg_team *team, fg_call *call, fg_trace *trace, int replayed) {
    int64_t start = fg_now();
    int threads = launch(team, call);
    add_event(trace, call, start, fg_now(), threads, replayed);
}

void fg_launch(fg_team *team, fg_call *call, fg_trace *trace) {
    if (trace)
        launch_traced(team, call, trace, 0);
    else
        launch(team, call);
}

int64_t fg_replay(fg_team *team, fg_call *calls, int64_t n, fg_trace *trace) {
    for (int64_t i = 0; i < n; i++) {
        calls[i].status = 0;
        if (trace)
            launch_traced(team, &calls[i], trace, 1);
        else
            launch(team, &calls[i]);
        if (calls[i].status) return i;
    }
    return n;
}

double fg_cost(const fg_call *call) {
    fg_plan plan;
    fg_make_plan(call, &plan);
    return plan.cost;
}

int fg_has_openmp(void) {
#ifdef FASTGRAD_NO_OPENMP
    return 0;
#else
    return 1;
#endif
}

int fg_threads_available(void) {
#ifdef FASTGRAD_NO_OPENMP
    return 1;
#else
    int openmp = omp_get_max_threads(), machine = fg_cpu_count();
    return openmp < machine ? openmp : machine;
#endif
}
