# What the binding asks of arrays: dtype, shape, memory; and how they enter a call. Included by _core.pyx.

cdef inline int array_dtype(PyObject *o) noexcept:
    """FG_F32, FG_F64, or -1 for what the kernels do not serve."""
    cdef int typenum = PyArray_TYPE(<PyArrayObject *>o)
    if typenum == NPY_FLOAT:
        return FG_F32 if PyArray_ISNOTSWAPPED(<PyArrayObject *>o) else -1
    if typenum == NPY_DOUBLE:
        return FG_F64 if PyArray_ISNOTSWAPPED(<PyArrayObject *>o) else -1
    return -1


cdef inline bint is_number(PyObject *o) noexcept:
    return PyFloat_Check(o) or PyLong_Check(o) or (
        PyArray_CheckScalar(o) and not PyArray_Check(o) and not PyObject_TypeCheck(o, &PyComplexFloatingArrType_Type))


cdef inline bint same_shape(PyArrayObject *a, PyArrayObject *b) noexcept:
    cdef int i, n = PyArray_NDIM(a)
    if n != PyArray_NDIM(b):
        return False
    for i in range(n):
        if PyArray_DIMS(a)[i] != PyArray_DIMS(b)[i]:
            return False
    return True


cdef inline bint contiguous(PyArrayObject *a) noexcept:
    cdef int want = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED
    return (PyArray_FLAGS(a) & want) == want


cdef inline bint walkable(PyArrayObject *a) noexcept:
    """Whether C may read it in steps of whole elements; a view into bytes or into a packed record may not be."""
    cdef int i
    for i in range(PyArray_NDIM(a)):
        if PyArray_DIMS(a)[i] > 1 and PyArray_STRIDES(a)[i] % PyArray_ITEMSIZE(a):
            return False
    return PyArray_FLAGS(a) & NPY_ARRAY_ALIGNED != 0


cdef void extent(PyArrayObject *a, uintptr_t *lo, uintptr_t *hi) noexcept:
    """The bytes an array may touch: [lo, hi)."""
    cdef int i
    cdef cnp.npy_intp reach
    lo[0] = <uintptr_t>PyArray_DATA(a)
    hi[0] = lo[0] + PyArray_ITEMSIZE(a)
    for i in range(PyArray_NDIM(a)):
        if PyArray_DIMS(a)[i] == 0:
            hi[0] = lo[0]
            return
        reach = (PyArray_DIMS(a)[i] - 1) * PyArray_STRIDES(a)[i]
        if reach > 0:
            hi[0] += reach
        else:
            lo[0] += reach


cdef bint overlap(PyArrayObject *a, PyArrayObject *b) noexcept:
    cdef uintptr_t alo, ahi, blo, bhi
    extent(a, &alo, &ahi)
    extent(b, &blo, &bhi)
    return alo < bhi and blo < ahi


cdef bint same_view(PyArrayObject *a, PyArrayObject *b) noexcept:
    """The same elements in the same order: an element is read before it is written, so such a pair is safe. Of two
    dtypes it is not: C may assume that they are in different places."""
    cdef int i
    if PyArray_DATA(a) != PyArray_DATA(b) or PyArray_TYPE(a) != PyArray_TYPE(b) or not same_shape(a, b):
        return False
    for i in range(PyArray_NDIM(a)):
        if PyArray_DIMS(a)[i] > 1 and PyArray_STRIDES(a)[i] != PyArray_STRIDES(b)[i]:
            return False
    return True


cdef inline bint collide(PyArrayObject *read, PyArrayObject *written) noexcept:
    """Whether writing one would change elements of the other that are still to be read."""
    return overlap(read, written) and not same_view(read, written)


cdef inline void set_number(fg_call *call, int s, double value) noexcept:
    if call.dtype == FG_F32:
        call.number[s].f32 = <float>value
    else:
        call.number[s].f64 = value
    call.numbers |= 1 << s
    call.ptr[s] = &call.number[s]
    call.stride[s][0] = 0


cdef bint set_matrix(fg_call *call, int s, PyArrayObject *a) noexcept:
    """Element strides of a matrix, or of a stack of them, with rows or columns of unit stride; False: to be copied."""
    cdef cnp.npy_intp item = PyArray_ITEMSIZE(a), stack = PyArray_NDIM(a) - 2
    cdef cnp.npy_intp *dims = PyArray_DIMS(a) + stack
    cdef cnp.npy_intp *strides = PyArray_STRIDES(a) + stack
    if not PyArray_FLAGS(a) & NPY_ARRAY_ALIGNED:
        return False
    if stack:
        if strides[-1] % item:
            return False
        call.stride[s][2] = strides[-1] // item
    if (dims[1] == 1 or strides[1] == item) and (dims[0] == 1 or strides[0] == dims[1] * item) or contiguous(a):
        call.stride[s][0], call.stride[s][1] = dims[1], 1
        return True
    if strides[0] % item or strides[1] % item:
        return False
    if strides[1] == item and strides[0] >= dims[1] * item:
        call.stride[s][0], call.stride[s][1] = strides[0] // item, 1
        return True
    if strides[0] == item and strides[1] >= dims[0] * item:
        call.stride[s][0], call.stride[s][1] = 1, strides[1] // item
        return True
    return False


cdef void set_work(fg_call *call, int letters) noexcept:
    cdef int i
    call.work = 1
    for i in range(letters):
        call.work *= call.size[i]


cdef object copied(PyArrayObject *a):
    """A contiguous copy, which a captured step makes again: by the copy kernel where it serves the dtype, or NumPy."""
    cdef int typenum = PyArray_TYPE(a)
    if (typenum == NPY_FLOAT or typenum == NPY_DOUBLE) and walkable(a):
        return KERNELS["copy"](<object>a)
    fresh = (<object>a).copy()
    if fg_tls.program != NULL:
        (<Program>fg_tls.program).call_host(Host(np.copyto, [fresh, <object>a], None))
    return fresh


cdef str described(object value, bint dtypes):
    if not isinstance(value, cnp.ndarray):
        return type(value).__name__
    return str(value.dtype if dtypes else value.shape)
