# A call of a kernel: bind, launch, record. Included by _core.pyx.

# ---------------------------------------------------------------------------------------------------------------------
# The call.
# ---------------------------------------------------------------------------------------------------------------------
cdef bint scalars_beside_arrays(Kernel self, PyObject **argv) noexcept:
    cdef int i
    cdef bint scalar = False, array = False
    for i in range(self.params):
        if argv[i] != NULL:
            if PyArray_Check(argv[i]):
                array = True
            elif PyArray_CheckScalar(argv[i]):
                scalar = True
    return scalar and array


cdef object refer(Kernel self, PyObject **args, size_t nargsf, PyObject *kwnames, PyObject **argv):
    """The reference function; in a captured step, a call of it that every replay repeats. NumPy's scalars beside
    arrays are numbers, as they are for C: in NumPy a float64 among them would make a float64 of a float32."""
    cdef list arguments
    cdef bint weak = scalars_beside_arrays(self, argv)
    if weak or fg_tls.program != NULL:
        arguments = complete_arguments(self, argv)
        if arguments is not None:
            if weak:
                arguments = [a.item() if isinstance(a, np.generic) else a for a in arguments]
            if fg_tls.program != NULL:
                return (<Program>fg_tls.program).call_host(Host(self.reference, arguments, self))
            return self.reference(*arguments)
    return PyObject_Vectorcall(self.reference, args, nargsf, kwnames)


cdef object send(Kernel self, fg_call *call, PyObject **argv, object result, object keep):
    """Through the door; into the program being recorded, if there is one."""
    cdef double cost = fg_cost(call)
    if cost > 20000.0:
        with nogil:
            fg_launch(&fg_workers, call, fg_tls.trace)
    else:
        fg_launch(&fg_workers, call, fg_tls.trace)
    if call.status:
        raise_status(self.id, call.status)
    if fg_tls.program != NULL:
        (<Program>fg_tls.program).append(self, call, argv, result, keep)
    return result


cdef int raise_status(int kernel, int status) except -1:
    name = (<bytes>fg_rows[kernel].name).decode()
    if status == FG_NO_MEMORY:
        raise MemoryError(f"{name}: no memory for scratch")
    kind = FloatingPointError if fg_rows[kernel].unit == FG_RULE else IndexError
    raise kind(f"{name}: " + (<bytes>fg_rows[kernel].errors).decode().format(status - 1))


cdef object call_each(Kernel self, fg_call *call, PyObject **argv):
    cdef fg_tensor stack[STACK_TENSORS]
    cdef fg_tensor *table = stack
    cdef Py_ssize_t count = 1
    cdef int i
    cdef bint lists = False
    cdef object tuples = None   # what the lists hold now: another thread may change them while the kernel runs
    for i in range(self.params):
        if (self.param[i].kind == ARRAY and argv[i] != NULL and not self.slot[self.param[i].index].own
                and not PyArray_Check(argv[i])):
            if not (PyList_Check(argv[i]) or PyTuple_Check(argv[i])):
                raise TypeError(f"{self.__name__}: {self.names[i]} must be an array or a list of arrays, "
                                f"not {type(<object>argv[i]).__name__}")
            held = tuple(<object>argv[i])
            tuples = (tuples, held)
            argv[i] = <PyObject *>held
            count, lists = len(held), True
    if lists:
        for i in range(self.params):
            if self.param[i].kind == ARRAY and argv[i] != NULL and not self.slot[self.param[i].index].own and (
                    PyArray_Check(argv[i]) or len(<object>argv[i]) != count):
                raise ValueError(f"{self.__name__}: the lists must be of one length")
    if count > STACK_TENSORS:
        table = <fg_tensor *>PyMem_Malloc(count * sizeof(fg_tensor))
        if table == NULL:
            raise MemoryError()
    try:
        bind_each(self, argv, call, table, count, lists)
        send(self, call, argv, None, None)
    finally:
        if table != stack:
            PyMem_Free(table)


cdef object kernel_vectorcall(Kernel self, PyObject **args, size_t nargsf, PyObject *kwnames):
    cdef PyObject *argv[ARGUMENTS]
    cdef fg_call call
    cdef object result
    cdef list keep
    self.gather(args, <Py_ssize_t>(nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET), kwnames, argv)
    if runs_reference():
        return refer(self, args, nargsf, kwnames, argv)
    call.dtype = self.dtype_of(argv)
    if call.dtype < 0:
        return refer(self, args, nargsf, kwnames, argv)
    call.kernel = self.id
    call.isa = current_isa()
    call.threads = current_threads()
    call.status = call.tensors = call.numbers = call.ndim = 0
    call.scratch = NULL
    call.library = NULL
    self.numbers(argv, &call)
    if self.unit == FG_MAP:
        result = self.bind_map(argv, &call)
        if result is None:
            return refer(self, args, nargsf, kwnames, argv)
        if type(result) is tuple:
            return send(self, &call, argv, (<tuple>result)[0], result)
        return send(self, &call, argv, result, None)
    if self.listed:
        return call_each(self, &call, argv)
    if self.unit == FG_TILES:
        if not blas_decided:
            open_blas()
        if blas_present:
            call.library = &fg_library
    keep = []
    result = self.bind_shaped(argv, &call, keep)
    return send(self, &call, argv, result, keep)


KERNELS = {}


def kernel_by_name(name):
    return KERNELS[name]


def split_signature(signature):
    """``"a[N,C], lr"`` to ``["a[N,C]", "lr"]``: commas inside brackets do not separate."""
    items, depth, item = [], 0, ""
    for c in signature:
        depth += (c == "[") - (c == "]")
        if c == "," and not depth:
            items.append(item.strip())
            item = ""
        else:
            item += c
    return [*items, item.strip()]


cdef int make_kernels() except -1:
    cdef Kernel first
    cdef int i
    for i in range(FG_KERNELS):
        kernel = Kernel(i)
        KERNELS[kernel.__name__] = kernel
        if i == 0:
            first = kernel
            fg_make_vectorcall(<PyObject *>Kernel, <char *>&first.vectorcall - <char *><void *>first)
    return 0


make_kernels()
