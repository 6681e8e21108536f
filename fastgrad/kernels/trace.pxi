# What a profiler sees of the calls of a thread: bytes of a call, and the trace. Included by _core.pyx.

cdef Slot *traffic_slot[FG_KERNELS]         # of each kernel: its slots, their number, bytes an element (0: the call's)
cdef int traffic_slots[FG_KERNELS]
cdef int traffic_item[FG_KERNELS][FG_PTRS]


cdef int make_traffic() except -1:
    cdef Kernel kernel
    cdef int s, typenum
    if EVENT.itemsize != sizeof(fg_event):
        raise ImportError("EVENT is not fg_event")
    for k in KERNELS.values():
        kernel = k
        traffic_slot[kernel.id] = &kernel.slot[0]       # KERNELS keeps it
        traffic_slots[kernel.id] = kernel.slots
        for s in range(kernel.slots):
            typenum = kernel.slot[s].typenum
            traffic_item[kernel.id][s] = 0 if typenum < 0 else cnp.PyArray_DescrFromType(typenum).itemsize
    return 0


cdef int64_t call_bytes(const fg_call *call) noexcept nogil:
    """What a call's arrays hold: each once if it is read, once if it is written; what is broadcast by its own size."""
    cdef int unit = fg_rows[call.kernel].unit, s, d
    cdef Slot *slot
    cdef int64_t n, item, total = 0
    for s in range(traffic_slots[call.kernel]):
        slot = &traffic_slot[call.kernel][s]
        if call.numbers >> s & 1 or is_absent(call, s, slot):
            continue
        item = traffic_item[call.kernel][s] or (4 if call.dtype == FG_F32 else 8)
        n = 1
        if unit == FG_EACH or unit == FG_RULE:
            n = fg_elements(call)
        elif unit == FG_MAP:
            for d in range(call.ndim):
                if call.stride[s][d] != 0:
                    n *= call.size[d]
        else:
            for d in range(slot.ndim):
                if not (unit == FG_TILES and slot.ndim == 3 and d == 0 and call.stride[s][2] == 0):   # one for all
                    n *= call.size[slot.letter[d]]
        total += n * item * (2 if slot.mode == BOTH or (slot.mode == MAYBE and call.scalar[FG_zero] != 0) else 1)
    return total


cdef bint is_absent(const fg_call *call, int s, Slot *slot) noexcept nogil:
    """Whether slot s holds nothing worth counting: it was left out, or is one of the few numbers of the call itself."""
    cdef int unit = fg_rows[call.kernel].unit
    if unit == FG_EACH or unit == FG_RULE:
        return slot.own or call.tensors == 0 or (<const fg_tensor *>call.ptr[0]).ptr[s] == NULL
    return call.ptr[s] == NULL


EVENT = np.dtype([("start", "i8"), ("end", "i8"), ("bytes", "i8"), ("flops", "i8"), ("size", "i8", (FG_SIZES,)),
                  ("kernel", "i4"), ("dtype", "i4"), ("ndim", "i4"), ("threads", "i4"), ("replayed", "i4")],
                 align=True)                # fg_event

make_traffic()


cdef class Trace:
    """The kernel calls of one thread between `start` and `stop`. The outermost trace of a thread owns the buffer."""

    cdef fg_trace own
    cdef Trace outer                    # whose buffer is used: itself, or the one that was on before
    cdef int64_t first, users
    cdef readonly int64_t begin, end    # nanoseconds of the clock of the events
    cdef readonly int64_t lost          # calls there was no memory to write down

    def __dealloc__(self):
        free(self.own.events)

    def start(self):
        if self.outer is not None:
            raise RuntimeError("this trace has been started already")
        if fg_tls.tracer == NULL:
            self.own.bytes = call_bytes
            self.outer = self
            Py_INCREF(<PyObject *>self)             # the thread's reference, until the last user stops
            fg_tls.tracer, fg_tls.trace = <void *>self, &self.own
        else:
            self.outer = <Trace>fg_tls.tracer
        self.outer.users += 1
        self.first, self.lost = self.outer.own.count, self.outer.own.lost
        self.begin = fg_now()

    def stop(self):
        """Ends the trace and returns the calls as an array of EVENT."""
        cdef int64_t end = fg_now(), n
        cdef Trace outer = self.outer
        cdef cnp.ndarray found
        if outer is None or fg_tls.tracer != <void *>outer:
            raise RuntimeError("a trace is stopped once, by the thread that started it")
        n = outer.own.count - self.first
        try:
            found = np.empty(n, EVENT)
            if n:
                memcpy(PyArray_DATA(<PyArrayObject *><PyObject *>found), &outer.own.events[self.first],
                       n * sizeof(fg_event))
        finally:
            self.lost, self.end, self.outer = outer.own.lost - self.lost, end, None
            outer.users -= 1
            if outer.users == 0:
                fg_tls.tracer = fg_tls.trace = NULL
                free(outer.own.events)
                memset(&outer.own, 0, sizeof(fg_trace))
                Py_XDECREF(<PyObject *>outer)
        return found


def kernel_rows():
    """Of each kernel, by its number: its name; how many sizes an event of it has, -1 if the event says so; the dtype of
    its first result where every slot has a dtype of its own, or None."""
    found = []
    cdef Kernel kernel
    for k in KERNELS.values():
        kernel = k
        sizes = -1 if kernel.unit == FG_MAP else 2 if kernel.listed else kernel.letters
        found.append((kernel.__name__, sizes, own_dtype(kernel)))
    return found


cdef object own_dtype(Kernel kernel):
    """What calls are known by where they have no dtype in common, as casts: that of their first result."""
    if not kernel.typed or kernel.first_written < 0:
        return None
    return str(cnp.PyArray_DescrFromType(kernel.slot[kernel.first_written].typenum))
