/* Two sums at once in the order of lanes.h, and the moments of columns and of a line of numbers: norm.c says how. Read
 * after lanes.h, inside a family's bodies.
 */

LANE_SUM(line_sum, x)

/* The 16 lanes as vectors: left as arrays, two sets of lanes are not kept in registers. */
enum { FG(vectors) = FG_LANES * sizeof(T) / FG_VECTOR_BYTES, FG(width) = FG_LANES / FG(vectors) };
typedef T FG(vector) __attribute__((vector_size(FG_VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef struct {
    FG(vector) part[FG(vectors)];
} FG(lanes);

static FG_INLINE T FG(fold)(const FG(lanes) * lanes) {
    T lane[FG_LANES];
    memcpy(lane, lanes, sizeof lane);
    return FG(lanes_fold)(lane);
}

/* Defines name_block(s1, s2, a, b, c, s, n), for n <= FG_BLOCK: the sums over i < n of two formulas in x = a[i],
 * y = b[i], z = c[i] and s, which are 0 where x = fill_x and y = s: that is what the last lanes are filled up with. */
#undef TWO_SUMS
#define TWO_SUMS(name, first, second, fill_x)                                                                         \
    static FG_INLINE void FG(name##_add)(FG(lanes) * one, FG(lanes) * two, const T *a, const T *b, const T *c, T k) { \
        const FG(vector) s = k - (FG(vector)){0};                                                                     \
        for (int v = 0; v < FG(vectors); v++) {                                                                       \
            const FG(vector) x = *(const FG(vector) *)(a + v * FG(width));                                            \
            const FG(vector) y = *(const FG(vector) *)(b + v * FG(width));                                            \
            const FG(vector) z = *(const FG(vector) *)(c + v * FG(width));                                            \
            (void)y, (void)z, (void)s;                                                                                \
            one->part[v] += first;                                                                                    \
            two->part[v] += second;                                                                                   \
        }                                                                                                             \
    }                                                                                                                 \
    static inline void FG(name##_block)(T *s1, T *s2, const T *a, const T *b, const T *c, T s, int64_t n) {           \
        FG(lanes) one = {0}, two = {0};                                                                               \
        T last_a[FG_LANES], last_b[FG_LANES], last_c[FG_LANES];                                                       \
        int64_t i = 0;                                                                                                \
        for (; i + FG_LANES <= n; i += FG_LANES) FG(name##_add)(&one, &two, a + i, b + i, c + i, s);                  \
        if (i < n) {                                                                                                  \
            FG(lanes_fill)(last_a, a + i, (int)(n - i), fill_x);                                                      \
            FG(lanes_fill)(last_b, b + i, (int)(n - i), s);                                                           \
            FG(lanes_fill)(last_c, c + i, (int)(n - i), 0);                                                           \
            FG(name##_add)(&one, &two, last_a, last_b, last_c, s);                                                    \
        }                                                                                                             \
        *s1 = FG(fold)(&one);                                                                                         \
        *s2 = FG(fold)(&two);                                                                                         \
    }

TWO_SUMS(line_distances, (x - s), ((x - s) * (x - s)), s)
TWO_SUMS(line_products, x, (x * (y - s)), 0)
TWO_SUMS(line_weighted, (x * z), ((x * z) * (y - s)), 0)

/* sum of g and of g (x - centre), g = dout w or, without w, dout; n of each: blocks are added in double */
static inline void FG(line_products)(double *s1, double *s2, const T *dout, const T *x, const T *w, T centre,
                                     int64_t n) {
    T one, two;
    *s1 = *s2 = 0;
    for (int64_t i = 0; i < n; i += FG_BLOCK) {
        int64_t size = least(n - i, FG_BLOCK);
        if (w)
            FG(line_weighted_block)(&one, &two, dout + i, x + i, w + i, centre, size);
        else
            FG(line_products_block)(&one, &two, dout + i, x + i, x + i, centre, size);
        *s1 += (double)one;
        *s2 += (double)two;
    }
}

/* n numbers side by side */
static inline fg_moments FG(line_moments)(const T *x, int64_t n) {
    fg_moments all = {0, 0, 0};
    for (int64_t i = 0; i < n; i += FG_BLOCK) {
        int64_t size = least(n - i, FG_BLOCK), first = ceil_div(size, FG_CENTRE);
        double count = (double)size, factor = count / (all.n + count);
        T rest, square, centre = FG(line_sum_block)(x + i, x + i, 0, first) / (T)first;
        FG(line_distances_block)(&rest, &square, x + i, x + i, x + i, centre, size);
        double d = (double)rest, m2 = not_negative((double)square - d * d / count);
        join_moments(&all.mean, &all.m2, all.n, factor, (double)centre + d / count, m2);
        all.n += count;
    }
    return all;
}

/* `columns` columns of x, C apart, over `rows` rows: sum[columns] */
static FG_INLINE void FG(add_rows)(T *restrict sum, const T *restrict x, int64_t rows, int64_t C, int64_t columns) {
    int64_t r = 0;
    for (int64_t j = 0; j < columns; j++) sum[j] = 0;
    for (; r + 4 <= rows; r += 4) {
        const T *a = x + r * C, *b = a + C, *c = b + C, *d = c + C;
        for (int64_t j = 0; j < columns; j++) sum[j] = sum[j] + a[j] + b[j] + c[j] + d[j];
    }
    for (; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) sum[j] += x[r * C + j];
}

/* rest[columns] = sum of x - centre, square[columns] = sum of its square */
static FG_INLINE void FG(add_distances)(T *restrict rest, T *restrict square, const T *restrict centre,
                                        const T *restrict x, int64_t rows, int64_t C, int64_t columns) {
    int64_t r = 0;
    for (int64_t j = 0; j < columns; j++) rest[j] = square[j] = 0;
    for (; r + 4 <= rows; r += 4) {
        const T *a = x + r * C, *b = a + C, *c = b + C, *d = c + C;
        for (int64_t j = 0; j < columns; j++) {
            T p = a[j] - centre[j], q = b[j] - centre[j], s = c[j] - centre[j], t = d[j] - centre[j];
            rest[j] = rest[j] + p + q + s + t;
            square[j] = square[j] + p * p + q * q + s * s + t * t;
        }
    }
    for (; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) {
            T p = x[r * C + j] - centre[j];
            rest[j] += p;
            square[j] += p * p;
        }
}

static FG_INLINE void FG(column_moments)(double *mean, double *m2, const T *x, int64_t rows, int64_t C,
                                         int64_t columns) {
    T centre[FG_MERGED], rest[FG_MERGED], square[FG_MERGED];
    double n = (double)rows;
    int64_t first = ceil_div(rows, FG_CENTRE);
    FG(add_rows)(centre, x, first, C, columns);
    for (int64_t j = 0; j < columns; j++) centre[j] = centre[j] / (T)first;
    FG(add_distances)(rest, square, centre, x, rows, C, columns);
    for (int64_t j = 0; j < columns; j++) {
        double d = (double)rest[j];
        mean[j] = (double)centre[j] + d / n;
        m2[j] = not_negative((double)square[j] - d * d / n);
    }
}
