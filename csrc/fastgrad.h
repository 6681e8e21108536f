/* The one header every C file of fastgrad includes: a call, a body, and what the machine lends them.
 *
 * A kernel is a row of kernels.def. A *call* of it is one plain struct: pointers, sizes, double scalars. A *body* is a
 * function of a range of that call's work, [lo, hi) of its units, and knows nothing of Python, threads or memory.
 */
#ifndef FASTGRAD_H
#define FASTGRAD_H

#include <stddef.h>
#include <stdint.h>

/* Sums: numbers to a block, which so many running sums share (lanes.h). */
enum { FG_BLOCK = 4096, FG_LANES = 16 };

enum { FG_PTRS = 8, FG_SIZES = 8, FG_DIMS = 6, FG_SCALARS = 24 };

typedef enum { FG_F32, FG_F64, FG_DTYPES } fg_dtype;
typedef enum { FG_BASELINE, FG_AVX2, FG_AVX512, FG_ISAS } fg_isa;

typedef enum {
#define FG_KERNEL(family, name, unit, cost, signature, errors) FG_K_##name,
#include "kernels.def"
#undef FG_KERNEL
    FG_KERNELS
} fg_kernel;

/* The BLAS in use: CBLAS entry points behind one integer width, or NULL for the built-in product (blas.h). */
typedef struct fg_blas fg_blas;

typedef union {
    float f32;
    double f64;
} fg_number;

typedef struct fg_call {
    int32_t kernel;                   /* fg_kernel */
    int32_t dtype;                    /* fg_dtype */
    int32_t isa;                      /* fg_isa */
    int32_t threads;                  /* the largest team this call may use */
    int32_t ndim;                     /* MAP: dimensions left after coalescing, 1..FG_DIMS */
    int32_t status;                   /* 0, or 1 + the index of the offending unit, set by a body */
    int32_t tensors;                  /* EACH, RULE: rows of the table at ptr[0] */
    int32_t numbers;                  /* bit i: ptr[i] is number[i] */
    int64_t work;                     /* elements a cost is charged for */
    int64_t size[FG_SIZES];           /* sizes by letter, in the order the row first names them; MAP: the shape */
    int64_t stride[FG_PTRS][FG_DIMS]; /* elements. MAP: of each operand; matmul: {row, column, matrix} of each */
    double scalar[FG_SCALARS];        /* in the order of the row; RULE: what all rules share begins at FG_SHARED */
    void *ptr[FG_PTRS];               /* in the order of the row; EACH, RULE: ptr[0] is the table of fg_tensor, and
                                         after it come the arrays of the call itself */
    fg_number number[FG_PTRS];        /* operands given as plain numbers: ptr[i] points here, stride 0 */
    void *scratch;                    /* from launch, as large as the unit's plan asks */
    const fg_blas *library;           /* matmul */
} fg_call;

/* EACH, RULE: one tensor of a call that serves many. Elements [start, start + n) of the call's units are this tensor's,
 * and so are the blocks of FG_BLOCK elements from `block` on. */
typedef struct {
    int64_t start;
    int64_t n;
    int64_t block;
    void *ptr[FG_PTRS]; /* NULL: an array that may be left out */
} fg_tensor;

typedef void fg_body(fg_call *call, int phase, int64_t lo, int64_t hi);

/* One row of kernels.def, for the binding and for launch. */
typedef enum { FG_MAP, FG_REDUCE, FG_LINES, FG_ROWS, FG_INDEX, FG_TILES, FG_EACH, FG_RULE, FG_NORM } fg_unit;
typedef struct {
    const char *family;
    const char *name;
    fg_unit unit;
    double cost; /* nanoseconds an element on one core, roughly: decides when a team is worth waking */
    const char *signature;
    const char *errors; /* what a non-zero status means, as a sentence; "" when a body sets none */
} fg_row;

extern const fg_row fg_rows[FG_KERNELS];
extern fg_body *const fg_bodies[FG_ISAS][FG_DTYPES][FG_KERNELS]; /* NULL rows: that set is not compiled in */

#endif
