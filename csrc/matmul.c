/* matmul, linear, bmm: a product cut into a grid of tiles, each tile computed whole by one thread.
 *
 *     matmul   out[M,N] = a[M,K] b[K,N]
 *     linear   out[M,N] = x[M,K] w[N,K]^T + b[N]
 *     bmm      out[B,M,N] = a[B,M,K] b[B,K,N], each of the B products as matmul computes it
 *
 * The grid, and which code computes a tile (the private BLAS or the built-in product of gemm.h), depend on shape,
 * layout, dtype and on there being a BLAS, never on threads or on the instruction set. Tiles of the BLAS are computed
 * one by one, for a library may answer differently for a larger rectangle; the built-in product may not, so its
 * neighbours are merged.
 */
#ifndef FG_BODIES

#include "blas.h"
#include "launch.h"

enum {
    GEMM_KC = 256,            /* the longest block of K */
    GEMM_A_BYTES = 96 * 1024, /* a packed block of A, on the stack */
    GEMM_B_BYTES = 32 * 1024, /* a packed panel of B, on the stack: GEMM_KC x two vectors of 64 bytes */
    GEMM_X = 512,             /* a stretch of a vector, on the stack */
    FG_MANY = 16,             /* products of a bmm that are shared out whole */
};

/* When copying an operand first pays: rows far apart (in elements) that are read many times. */
#define GEMM_PACK_A(N, a_row, a_k) ((N) >= 512 && ((a_row) >= 512 || (a_k) >= 512))
#define GEMM_PACK_B(M, b_k) ((M) >= 192 && (b_k) >= 512)

/* C[M,N] = A[M,K] B[K,N] + bias[N]: a[m*a_row + k*a_k], b[k*b_k + n*b_n], c[m*c_row + n], bias[n] or NULL. */
typedef struct {
    int64_t B, M, N, K, a_row, a_k, b_k, b_n, c_row, a_next, b_next, c_next;
    const void *a, *b, *bias;
    void *c;
} product;

/* The product of a call; of a bmm the first, the others lie a_next, b_next and c_next elements further on. */
static product product_of(const fg_call *call) {
    int linear = call->kernel == FG_K_linear, batch = call->kernel == FG_K_bmm, c = linear ? 3 : 2;
    const int64_t (*stride)[FG_DIMS] = call->stride;
    return (product){
        .B = batch ? call->size[0] : 1,
        .M = call->size[batch],
        .K = call->size[batch + 1],
        .N = call->size[batch + 2],
        .a_row = stride[0][0],
        .a_k = stride[0][1],
        .b_k = stride[1][linear],
        .b_n = stride[1][!linear],
        .c_row = stride[c][0],
        .a_next = batch ? stride[0][2] : 0,
        .b_next = batch ? stride[1][2] : 0,
        .c_next = batch ? stride[c][2] : 0,
        .a = call->ptr[0],
        .b = call->ptr[1],
        .bias = linear ? call->ptr[2] : NULL,
        .c = call->ptr[c],
    };
}

typedef enum { BY_VECTOR, BY_OUTER, BY_BUILTIN, BY_LIBRARY } way;

/* Tiles are numbered down the columns: tile t is rows t % tiles_m, columns t / tiles_m. */
typedef struct {
    way way;
    int64_t tile_m, tile_n, tiles_m, tiles_n;
} grid;

static int64_t pieces(int64_t n, int64_t tile) { return (n + tile - 1) / tile; }

/* The leading dimension of an operand of rows x columns that BLAS can read as it is, 0 if it cannot; and whether it is
 * stored transposed. */
static int64_t leading(int64_t rows, int64_t columns, int64_t row, int64_t column, int *transposed) {
    *transposed = !(column == 1 && row >= columns);
    if (!*transposed) return row;
    return row == 1 && column >= rows ? column : 0;
}

/* Large products go to the BLAS; the built-in product is faster below (measured: gemm.h reads operands in place). */
static int for_library(const fg_blas *library, const product *p) {
    int ta, tb;
    int64_t lda = leading(p->M, p->K, p->a_row, p->a_k, &ta), ldb = leading(p->K, p->N, p->b_k, p->b_n, &tb);
    int64_t largest = lda > ldb ? lda : ldb;
    if (!library || !lda || !ldb || p->M < 192 || p->N < 192 || p->K < 64) return 0;
    if ((double)p->M * (double)p->N * (double)p->K < 4e8) return 0;
    if (largest < p->M) largest = p->M;
    if (largest < p->N) largest = p->N;
    if (largest < p->K) largest = p->K;
    if (largest < p->c_row) largest = p->c_row;
    return fg_blas_fits(library, largest);
}

/* Halves the longer side until there are 8 tiles, as long as they stay at least 128 long, then on to 512. */
static void library_grid(const product *p, grid *g) {
    int64_t m = 1, n = 1;
    for (;;) {
        int64_t tm = pieces(p->M, m), tn = pieces(p->N, n), longer = tm > tn ? tm : tn;
        if (longer < 256 || (m * n >= 8 && longer <= 512)) break;
        if (tm >= tn)
            m *= 2;
        else
            n *= 2;
    }
    g->tile_m = pieces(pieces(p->M, m), 8) * 8;
    g->tile_n = pieces(pieces(p->N, n), 16) * 16;
}

/* Narrow strips, to be merged: of rows, which no two threads share a cache line of; of columns where C is flat, or
 * where B must be transposed for few rows. Blocks when both sides are long. */
static void builtin_grid(const product *p, grid *g) {
    int64_t M = p->M, N = p->N;
    int columns = N >= 4 * M || (p->b_n != 1 && M < 16 && N >= 32);
    g->tile_m = columns ? M : 2;
    g->tile_n = columns ? 16 : N;
    if (M > 512 && N > 512) {
        g->tile_m = 96;
        g->tile_n = 256;
    }
}

static grid grid_of(const fg_call *call, const product *p) {
    grid g = {.way = BY_BUILTIN};
    if (p->M == 1 || p->N == 1) {
        g.way = BY_VECTOR;
        g.tile_m = g.tile_n = 16;
    } else if (p->K <= 1) {
        g.way = BY_OUTER;
        g.tile_m = 1;
        g.tile_n = 4096;
    } else if (for_library(call->library, p)) {
        g.way = BY_LIBRARY;
        library_grid(p, &g);
    } else {
        builtin_grid(p, &g);
    }
    g.tiles_m = pieces(p->M, g.tile_m);
    g.tiles_n = pieces(p->N, g.tile_n);
    return g;
}

void fg_plan_matmul(const fg_call *call, fg_plan *plan) {
    product p = product_of(call);
    grid g = {0};
    double area = (double)p.M * (double)p.N, depth = (double)p.K, wide = call->dtype == FG_F32 ? 1.0 : 2.0;
    if (p.M > 0 && p.N > 0) g = grid_of(call, &p);
    plan->phases = 1;
    plan->units[0] = p.B * g.tiles_m * g.tiles_n;
    plan->scratch = 0;
    if (p.B >= FG_MANY && g.way != BY_LIBRARY && plan->units[0])
        plan->grain[0] = g.tiles_m * g.tiles_n; /* whole products: they share nothing */
    else if (g.way == BY_BUILTIN)
        plan->share = 1; /* every piece packs the operand it shares with the others */
    plan->cost = (double)p.B * (50.0 + wide * area * (0.1 + depth * (g.way == BY_VECTOR ? 0.05 : 0.02)));
}

#define FG_FAMILY "matmul.c"
#include "foreach_isa.h"
#else

#include "gemm.h"

/* out[M,N] = a[M] b[N], and zeros for K = 0. */
static void FG(outer)(const product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    for (int64_t m = m0; m < m1; m++) {
        T *restrict c = (T *)p->c + m * p->c_row;
        T x = p->K ? ((const T *)p->a)[m * p->a_row] : 0;
        const T *b = p->b;
        if (p->K == 0)
            for (int64_t n = n0; n < n1; n++) c[n] = 0;
        else if (p->b_n == 1)
            for (int64_t n = n0; n < n1; n++) c[n] = x * b[n];
        else
            for (int64_t n = n0; n < n1; n++) c[n] = x * b[n * p->b_n];
    }
}

/* M = 1 or N = 1: y[n] = m[n,K] x[K] with the rows of A, or the columns of B, as m. */
static void FG(vector_product)(const product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    const T *a = (const T *)p->a + m0 * p->a_row, *b = (const T *)p->b + n0 * p->b_n;
    T *c = (T *)p->c + m0 * p->c_row + n0;
    int column = p->N == 1; /* c is a column */
    int64_t n = column ? m1 - m0 : n1 - n0, m_i = column ? p->a_row : p->b_n, m_k = column ? p->a_k : p->b_k;
    int64_t x_k = column ? p->b_k : p->a_k, y_i = column ? p->c_row : 1;
    if (m_k == 1)
        FG(gemv_rows)(n, p->K, column ? a : b, m_i, column ? b : a, x_k, c, y_i);
    else
        FG(gemv_columns)(n, p->K, column ? a : b, m_i, m_k, column ? b : a, x_k, c, y_i);
}

static void FG(library_product)(const fg_call *call, const product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    int ta, tb;
    int64_t lda = leading(p->M, p->K, p->a_row, p->a_k, &ta), ldb = leading(p->K, p->N, p->b_k, p->b_n, &tb);
    fg_blas_gemm(call->library, call->dtype, ta, tb, m1 - m0, n1 - n0, p->K, (const T *)p->a + m0 * p->a_row, lda,
                 (const T *)p->b + n0 * p->b_n, ldb, 0.0, (T *)p->c + m0 * p->c_row + n0, p->c_row);
}

/* Rows [m0, m1) and columns [n0, n1) of the product, complete. */
static void FG(rectangle)(const fg_call *call, const product *p, way by, int64_t m0, int64_t m1, int64_t n0,
                          int64_t n1) {
    const T *a = (const T *)p->a + m0 * p->a_row, *b = (const T *)p->b + n0 * p->b_n;
    T *c = (T *)p->c + m0 * p->c_row + n0;
    if (p->K == 0 || by == BY_OUTER)
        FG(outer)(p, m0, m1, n0, n1);
    else if (by == BY_VECTOR)
        FG(vector_product)(p, m0, m1, n0, n1);
    else if (by == BY_LIBRARY)
        FG(library_product)(call, p, m0, m1, n0, n1);
    else
        FG(gemm)(m1 - m0, n1 - n0, p->K, a, p->a_row, p->a_k, b, p->b_k, p->b_n, c, p->c_row);
    if (!p->bias) return;
    for (int64_t m = 0; m < m1 - m0; m++) {
        const T *restrict bias = (const T *)p->bias + n0;
        T *restrict row = c + m * p->c_row;
        for (int64_t n = 0; n < n1 - n0; n++) row[n] += bias[n];
    }
}

static int64_t FG(least)(int64_t a, int64_t b) { return a < b ? a : b; }

/* Tiles [lo, hi): in whole strips where there is one row of tiles, else down a column of tiles at a time. */
static void FG(tiles)(const fg_call *call, const product *p, const grid *g, int64_t lo, int64_t hi) {
    for (int64_t t = lo, next; t < hi; t = next) {
        int64_t i = t % g->tiles_m, j = t / g->tiles_m, rows = 1, columns = 1;
        if (g->way != BY_LIBRARY && g->tiles_m == 1)
            columns = hi - t;
        else if (g->way != BY_LIBRARY)
            rows = FG(least)(g->tiles_m - i, hi - t);
        next = t + rows * columns;
        FG(rectangle)(call, p, g->way, i * g->tile_m, FG(least)((i + rows) * g->tile_m, p->M), j * g->tile_n,
                      FG(least)((j + columns) * g->tile_n, p->N));
    }
}

void FG(matmul)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    product p = product_of(call);
    grid g = grid_of(call, &p);
    FG(tiles)(call, &p, &g, lo, hi);
}

void FG(linear)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(matmul)(call, phase, lo, hi); }

/* The tiles of the first product, then those of the second, ... */
void FG(bmm)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const product first = product_of(call);
    grid g = grid_of(call, &first);
    int64_t tiles = g.tiles_m * g.tiles_n;
    for (int64_t unit = lo, next; unit < hi; unit = next) {
        int64_t b = unit / tiles, from = b * tiles;
        product p = first;
        p.a = (const T *)first.a + b * first.a_next;
        p.b = (const T *)first.b + b * first.b_next;
        p.c = (T *)first.c + b * first.c_next;
        next = FG(least)(from + tiles, hi);
        FG(tiles)(call, &p, &g, unit - from, next - from);
    }
}

#endif
