# Program: the calls of one captured step, replayed without Python. Included by _core.pyx.

cdef class Program:
    """A list of recorded calls and every array they touch.

    Recording is per thread: between `start` and `stop` every call of a kernel on this thread runs as usual and is
    appended. `replay` runs the list in C. Scalars of a call (a learning rate, a bias correction) may be set before.
    """

    cdef fg_call *calls
    cdef fg_tensor **tables          # the table of an EACH call, or NULL
    cdef readonly int64_t length
    cdef readonly int64_t done       # how many calls the last replay completed
    cdef int64_t capacity
    cdef readonly list arrays        # keeps what the calls point to
    cdef readonly list labels        # a call's kernel and the shapes of its arrays
    cdef list kernels
    cdef bint recording_now, replaying

    def __cinit__(self):
        self.arrays, self.labels, self.kernels = [], [], []

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.length):
            PyMem_Free(self.tables[i])
        PyMem_Free(self.calls)
        PyMem_Free(self.tables)

    def start(self):
        if fg_tls.program != NULL:
            raise CaptureError("a step is already being captured on this thread; captures do not nest")
        if self.recording_now or self.replaying:
            raise CaptureError("this program is being recorded or replayed on another thread")
        Py_INCREF(<PyObject *>self)         # the thread's reference, until stop
        fg_tls.program, self.recording_now = <void *>self, True

    def stop(self):
        if fg_tls.program == <void *>self:
            fg_tls.program, self.recording_now = NULL, False
            Py_XDECREF(<PyObject *>self)

    cdef int grow(self) except -1:
        cdef int64_t capacity = 2 * self.capacity or 64
        cdef void *calls = PyMem_Realloc(self.calls, capacity * sizeof(fg_call))
        if calls == NULL:
            raise MemoryError()
        self.calls = <fg_call *>calls
        cdef void *tables = PyMem_Realloc(self.tables, capacity * sizeof(fg_tensor *))
        if tables == NULL:
            raise MemoryError()
        self.tables = <fg_tensor **>tables
        self.capacity = capacity
        cdef int64_t i
        for i in range(self.length):
            self.point(i)
        return 0

    cdef void point(self, int64_t i) noexcept:
        """Operands given as plain numbers live inside the call, which has moved."""
        cdef int s
        for s in range(FG_PTRS):
            if self.calls[i].numbers >> s & 1:
                self.calls[i].ptr[s] = &self.calls[i].number[s]

    cdef int append(self, Kernel kernel, fg_call *call, PyObject **argv, object result, object keep) except -1:
        cdef int i
        cdef size_t bytes_
        cdef fg_tensor *table = NULL
        if self.length == self.capacity:
            self.grow()
        if kernel.unit == FG_EACH:
            bytes_ = call.tensors * sizeof(fg_tensor)
            table = <fg_tensor *>PyMem_Malloc(bytes_ or 1)
            if table == NULL:
                raise MemoryError()
            memcpy(table, call.ptr[0], bytes_)
        self.calls[self.length] = call[0]
        self.tables[self.length] = table
        if table != NULL:
            self.calls[self.length].ptr[0] = table
        self.length += 1
        self.point(self.length - 1)
        held = [<object>argv[i] for i in range(kernel.params) if argv[i] != NULL and kernel.param[i].kind == ARRAY]
        self.arrays.append((held, result, keep))
        self.kernels.append(kernel)
        self.labels.append((kernel.__name__, kernel.describe(argv, False)))
        return 0

    def set_scalars(self, int64_t i, values):
        """The double scalars of call i, in the order of its row."""
        cdef int k, most
        if not 0 <= i < self.length:
            raise IndexError(f"call {i} of {self.length}")
        most = (<Kernel>self.kernels[i]).scalars()
        if len(values) > most:
            raise ValueError(f"{(<Kernel>self.kernels[i]).__name__} has {most} scalars, {len(values)} were given")
        for k in range(len(values)):
            self.calls[i].scalar[k] = values[k]

    def replay(self):
        """Runs every call. A call that reports bad input stops the replay before anything after it has run."""
        if fg_tls.program != NULL:
            raise CaptureError("a captured step cannot be replayed while another is being captured; "
                               "call the plain function")
        if self.recording_now or self.replaying:
            raise CaptureError("this program is being recorded or replayed on another thread")
        cdef int64_t i
        cdef int threads = current_threads()
        for i in range(self.length):
            self.calls[i].threads = threads
        self.replaying = True
        with nogil:
            self.done = fg_replay(&fg_workers, self.calls, self.length)
        self.replaying = False
        if self.done < self.length:
            raise_status(self.calls[self.done].kernel, self.calls[self.done].status)

    def timings(self):
        """Replays once and returns the nanoseconds each call took."""
        cdef int64_t i
        if fg_tls.program != NULL or self.recording_now or self.replaying:
            raise CaptureError("a program cannot be timed while it, or another on this thread, is in use")
        found = []
        self.replaying = True
        try:
            for i in range(self.length):
                start = time.perf_counter_ns()
                with nogil:
                    fg_replay(&fg_workers, &self.calls[i], 1)
                found.append(time.perf_counter_ns() - start)
                if self.calls[i].status:
                    raise_status(self.calls[i].kernel, self.calls[i].status)
        finally:
            self.replaying = False
        return found

    def __len__(self):
        return self.length

    def __repr__(self):
        return "\n".join(f"{i:4d}  {name:24s} {shapes}" for i, (name, shapes) in enumerate(self.labels))


def recording():
    """The Program this thread records into, or None."""
    return <object>fg_tls.program if fg_tls.program != NULL else None
