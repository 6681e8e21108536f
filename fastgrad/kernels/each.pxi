# Lists of tensors, EACH and RULE: how they enter a call; and that one that is written shares no memory with another.
# Included by _core.pyx.

cdef int bind_each(Kernel self, PyObject **argv, fg_call *call, fg_tensor *table, Py_ssize_t count,
                   bint lists) except -1:
    cdef Py_ssize_t k
    cdef int i
    cdef int64_t start = 0, block = 0
    cdef PyObject *one[ARGUMENTS]
    memset(one, 0, sizeof(one))
    for k in range(count):
        for i in range(self.params):
            if self.param[i].kind != ARRAY or self.slot[self.param[i].index].own:
                continue
            if argv[i] != NULL:
                one[i] = <PyObject *>((<object>argv[i])[k]) if lists else argv[i]
            elif not self.slot[self.param[i].index].optional:
                raise TypeError(f"{self.__name__} needs {self.names[i]}")
        bind_one(self, one, call, &table[k], k)
        table[k].start, table[k].block = start, block
        start += (table[k].n + 15) & ~15
        block += (table[k].n + FG_BLOCK - 1) // FG_BLOCK
    call.work = start
    call.tensors = <int32_t>count
    call.ptr[0] = table
    bind_own(self, argv, call)
    refuse_shared(self, call, table, count)
    return 0


cdef bint writes_slot(Kernel self, int s, fg_call *call) noexcept:
    """Whether this call writes slot s of its tensors."""
    return self.slot[s].mode == BOTH or (self.slot[s].mode == MAYBE and call.scalar[FG_zero] != 0)


cdef int bind_one(Kernel self, PyObject **one, fg_call *call, fg_tensor *tensor, Py_ssize_t k) except -1:
    cdef int i, s
    cdef PyArrayObject *a
    cdef PyArrayObject *first = NULL
    for i in range(self.params):
        if self.param[i].kind != ARRAY or self.slot[self.param[i].index].own:
            continue
        s = self.param[i].index
        tensor.ptr[s] = NULL
        if one[i] == NULL:
            continue
        a = self.array(i, one, call.dtype)
        if not contiguous(a) or (writes_slot(self, s, call) and not PyArray_FLAGS(a) & NPY_ARRAY_WRITEABLE):
            if writes_slot(self, s, call):
                self.writable(f"{self.names[i]}[{k}]", a, True)
            raise ValueError(f"{self.__name__}: {self.names[i]}[{k}] is not C-contiguous; "
                             f"pass numpy.ascontiguousarray")
        if first == NULL:
            first = a
        elif not same_shape(first, a):
            raise ValueError(f"{self.__name__}: tensor {k} has unlike shapes: {self.describe(one, False)}")
        tensor.ptr[s] = PyArray_DATA(a)
    tensor.n = PyArray_SIZE(first)
    return 0


cdef int bind_own(Kernel self, PyObject **argv, fg_call *call) except -1:
    """The arrays of the call itself, behind the table of its tensors: one dimension, each of its own length."""
    cdef int i, s
    cdef PyArrayObject *a
    for i in range(self.params):
        if self.param[i].kind != ARRAY or not self.slot[self.param[i].index].own:
            continue
        s = self.param[i].index
        call.ptr[1 + s - self.listed] = NULL
        call.size[self.slot[s].letter[0]] = 0
        if argv[i] == NULL:
            if not self.slot[s].optional:
                raise TypeError(f"{self.__name__} needs {self.names[i]}")
            continue
        a = self.array(i, argv, call.dtype)
        if PyArray_NDIM(a) != 1 or not contiguous(a):
            raise ValueError(f"{self.__name__}: {self.names[i]} must be a contiguous array of one dimension, "
                             f"not {(<object>a).shape} with strides {(<object>a).strides}")
        if self.slot[s].mode == BOTH:
            self.writable(self.names[i], a, True)
        call.ptr[1 + s - self.listed] = PyArray_DATA(a)
        call.size[self.slot[s].letter[0]] = PyArray_SIZE(a)
        check_length(self, i, s, call)
    return 0


cdef int check_length(Kernel self, int i, int s, fg_call *call) except -1:
    """What rules say of their arrays' lengths: total holds pairs, a report three numbers, a factor is one."""
    cdef int64_t n = call.size[self.slot[s].letter[0]]
    cdef str name = self.names[i]
    if (name == "report" and n != 3) or (name == "factor" and n != 1) or (name == "total" and (n == 0 or n % 2)):
        wanted = {"report": "3 numbers", "factor": "1 number", "total": "pairs of numbers"}[name]
        raise ValueError(f"{self.__name__}: {name} must hold {wanted}, not {n}")
    return 0


cdef class _Neighbours:
    """The arrays of a call in the order they lie in memory.

    The order of one call is tried first at the next: a training step writes the same arrays again, so that a glance
    along the order finds it still true. Entry k << 3 | s is slot s of tensor k.
    """

    cdef int64_t *entry
    cdef Py_ssize_t length, capacity

    def __dealloc__(self):
        PyMem_Free(self.entry)

    cdef int start(self, Py_ssize_t count, int slots) except -1:
        """Any order of all arrays, to be sorted."""
        cdef Py_ssize_t k
        cdef int s
        cdef void *entry
        if count * slots > self.capacity:
            entry = PyMem_Realloc(self.entry, count * slots * sizeof(int64_t))
            if entry == NULL:
                raise MemoryError()
            self.entry, self.capacity = <int64_t *>entry, count * slots
        self.length = 0
        for k in range(count):
            for s in range(slots):
                self.entry[self.length] = k << 3 | s
                self.length += 1
        return 0

    cdef void sort(self, fg_tensor *table) noexcept:
        """By address: Shell's method, with the gaps of Ciura (2001)."""
        cdef Py_ssize_t gap, i, j
        cdef int64_t moved
        cdef uintptr_t address
        for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
            for i in range(gap, self.length):
                moved = self.entry[i]
                address = address_of(table, moved)
                j = i
                while j >= gap and address_of(table, self.entry[j - gap]) > address:
                    self.entry[j] = self.entry[j - gap]
                    j -= gap
                self.entry[j] = moved


cdef inline uintptr_t address_of(fg_tensor *table, int64_t entry) noexcept:
    return <uintptr_t>table[entry >> 3].ptr[entry & 7]


cdef int64_t shared(Kernel self, fg_call *call, fg_tensor *table, int64_t *other, bint *sorted_) noexcept:
    """The first entry, along the order, whose array shares memory with `other` before it, one of them written; or -1.
    Stops where an address is below the one before it: the order is no longer true."""
    cdef _Neighbours order = self.neighbours
    cdef int64_t item = 4 if call.dtype == FG_F32 else 8
    cdef uintptr_t lo, hi, last = 0, reach = 0, written = 0   # where the arrays, and the written ones, so far end
    cdef int64_t reaching = -1, writing = -1, entry
    cdef Py_ssize_t i
    cdef bint writes
    cdef bint written_slot[8]
    for i in range(self.listed):
        written_slot[i] = writes_slot(self, i, call)
    sorted_[0] = False
    for i in range(order.length):
        entry = order.entry[i]
        lo = address_of(table, entry)
        if lo < last:
            return -1
        last = lo
        if lo == 0 or table[entry >> 3].n == 0:
            continue
        hi = lo + table[entry >> 3].n * item
        writes = written_slot[entry & 7]
        if lo < (reach if writes else written):
            other[0] = reaching if writes else writing
            return entry
        if hi > reach:
            reach, reaching = hi, entry
        if writes and hi > written:
            written, writing = hi, entry
    sorted_[0] = True
    return -1


cdef int refuse_shared(Kernel self, fg_call *call, fg_tensor *table, Py_ssize_t count) except -1:
    """Raises if an array that is written shares memory with another of the call."""
    cdef int64_t entry = -1, other = -1
    cdef bint in_order = False
    if self.neighbours.length == count * self.listed:
        entry = shared(self, call, table, &other, &in_order)
    if entry < 0 and not in_order:
        if self.neighbours.length != count * self.listed:
            self.neighbours.start(count, self.listed)
        self.neighbours.sort(table)
        entry = shared(self, call, table, &other, &in_order)
    if entry < 0:
        return 0
    if entry >> 3 < other >> 3 or (entry >> 3 == other >> 3 and entry < other):
        entry, other = other, entry
    raise ValueError(f"{self.__name__}: {self.slot_name(other & 7)}[{other >> 3}] and "
                     f"{self.slot_name(entry & 7)}[{entry >> 3}] share memory, and the call would write it; "
                     f"pass each array once")
