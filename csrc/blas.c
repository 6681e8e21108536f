/* Opens the private BLAS and proves it before it is trusted: names, integer width, a small product in every layout.
 *
 * A CBLAS library does not say which it is. Its names may carry a prefix and a suffix, its integers may be 32 or 64
 * bits wide, and a wrong guess is memory corruption rather than an error; so each is probed with calls that are safe
 * under either answer, and what does not give the expected numbers is refused.
 */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* setenv, strdup */
#endif

#include "blas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* cblas_?gemm for a 32-bit and a 64-bit integer. C[M,N] = alpha op(A)[M,K] op(B)[K,N] + beta C[M,N]. */
#define GEMM_TYPE(name, T, integer)                                                                                 \
    typedef void name(int order, int ta, int tb, integer M, integer N, integer K, T alpha, const T *a, integer lda, \
                      const T *b, integer ldb, T beta, T *c, integer ldc)
GEMM_TYPE(sgemm_lp64, float, int32_t);
GEMM_TYPE(dgemm_lp64, double, int32_t);
GEMM_TYPE(sgemm_ilp64, float, int64_t);
GEMM_TYPE(dgemm_ilp64, double, int64_t);

int fg_blas_fits(const fg_blas *blas, int64_t largest) { return blas->ilp64 || largest <= INT32_MAX; }

void fg_blas_gemm(const fg_blas *blas, int dtype, int ta, int tb, int64_t M, int64_t N, int64_t K, const void *a,
                  int64_t lda, const void *b, int64_t ldb, double beta, void *c, int64_t ldc) {
    int opa = ta ? TRANS : NO_TRANS, opb = tb ? TRANS : NO_TRANS;
    int32_t m = (int32_t)M, n = (int32_t)N, k = (int32_t)K;
    int32_t la = (int32_t)lda, lb = (int32_t)ldb, lc = (int32_t)ldc;
    if (dtype == FG_F32 && blas->ilp64)
        ((sgemm_ilp64 *)blas->sgemm)(ROW_MAJOR, opa, opb, M, N, K, 1.0f, a, lda, b, ldb, (float)beta, c, ldc);
    else if (dtype == FG_F32)
        ((sgemm_lp64 *)blas->sgemm)(ROW_MAJOR, opa, opb, m, n, k, 1.0f, a, la, b, lb, (float)beta, c, lc);
    else if (blas->ilp64)
        ((dgemm_ilp64 *)blas->dgemm)(ROW_MAJOR, opa, opb, M, N, K, 1.0, a, lda, b, ldb, beta, c, ldc);
    else
        ((dgemm_lp64 *)blas->dgemm)(ROW_MAJOR, opa, opb, m, n, k, 1.0, a, la, b, lb, beta, c, lc);
}

#if defined(_WIN32)

int fg_blas_open(fg_blas *blas, const char *path, char *why, size_t size) {
    memset(blas, 0, sizeof *blas);
    snprintf(why, size, "%s: opening a BLAS library is not supported on Windows; the built-in product serves", path);
    return -1;
}

#else

#include <dlfcn.h>

/* ---- the environment a library reads while it is opened ---------------------------------------------------- */

/* What asks a library for one thread, and what would ask it for more. NULL: not set while it is opened. */
static const char *const QUIET[][2] = {
    {"OPENBLAS_NUM_THREADS", "1"},
    {"OPENBLAS_DEFAULT_NUM_THREADS", "1"},
    {"GOTO_NUM_THREADS", NULL},
    {"MKL_NUM_THREADS", "1"},
    {"MKL_DYNAMIC", "FALSE"},
    {"BLIS_NUM_THREADS", "1"},
    {"BLIS_JC_NT", NULL},
    {"BLIS_IC_NT", NULL},
    {"BLIS_JR_NT", NULL},
    {"BLIS_IR_NT", NULL},
    {"VECLIB_MAXIMUM_THREADS", "1"},
    {"ARMPL_NUM_THREADS", "1"},
};
enum { N_QUIET = sizeof QUIET / sizeof QUIET[0] };

static void set_or_unset(const char *name, const char *value) {
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* Sets the variables above and keeps in saved[N_QUIET] what they were. Returns -1 when out of memory. */
static int quiet_begin(char *saved[N_QUIET]) {
    int failed = 0;
    for (int i = 0; i < N_QUIET; i++) {
        const char *old = getenv(QUIET[i][0]);
        saved[i] = old ? strdup(old) : NULL;
        failed |= old && !saved[i];
    }
    if (failed) {
        for (int i = 0; i < N_QUIET; i++) free(saved[i]);
        return -1;
    }
    for (int i = 0; i < N_QUIET; i++) set_or_unset(QUIET[i][0], QUIET[i][1]);
    return 0;
}

static void quiet_end(char *saved[N_QUIET]) {
    for (int i = 0; i < N_QUIET; i++) {
        set_or_unset(QUIET[i][0], saved[i]);
        free(saved[i]);
    }
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static void *symbol(const fg_blas *blas, const char *name) {
    char full[80];
    snprintf(full, sizeof full, "%s%s%s", blas->prefix, name, blas->suffix);
    return dlsym(blas->handle, full);
}

/* Finds the prefix and suffix under which the library exports its CBLAS. Returns cblas_sdot, or NULL. */
static void *find_names(fg_blas *blas) {
    static const char *const prefixes[] = {"", "scipy_"}, *const suffixes[] = {"", "64_", "_64"};
    for (int p = 0; p < 2; p++)
        for (int s = 0; s < 3; s++) {
            snprintf(blas->prefix, sizeof blas->prefix, "%s", prefixes[p]);
            snprintf(blas->suffix, sizeof blas->suffix, "%s", suffixes[s]);
            blas->sgemm = symbol(blas, "cblas_sgemm");
            blas->dgemm = symbol(blas, "cblas_dgemm");
            void *sdot = symbol(blas, "cblas_sdot");
            if (blas->sgemm && blas->dgemm && sdot) return sdot;
        }
    return NULL;
}

/* A function of the library that returns a string, called if it is there; its answer, cut to fit, or "". */
static void ask(const fg_blas *blas, const char *name, char *answer, size_t size) {
    void *f = symbol(blas, name);
    const char *text = f ? ((const char *(*)(void))f)() : NULL;
    snprintf(answer, size, "%s", text ? text : "");
}

/* ---- proofs ------------------------------------------------------------------------------------------------ */

/* The integer width, from one dot product of length 0xFFFFFFFF00000002: a library of 32-bit integers sees 2 and returns
 * 1*3 + 2*4 = 11, one of 64-bit integers sees a negative length and returns 0. -1: neither. */
static int probe_ilp64(void *sdot) {
    typedef float dot(int64_t n, const float *x, int64_t incx, const float *y, int64_t incy);
    float x[4] = {1, 2, 100, 1000}, y[4] = {3, 4, 100, 1000};
    float answer = ((dot *)sdot)((int64_t)0xFFFFFFFF00000002ull, x, 1, y, 1);
    return answer == 11.0f ? 0 : answer == 0.0f ? 1 : -1;
}

/* A[2,3] = {1 2 3; 4 5 6}, B[3,2] = {7 8; 9 10; 11 12}: C[2,2] = {58 64; 139 154}, exactly. Each operand is given as
 * it is and transposed, with a leading dimension one longer than its row; C begins as NaN, which beta 0 must not
 * read. */
static int gemm_is_right(const fg_blas *blas, int dtype, int ta, int tb) {
    static const double A[2][12] = {{1, 2, 3, 0, 4, 5, 6, 0}, {1, 4, 0, 2, 5, 0, 3, 6, 0}};
    static const double B[2][12] = {{7, 8, 0, 9, 10, 0, 11, 12, 0}, {7, 9, 11, 0, 8, 10, 12, 0}};
    static const double want[6] = {58, 64, -1, 139, 154, -1};
    int64_t lda = ta ? 3 : 4, ldb = tb ? 4 : 3;
    double a[12], b[12], c[6];
    float af[12], bf[12], cf[6];
    for (int i = 0; i < 12; i++) {
        af[i] = (float)(a[i] = A[ta][i]);
        bf[i] = (float)(b[i] = B[tb][i]);
    }
    for (int beta = 0; beta < 2; beta++) {
        for (int i = 0; i < 6; i++) cf[i] = (float)(c[i] = i % 3 == 2 ? -1.0 : beta ? 1.0 : strtod("nan", NULL));
        if (dtype == FG_F32)
            fg_blas_gemm(blas, dtype, ta, tb, 2, 2, 3, af, lda, bf, ldb, beta, cf, 3);
        else
            fg_blas_gemm(blas, dtype, ta, tb, 2, 2, 3, a, lda, b, ldb, beta, c, 3);
        for (int i = 0; i < 6; i++) {
            double got = dtype == FG_F32 ? (double)cf[i] : c[i];
            if (got != want[i] + (i % 3 == 2 ? 0.0 : beta)) return 0;
        }
    }
    return 1;
}

static int proven(const fg_blas *blas) {
    for (int dtype = 0; dtype < FG_DTYPES; dtype++)
        for (int layout = 0; layout < 4; layout++)
            if (!gemm_is_right(blas, dtype, layout & 1, layout >> 1)) return 0;
    return 1;
}

/* Finds and proves the entry points of an opened library. Returns what is wrong with it, or NULL. */
static const char *examine(fg_blas *blas) {
    void *sdot = find_names(blas);
    if (!sdot) return "it has no cblas_sgemm, cblas_dgemm and cblas_sdot under any known prefix and suffix";
    int width = probe_ilp64(sdot);
    if (width < 0) return "its cblas_sdot answers wrongly for 32-bit and for 64-bit integers";
    blas->ilp64 = width;
    if (!proven(blas)) return "its cblas_sgemm or cblas_dgemm gives a wrong product for a 2 x 3 by 3 x 2 matrix";
    void *set_threads = symbol(blas, "openblas_set_num_threads");
    if (set_threads) ((void (*)(int))set_threads)(1);
    ask(blas, "openblas_get_corename", blas->core, sizeof blas->core);
    ask(blas, "openblas_get_config", blas->config, sizeof blas->config);
    return NULL;
}

int fg_blas_open(fg_blas *blas, const char *path, char *why, size_t size) {
    char *saved[N_QUIET];
    memset(blas, 0, sizeof *blas);
    if (quiet_begin(saved) != 0) {
        snprintf(why, size, "%s: cannot be opened as a BLAS: out of memory", path);
        return -1;
    }
    blas->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *wrong = blas->handle ? examine(blas) : dlerror();
    if (wrong) snprintf(why, size, "%s: cannot be used as a BLAS: %s", path, wrong);
    quiet_end(saved);
    if (!wrong) return 0;
    if (blas->handle) dlclose(blas->handle);
    memset(blas, 0, sizeof *blas);
    return -1;
}

#endif
