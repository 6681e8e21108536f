/* The tables kernels.def becomes: the rows, and the body of each row for each instruction set and dtype. */
#include "fastgrad.h"

const fg_row fg_rows[FG_KERNELS] = {
#define FG_KERNEL(family, name, unit, cost, signature, errors) {#family, #name, FG_##unit, cost, signature, errors},
#include "kernels.def"
#undef FG_KERNEL
};

#define FG_KERNEL(family, name, unit, cost, signature, errors) \
    extern fg_body fg_##name##_f32_baseline, fg_##name##_f64_baseline;
#include "kernels.def"
#undef FG_KERNEL
#if defined(__x86_64__)
#define FG_KERNEL(family, name, unit, cost, signature, errors) \
    extern fg_body fg_##name##_f32_avx2, fg_##name##_f64_avx2, fg_##name##_f32_avx512, fg_##name##_f64_avx512;
#include "kernels.def"
#undef FG_KERNEL
#endif

fg_body *const fg_bodies[FG_ISAS][FG_DTYPES][FG_KERNELS] = {
    {{
#define FG_KERNEL(family, name, unit, cost, signature, errors) fg_##name##_f32_baseline,
#include "kernels.def"
#undef FG_KERNEL
     },
     {
#define FG_KERNEL(family, name, unit, cost, signature, errors) fg_##name##_f64_baseline,
#include "kernels.def"
#undef FG_KERNEL
     }},
#if defined(__x86_64__)
    {{
#define FG_KERNEL(family, name, unit, cost, signature, errors) fg_##name##_f32_avx2,
#include "kernels.def"
#undef FG_KERNEL
     },
     {
#define FG_KERNEL(family, name, unit, cost, signature, errors) fg_##name##_f64_avx2,
#include "kernels.def"
#undef FG_KERNEL
     }},
    {{
#define FG_KERNEL(family, name, unit, cost, signature, errors) fg_##name##_f32_avx512,
#include "kernels.def"
#undef FG_KERNEL
     },
     {
#define FG_KERNEL(family, name, unit, cost, signature, errors) fg_##name##_f64_avx512,
#include "kernels.def"
#undef FG_KERNEL
     }},
#endif
};
