/* The plain loops an update rule is measured against: an independent program, not a line of it shared with fastgrad.
 *
 *     stream KIND N THREADS ALLOC ROUNDS
 *
 * KIND   0     reads g[N], reads and writes p[N], like SGD                      12 bytes an element
 *        1     reads g[N], reads and writes p[N], m[N], like Momentum           20
 *        2     reads g[N], reads and writes p[N], m[N], v[N], like Adam         28
 *        3     reads g[N], reads and writes p[N], m[N], v[N], h[N]              36
 *        peak  multiply-adds in registers: 2 flops each, no memory
 * ALLOC  malloc    whatever malloc gives
 *        huge      2 MB aligned, huge pages asked for
 *
 * It prints one line of JSON: the median seconds of a pass, and every round. Arithmetic is next to none (one to three
 * multiply-adds an element), so that the time is what the memory allows. Compiled where it runs, by stream.py:
 * cc -O3 -march=native -fopenmp.
 */
#define _GNU_SOURCE
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_ROUNDS = 1000, HUGE = 2 << 20 };

static float *allocate(int64_t n, int huge) {
    size_t bytes = ((size_t)n * sizeof(float) + HUGE - 1) / HUGE * HUGE;
    float *block = huge ? aligned_alloc(HUGE, bytes) : malloc(bytes);
    if (!block) {
        fprintf(stderr, "stream: no memory for %zu bytes\n", bytes);
        exit(1);
    }
#ifdef MADV_HUGEPAGE
    if (huge) madvise(block, bytes, MADV_HUGEPAGE);
#endif
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) block[i] = 0.001f * (float)(i % 1000 + 1);
    return block;
}

static void pass_0(int64_t n, float *restrict p, const float *restrict g) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) p[i] -= 0.001f * g[i];
}

static void pass_1(int64_t n, float *restrict p, const float *restrict g, float *restrict v) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float vi = 0.9f * v[i] + g[i];
        v[i] = vi;
        p[i] -= 0.001f * vi;
    }
}

static void pass_2(int64_t n, float *restrict p, const float *restrict g, float *restrict m, float *restrict v) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float mi = 0.9f * m[i] + g[i], vi = 0.9f * v[i] + g[i];
        m[i] = mi;
        v[i] = vi;
        p[i] -= 0.001f * (mi + vi);
    }
}

static void pass_3(int64_t n, float *restrict p, const float *restrict g, float *restrict m, float *restrict v,
                   float *restrict h) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float mi = 0.9f * m[i] + g[i], vi = 0.9f * v[i] + g[i], hi = 0.9f * h[i] + g[i];
        m[i] = mi;
        v[i] = vi;
        h[i] = hi;
        p[i] -= 0.001f * (mi + vi + hi);
    }
}

#if defined(__AVX512F__)
typedef float lanes __attribute__((vector_size(64)));
#elif defined(__AVX__)
typedef float lanes __attribute__((vector_size(32)));
#else
typedef float lanes __attribute__((vector_size(16)));
#endif

/* n multiply-adds of `lanes`, in chains enough to hide their latency; returns something so that none is dropped. */
static float pass_peak(int64_t n) {
    float total = 0;
#pragma omp parallel reduction(+ : total)
    {
        lanes one = {0}, a, b, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9;
        a = one + 0.999f, b = one + 0.001f;
        x0 = x1 = x2 = x3 = x4 = x5 = x6 = x7 = x8 = x9 = one;
        for (int64_t i = 0; i < n; i += 10) {
            x0 = x0 * a + b, x1 = x1 * a + b, x2 = x2 * a + b, x3 = x3 * a + b, x4 = x4 * a + b;
            x5 = x5 * a + b, x6 = x6 * a + b, x7 = x7 * a + b, x8 = x8 * a + b, x9 = x9 * a + b;
        }
        x0 += x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9;
        total += x0[0];
    }
    return total;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "usage: stream 0|1|2|3|peak N THREADS malloc|huge ROUNDS\n"), 2;
    const char *kind = argv[1];
    int64_t n = atoll(argv[2]);
    int threads = atoi(argv[3]), huge = !strcmp(argv[4], "huge"), rounds = atoi(argv[5]);
    int arrays = kind[0] >= '0' && kind[0] <= '3' && !kind[1] ? kind[0] - '0' + 2 : 0; /* 0: peak */
    if (!arrays && strcmp(kind, "peak")) return fprintf(stderr, "stream: no kind %s\n", kind), 2;
    if (rounds < 1 || rounds > MAX_ROUNDS) return fprintf(stderr, "stream: 1 to %d rounds\n", MAX_ROUNDS), 2;
    omp_set_num_threads(threads);
    float *x[5] = {0};
    for (int i = 0; i < arrays; i++) x[i] = allocate(n, huge);

    double seconds[MAX_ROUNDS], sorted[MAX_ROUNDS];
    volatile float sink = 0;
    for (int round = -2; round < rounds; round++) { /* two to warm up */
        double start = omp_get_wtime();
        if (arrays == 2) pass_0(n, x[0], x[1]);
        if (arrays == 3) pass_1(n, x[0], x[1], x[2]);
        if (arrays == 4) pass_2(n, x[0], x[1], x[2], x[3]);
        if (arrays == 5) pass_3(n, x[0], x[1], x[2], x[3], x[4]);
        if (arrays == 0) sink += pass_peak(n);
        if (round >= 0) sorted[round] = seconds[round] = omp_get_wtime() - start;
    }
    qsort(sorted, (size_t)rounds, sizeof(double), ascending);
    double median = (sorted[rounds / 2] + sorted[(rounds - 1) / 2]) / 2;
    double work = arrays ? (2.0 * arrays - 1) * 4 * (double)n : 2.0 * sizeof(lanes) / 4 * (double)n * threads;
    printf("{\"value\": %.9g, \"giga\": %.6g, \"rounds\": [", median, work / median / 1e9);
    for (int i = 0; i < rounds; i++) printf("%s%.9g", i ? ", " : "", seconds[i]);
    printf("]}\n");
    return 0;
}
