/* The one thread team: an OpenMP region that lasts, whose threads are handed pieces of work. */
#ifndef FASTGRAD_TEAM_H
#define FASTGRAD_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* A piece of work: [lo, hi) of the units of `job`. */
typedef void fg_work(void *job, int phase, int64_t lo, int64_t hi);

/* All state of the team; zero bytes are a team that has not started. */
typedef struct {
    pthread_mutex_t busy;  /* held by the thread whose job the team runs */
    pthread_mutex_t sleep; /* guards going to sleep and waking */
    pthread_cond_t wake;
    pthread_t host; /* the thread that holds the region */
    int size;       /* workers in the region, besides the caller */
    _Atomic int stop, asleep, started;
    _Alignas(64) _Atomic uint64_t ticket; /* epoch:32, first unclaimed piece:16, last unclaimed piece + 1:16 */
    _Alignas(64) _Atomic int done;        /* pieces finished */
    /* the job; written only while no piece is unclaimed */
    _Alignas(64) _Atomic(fg_work *) piece;
    _Atomic(void *) job;
    _Atomic int phase, pieces, helpers;
    _Atomic unsigned fpmode;
    _Atomic int64_t units, grain;
} fg_team;

void fg_team_init(fg_team *team);

/* Runs all units of a phase in up to `threads` threads, as about `share` pieces for each: more of them even out threads that
 * are held up, fewer repeat less of what each piece has to prepare. `cost`: its nanoseconds on one core. Returns how many
 * threads could take a piece. */
int fg_team_run(fg_team *team, int threads, int share, fg_work *piece, void *job, int phase, int64_t units,
                int64_t grain, double cost);

/* Ends the workers before a fork and lets the team start anew after it. The three halves of pthread_atfork. */
void fg_team_before_fork(fg_team *team);
void fg_team_after_fork(fg_team *team);

#endif
