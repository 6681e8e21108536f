# The arrays of a call for many tensors: one that is written must not share memory with another. Included by _core.pyx.

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
        written_slot[i] = self.writes(i, call)
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
