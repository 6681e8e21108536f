# The general MAP: any shapes that broadcast, any strides. Included by _core.pyx.

cdef object bind_broadcast(Kernel self, PyArrayObject **operand, PyObject **argv, fg_call *call):
    """The general MAP: the broadcast shape, an output of it, and strides with adjacent dimensions merged. None if more
    dimensions are left than a call holds."""
    cdef cnp.npy_intp shape[64]
    cdef int ndim = 0, s, d, k
    cdef cnp.npy_intp size
    cdef object out = None, kept = None
    for s in range(self.slots):
        if operand[s] != NULL and PyArray_NDIM(operand[s]) > ndim:
            ndim = PyArray_NDIM(operand[s])
    for d in range(ndim):
        shape[d] = 1
    for s in range(self.slots):
        if operand[s] == NULL:
            continue
        for d in range(PyArray_NDIM(operand[s])):
            size = PyArray_DIMS(operand[s])[d]
            k = d + ndim - PyArray_NDIM(operand[s])
            if size != 1 and shape[k] == 1:
                shape[k] = size
            elif size != 1 and size != shape[k]:
                raise ValueError(f"{self.__name__}: the shapes do not broadcast: {self.describe(argv, False)}; "
                                 f"counted from the last, sizes must be equal or 1: reshape or unsqueeze one of them")
    for s in range(self.slots):
        if operand[s] == NULL and not (call.numbers >> s & 1):
            out = new_array(self.typenum_of(s, call), ndim, shape, pool_of_results())
            operand[s] = <PyArrayObject *><PyObject *>out
        elif self.slot[s].mode != READ:
            out = <object>operand[s]
            if PyArray_NDIM(operand[s]) != ndim or PyArray_SIZE(operand[s]) != product(shape, ndim):
                raise ValueError(f"{self.__name__}: the result does not have the shape of {self.slot_name(s)}: "
                                 f"{self.describe(argv, False)}")
            for k in range(self.slots):
                if k != s and operand[k] != NULL and collide(operand[k], operand[s]):
                    fresh = copied(operand[k])
                    kept = (kept, fresh)
                    operand[k] = <PyArrayObject *><PyObject *>fresh
    kept = coalesce(self, operand, shape, ndim, call, kept)
    if call.ndim > FG_DIMS:
        return None
    return out if kept is None else (out, kept)


cdef int64_t product(cnp.npy_intp *shape, int ndim) noexcept:
    cdef int64_t n = 1
    cdef int d
    for d in range(ndim):
        n *= shape[d]
    return n


cdef object coalesce(Kernel self, PyArrayObject **operand, cnp.npy_intp *shape, int ndim, fg_call *call, object kept):
    """Fills size and stride, merging a dimension into the one inside it wherever every operand walks on evenly."""
    cdef int64_t stride[8]
    cdef int s, d, k, n = 0
    cdef bint merge
    call.work = product(shape, ndim)
    for s in range(self.slots):
        if operand[s] == NULL:
            continue
        if not walkable(operand[s]):
            if self.slot[s].mode != READ:
                raise ValueError(f"{self.__name__}: {self.slot_name(s)} would be written and is not aligned; "
                                 f"pass an array NumPy has made")
            fresh = copied(operand[s])
            kept = (kept, fresh)
            operand[s] = <PyArrayObject *><PyObject *>fresh
        call.ptr[s] = PyArray_DATA(operand[s])
    # Innermost first: dimension n of the call is built from the last of the arrays backwards.
    cdef int64_t sizes[64]
    cdef int64_t strides[8][64]
    for d in range(ndim - 1, -1, -1):
        if shape[d] == 1 and not (d == 0 and n == 0):
            continue
        for s in range(self.slots):
            stride[s] = 0
            if operand[s] != NULL:
                k = d - (ndim - PyArray_NDIM(operand[s]))
                if k >= 0 and PyArray_DIMS(operand[s])[k] != 1:
                    stride[s] = PyArray_STRIDES(operand[s])[k] // PyArray_ITEMSIZE(operand[s])
        merge = n > 0
        if merge:
            for s in range(self.slots):
                if stride[s] != strides[s][n - 1] * sizes[n - 1]:
                    merge = False
        if merge:
            sizes[n - 1] *= shape[d]
            continue
        sizes[n] = shape[d]
        for s in range(self.slots):
            strides[s][n] = stride[s]
        n += 1
    if n == 0:
        sizes[0] = 1
        for s in range(self.slots):
            strides[s][0] = 0 if operand[s] == NULL else 1
        n = 1
    call.ndim = n
    if n > FG_DIMS:
        return kept
    for d in range(n):
        call.size[d] = sizes[n - 1 - d]
        for s in range(self.slots):
            call.stride[s][d] = strides[s][n - 1 - d]
    return kept
