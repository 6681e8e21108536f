/* The private BLAS: one CBLAS library at one thread, opened by path, behind one signature. */
#ifndef FASTGRAD_BLAS_H
#define FASTGRAD_BLAS_H

#include "fastgrad.h"

struct fg_blas {
    void *handle;
    int ilp64; /* integers are 64 bits wide */
    void *sgemm, *dgemm;
    char prefix[16], suffix[16];
    char core[32]; /* OpenBLAS's name of the kernels in use, or "" */
    char config[256];
};

/* Opens the library at `path` with OPENBLAS_NUM_THREADS=1 set just then and restored. Probes symbol prefix and suffix
 * ("", "scipy_"; "", "64_", "_64") and the integer width, multiplies a small product, and refuses what answers wrongly.
 * Returns 0, or -1 with a sentence in `why`. Not to be called while another thread reads the environment. */
int fg_blas_open(fg_blas *blas, const char *path, char *why, size_t size);

/* Whether a size or a leading dimension fits this library's integers. */
int fg_blas_fits(const fg_blas *blas, int64_t largest);

/* C[M,N] = A[M,K] B[K,N] + beta C[M,N], C row-major. ta, tb: the operand is stored transposed. beta 0 (C is not read)
 * or 1. Leading dimensions as BLAS wants them: at least the length of a stored row. */
void fg_blas_gemm(const fg_blas *blas, int dtype, int ta, int tb, int64_t M, int64_t N, int64_t K, const void *a,
                  int64_t lda, const void *b, int64_t ldb, double beta, void *c, int64_t ldc);

#endif
