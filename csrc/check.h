/* Indices and labels from outside. Read once for each dtype and instruction set, inside a family's bodies.
 *
 * A kernel that takes them checks all of them in a phase of its own, before the first that writes: a call that is
 * refused has changed nothing.
 */

/* Refuses the first of index[lo .. hi) that is not one of 0 .. n - 1: there, k or n - 1 - k has its sign bit set. */
static void FG(check)(fg_call *call, const int64_t *index, int64_t n, int64_t lo, int64_t hi) {
    for (int64_t k = lo; k < hi; k += FG_CHECKED) {
        int64_t count = hi - k < FG_CHECKED ? hi - k : FG_CHECKED;
        uint64_t last = (uint64_t)n - 1, signs = 0;
        for (int64_t j = 0; j < count; j++) signs |= (uint64_t)index[k + j] | (last - (uint64_t)index[k + j]);
        if (signs >> 63 == 0) continue;
        while (index[k] >= 0 && index[k] < n) k++;
        fg_refuse(call, k);
        return;
    }
}
