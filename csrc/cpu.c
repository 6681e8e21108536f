/* What this machine can do: instruction sets, processors, the floating-point mode. */
#define _GNU_SOURCE
#include "cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "fastgrad.h"

int fg_cpu_isa(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return avx2 && avx512 ? FG_AVX512 : avx2 ? FG_AVX2 : FG_BASELINE;
#else
    return FG_BASELINE;
#endif
}

/* cgroup v2 says "quota period" or "max period" in one file, v1 keeps two files; no quota is -1. */
static double quota(void) {
    double limit = -1, period = -1;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f) {
        if (fscanf(f, "%lf %lf", &limit, &period) != 2) limit = -1;
        fclose(f);
    } else {
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
        if (f) {
            if (fscanf(f, "%lf", &limit) != 1) limit = -1;
            fclose(f);
        }
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
        if (f) {
            if (fscanf(f, "%lf", &period) != 1) period = -1;
            fclose(f);
        }
    }
    return limit > 0 && period > 0 ? limit / period : -1;
}

int fg_cpu_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
    double share = quota();
    if (share > 0) {
        long whole = (long)(share + 0.999);
        if (whole < count) count = whole;
    }
    return count < 1 ? 1 : (int)count;
}

#if defined(__x86_64__)
unsigned fg_fpmode_get(void) { return _mm_getcsr() & ~0x3fu; } /* without the sticky exception flags */
void fg_fpmode_set(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
unsigned fg_fpmode_get(void) {
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (unsigned)fpcr;
}
void fg_fpmode_set(unsigned mode) {
    uint64_t fpcr = mode;
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}
#else
unsigned fg_fpmode_get(void) { return 0; }
void fg_fpmode_set(unsigned mode) { (void)mode; }
#endif
