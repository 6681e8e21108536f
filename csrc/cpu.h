/* What this machine can do. */
#ifndef FASTGRAD_CPU_H
#define FASTGRAD_CPU_H

/* The widest instruction set (fg_isa) this processor and operating system run. */
int fg_cpu_isa(void);

/* Processors this process may use: affinity and cgroup quota, the smaller; at least 1. */
int fg_cpu_count(void);

/* The floating-point mode of this thread (flush-to-zero, denormals-are-zero, rounding): read it, set it. */
unsigned fg_fpmode_get(void);
void fg_fpmode_set(unsigned mode);

#endif
