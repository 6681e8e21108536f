/* The one thread team.
 *
 * An OpenMP region per kernel waits at its end for every thread, also for one the system has not let run: with another
 * program (or another thread pool) on the same core, each small kernel then costs a time slice. Here the region is opened
 * once, and its threads take pieces of whatever job is posted. The caller takes pieces too, from the other end, and
 * waits only for pieces that were taken. A worker that is late finds nothing left; nobody waited for it.
 *
 * A worker out of work spins for some ten microseconds, the gap between two kernels of a step, then sleeps. It does not
 * yield its core instead: measured on Linux 6.18, a worker that yielded while it waited hardly helped any more once
 * another library's worker wanted the same core. Nor does it spin for long: that worker has to wait for it. Waking a
 * sleeper costs its caller a few microseconds and comes too late for a short job, but not for the jobs after it.
 *
 * Pieces are claimed by compare-and-swap on one word that holds the job's number and both ends of what is unclaimed. A
 * claim that succeeds proves that the job read before it is still the one posted: the caller writes a new job only
 * when every piece of the last is claimed and finished.
 */
#define _GNU_SOURCE
#include "team.h"

#include <sched.h>

#include "cpu.h"

#ifndef FASTGRAD_NO_OPENMP
#include <omp.h>
#endif

enum { SPINS = 600, MOST_PIECES = 4096 };
static const double SMALLEST_PIECE_NS = 1500.0;
static const double WORTH_WAKING_NS = 8000.0;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline uint64_t ticket(uint64_t epoch, uint64_t first, uint64_t last) {
    return epoch << 32 | first << 16 | last;
}

/* Claims a piece: the caller's from the front, the workers' from the back, so that a thread meets the same part of the
 * data in kernel after kernel. Returns its number, or -1 when nothing is unclaimed. */
static int claim(fg_team *team, uint64_t t, int from_back) {
    uint64_t first = t >> 16 & 0xffff, last = t & 0xffff;
    if (first >= last) return -1;
    uint64_t next = from_back ? ticket(t >> 32, first, last - 1) : ticket(t >> 32, first + 1, last);
    if (!atomic_compare_exchange_weak_explicit(&team->ticket, &t, next, memory_order_acq_rel, memory_order_relaxed))
        return -2; /* somebody else was faster: look again */
    return (int)(from_back ? last - 1 : first);
}

typedef struct {
    fg_work *piece;
    void *job;
    int phase, pieces;
    int64_t units, grain;
} job_view;

static job_view view(fg_team *team) {
    return (job_view){
        .piece = atomic_load_explicit(&team->piece, memory_order_relaxed),
        .job = atomic_load_explicit(&team->job, memory_order_relaxed),
        .phase = atomic_load_explicit(&team->phase, memory_order_relaxed),
        .pieces = atomic_load_explicit(&team->pieces, memory_order_relaxed),
        .units = atomic_load_explicit(&team->units, memory_order_relaxed),
        .grain = atomic_load_explicit(&team->grain, memory_order_relaxed),
    };
}

static void run_piece(fg_team *team, const job_view *v, int number) {
    int64_t grains = (v->units + v->grain - 1) / v->grain;
    int64_t lo = grains * number / v->pieces * v->grain, hi = grains * (number + 1) / v->pieces * v->grain;
    if (hi > v->units) hi = v->units;
    if (lo < hi) v->piece(v->job, v->phase, lo, hi);
    atomic_fetch_add_explicit(&team->done, 1, memory_order_release);
}

#ifndef FASTGRAD_NO_OPENMP
static void sleep_until_posted(fg_team *team, uint64_t seen) {
    pthread_mutex_lock(&team->sleep);
    atomic_fetch_add(&team->asleep, 1);
    while (!atomic_load(&team->stop) && atomic_load(&team->ticket) == seen)
        pthread_cond_wait(&team->wake, &team->sleep);
    atomic_fetch_sub(&team->asleep, 1);
    pthread_mutex_unlock(&team->sleep);
}

/* A worker's life: take pieces while there are any; else spin, then sleep. */
static void work(fg_team *team, int me) {
    int idle = 0;
    unsigned mode = fg_fpmode_get();
    while (!atomic_load_explicit(&team->stop, memory_order_relaxed)) {
        uint64_t t = atomic_load_explicit(&team->ticket, memory_order_acquire);
        int number = -1;
        if ((t >> 16 & 0xffff) < (t & 0xffff) && me < atomic_load_explicit(&team->helpers, memory_order_relaxed)) {
            job_view v = view(team);
            unsigned wanted = atomic_load_explicit(&team->fpmode, memory_order_relaxed);
            number = claim(team, t, 1);
            if (number >= 0) {
                if (wanted != mode) fg_fpmode_set(mode = wanted);
                run_piece(team, &v, number);
            }
        }
        if (number != -1) {
            idle = 0;
        } else if (++idle < SPINS) {
            relax();
        } else {
            sleep_until_posted(team, t);
            idle = 0;
        }
    }
}

static void *hold_region(void *arg) {
    fg_team *team = arg;
#pragma omp parallel num_threads(team->size)
    work(team, omp_get_thread_num());
    return NULL;
}

static void end_region(fg_team *team) {
    if (!atomic_load(&team->started)) return;
    atomic_store(&team->stop, 1);
    pthread_mutex_lock(&team->sleep);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->sleep);
    pthread_join(team->host, NULL);
    atomic_store(&team->started, 0);
    atomic_store(&team->stop, 0);
}

static void begin_region(fg_team *team, int workers) {
    if (atomic_load(&team->started) && team->size >= workers) return;
    end_region(team);
    team->size = workers;
    atomic_store(&team->started, pthread_create(&team->host, NULL, hold_region, team) == 0);
}
#else
static void end_region(fg_team *team) { (void)team; }
static void begin_region(fg_team *team, int workers) { (void)team, (void)workers; }
#endif

void fg_team_init(fg_team *team) {
    pthread_mutex_init(&team->busy, NULL);
    pthread_mutex_init(&team->sleep, NULL);
    pthread_cond_init(&team->wake, NULL);
}

static void post(fg_team *team, fg_work *piece, void *job, int phase, int64_t units, int64_t grain, int pieces,
                 int helpers) {
    atomic_store_explicit(&team->piece, piece, memory_order_relaxed);
    atomic_store_explicit(&team->job, job, memory_order_relaxed);
    atomic_store_explicit(&team->phase, phase, memory_order_relaxed);
    atomic_store_explicit(&team->units, units, memory_order_relaxed);
    atomic_store_explicit(&team->grain, grain, memory_order_relaxed);
    atomic_store_explicit(&team->pieces, pieces, memory_order_relaxed);
    atomic_store_explicit(&team->helpers, helpers, memory_order_relaxed);
    atomic_store_explicit(&team->fpmode, fg_fpmode_get(), memory_order_relaxed);
    atomic_store_explicit(&team->done, 0, memory_order_relaxed);
    uint64_t epoch = (atomic_load_explicit(&team->ticket, memory_order_relaxed) >> 32) + 1;
    atomic_store(&team->ticket, ticket(epoch & 0xffffffff, 0, (uint64_t)pieces));
}

static int count_pieces(int threads, int share, int64_t units, int64_t grain, double cost) {
    int64_t most = (units + grain - 1) / grain, pieces = (int64_t)threads * share;
    if (pieces > cost / SMALLEST_PIECE_NS) pieces = (int64_t)(cost / SMALLEST_PIECE_NS);
    if (pieces < threads) pieces = threads;
    if (pieces > most) pieces = most;
    return (int)(pieces > MOST_PIECES ? MOST_PIECES : pieces);
}

int fg_team_run(fg_team *team, int threads, int share, fg_work *piece, void *job, int phase, int64_t units,
                int64_t grain, double cost) {
    int pieces = count_pieces(threads, share, units, grain, cost);
    if (pieces < 2 || pthread_mutex_trylock(&team->busy) != 0) { /* busy with another thread's job: run it here */
        piece(job, phase, 0, units);
        return 1;
    }
    begin_region(team, threads - 1);
    post(team, piece, job, phase, units, grain, pieces, threads - 1);
    if (cost > WORTH_WAKING_NS && atomic_load(&team->asleep)) {
        pthread_mutex_lock(&team->sleep);
        pthread_cond_broadcast(&team->wake);
        pthread_mutex_unlock(&team->sleep);
    }
    job_view v = view(team);
    for (int number = 0; number != -1;) {
        number = claim(team, atomic_load_explicit(&team->ticket, memory_order_acquire), 0);
        if (number >= 0) run_piece(team, &v, number);
    }
    for (int spins = 0; atomic_load_explicit(&team->done, memory_order_acquire) < pieces; spins++)
        spins < 20000 ? relax() : (void)sched_yield();
    int most = !atomic_load(&team->started) ? 1 : pieces < threads ? pieces : threads;
    pthread_mutex_unlock(&team->busy);
    return most;
}

void fg_team_before_fork(fg_team *team) {
    pthread_mutex_lock(&team->busy);
    end_region(team);
}

void fg_team_after_fork(fg_team *team) { pthread_mutex_unlock(&team->busy); }
