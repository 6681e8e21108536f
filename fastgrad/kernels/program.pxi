# Program: the calls of one captured step, replayed. Included by _core.pyx.

cdef class Program:
    """A list of recorded calls, and the memory they work in.

    What kernels make while a program is recorded lies in an arena of the program. There a block that has become free
    serves again, as in the eager step: calls are replayed in their order, so an array is never written before its last
    reader is through. Arrays from elsewhere (inputs, parameters, an optimizer's state, what NumPy has made) are kept.

    Recording is per thread: between `start` and `stop` every call of a kernel on this thread runs as usual and is
    appended, and so is every call of Python made through `kernels.host`. `replay` runs the list, in C without the GIL
    but for the calls of Python. Scalars of a call (a learning rate, a bias correction) may be set before. `print` lists
    the calls: number, kernel, shapes in and out, dtype, bytes read and written, floating-point operations of products.
    """

    cdef fg_call *calls              # of a call of Python: nothing
    cdef fg_tensor **tables          # the table of an EACH call, or NULL
    cdef readonly int64_t length
    cdef readonly int64_t done       # how many calls the last replay completed
    cdef int64_t capacity
    cdef fg_pool *arena              # where results lie; NULL: in the pool of all, and then they are kept
    cdef readonly dict kept          # id -> array that a call points to and that lies elsewhere
    cdef set roots                   # ids of those arrays, or of what they are views of
    cdef list made                   # what calls of Python have made
    cdef readonly list labels        # a call's kernel and the shapes of its arrays
    cdef list kernels                # of each call its Kernel or Host
    cdef list flows                  # of each call its shapes, in -> out, and its dtype
    cdef list host_calls             # the numbers of the calls of Python
    cdef bint recording_now, replaying

    def __cinit__(self):
        self.labels, self.kernels, self.flows, self.host_calls, self.made = [], [], [], [], []
        self.kept, self.roots = {}, set()

    def __dealloc__(self):
        cdef int64_t i
        if self.arena != NULL:
            fg_arena_leave(self.arena)
        for i in range(self.length):
            PyMem_Free(self.tables[i])
        PyMem_Free(self.calls)
        PyMem_Free(self.tables)

    def start(self):
        if fg_tls.program != NULL:
            raise CaptureError("a step is already being captured on this thread; captures do not nest")
        if self.recording_now or self.replaying:
            raise CaptureError("this program is being recorded or replayed on another thread")
        if self.arena == NULL and self.length == 0:
            self.arena = fg_arena_new(&fg_results)
            if self.arena == NULL:
                raise MemoryError()
            fg_tls.arena = self.arena
        Py_INCREF(<PyObject *>self)         # the thread's reference, until stop
        fg_tls.program, self.recording_now = <void *>self, True

    def stop(self):
        if fg_tls.program == <void *>self:
            fg_tls.program, fg_tls.arena, self.recording_now = NULL, NULL, False
            self.roots = {id(root_of(a)) for a in self.kept.values()}
            if self.arena != NULL:
                fg_arena_seal(self.arena)
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
        if kernel.listed:
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
        for i in range(kernel.params):
            if argv[i] != NULL and kernel.param[i].kind == ARRAY:
                self.hold(<object>argv[i])
        self.hold(result)
        self.hold(keep)
        self.kernels.append(kernel)
        self.labels.append((kernel.__name__, kernel.describe(argv, False)))
        dtype = own_dtype(kernel) or ("float32" if call.dtype == FG_F32 else "float64")
        self.flows.append((kernel_flow(kernel, argv, result, call), dtype))
        return 0

    cdef int hold(self, object found) except -1:
        """Keeps the arrays of a call that lie outside the arena."""
        if isinstance(found, (tuple, list)):
            for item in found:
                self.hold(item)
        elif isinstance(found, cnp.ndarray) and not in_arena(self.arena, root_of(found)):
            self.kept[id(found)] = found
        return 0

    def owns(self, array):
        """Whether the recorded step itself has made this array, or what it is a view of."""
        root = root_of(array)
        return in_arena(self.arena, root) or any([root is root_of(a) for a in self.made])

    def readers(self, cnp.ndarray buffer):
        """Where calls read this array, as (call, slot, offset) for `aim`; None where it is written, given to Python, or
        in a list of tensors."""
        cdef uintptr_t lo, hi, at
        cdef int64_t i
        cdef int s
        cdef Kernel kernel
        extent(<PyArrayObject *>buffer, &lo, &hi)
        found = []
        for i in range(self.length):
            if isinstance(self.kernels[i], Host):
                host = <Host>self.kernels[i]
                if any([np.may_share_memory(a, buffer) for a in (*host.given, *host.results)]):
                    return None
                continue
            kernel = self.kernels[i]
            if kernel.listed and self.lists_from(i, kernel.listed, lo, hi):
                return None
            for s in range(1 if kernel.listed else 0, kernel.slots):
                at = <uintptr_t>self.calls[i].ptr[s]
                if lo <= at < hi and not self.calls[i].numbers >> s & 1:
                    if kernel.listed or kernel.slot[s].mode != READ:
                        return None
                    found.append((i, s, at - lo))
        return found

    cdef bint lists_from(self, int64_t i, int slots, uintptr_t lo, uintptr_t hi) noexcept:
        """Whether an array of the list of call i begins in [lo, hi)."""
        cdef int k, s
        for k in range(self.calls[i].tensors):
            for s in range(slots):
                if lo <= <uintptr_t>self.tables[i][k].ptr[s] < hi:
                    return True
        return False

    def aim(self, list places, cnp.ndarray array):
        """From now on calls read `array` at these places of `readers`. It must stay alive."""
        cdef uintptr_t lo, hi
        cdef int64_t i, offset
        cdef int s
        if self.recording_now or self.replaying:
            raise CaptureError("this program is being recorded or replayed on another thread")
        extent(<PyArrayObject *>array, &lo, &hi)
        for i, s, offset in places:
            self.calls[i].ptr[s] = <void *>(lo + offset)

    def knows(self, array):
        """Whether calls work in the memory of this array."""
        root = root_of(array)
        return id(root) in self.roots or in_arena(self.arena, root)

    cdef object call_host(self, Host host):
        """Calls it and appends it. What the function does itself, kernels and all, is not recorded but done again."""
        cdef fg_pool *arena = fg_tls.arena
        fg_tls.program, fg_tls.arena = NULL, NULL
        try:
            result = host.first()
        finally:
            fg_tls.program, fg_tls.arena = <void *>self, arena
        if self.length == self.capacity:
            self.grow()
        memset(&self.calls[self.length], 0, sizeof(fg_call))
        self.tables[self.length] = NULL
        self.host_calls.append(self.length)
        self.length += 1
        self.made += [a for a, is_argument in zip(host.results, host.returned) if not is_argument]
        self.kernels.append(host)
        self.labels.append((f"host {host.name}", ", ".join([str(a.shape) for a in host.given])))
        self.flows.append(host_flow(host))
        return result

    def set_scalars(self, int64_t i, values):
        """The double scalars of call i, in the order of its row."""
        cdef int k, most, given = 0
        if not 0 <= i < self.length:
            raise IndexError(f"call {i} of {self.length}")
        if isinstance(self.kernels[i], Host):
            (<Host>self.kernels[i]).set_scalars(values)
            return
        cdef Kernel kernel = self.kernels[i]
        most = kernel.scalars()
        if len(values) > most:
            raise ValueError(f"{kernel.__name__} has {most} scalars, {len(values)} were given")
        for k in range(kernel.params):
            if kernel.param[k].kind == SCALAR:
                if given == len(values):
                    break
                self.calls[i].scalar[kernel.param[k].index] = values[given]
                given += 1

    def replay(self):
        """Runs every call, in order. One that reports bad input or raises stops it before anything after it has run."""
        if fg_tls.program != NULL:
            raise CaptureError("a captured step cannot be replayed while another is being captured; "
                               "call the plain function")
        if self.recording_now or self.replaying:
            raise CaptureError("this program is being recorded or replayed on another thread")
        cdef int64_t i
        cdef int threads = current_threads()
        for i in range(self.length):
            self.calls[i].threads = threads
        self.replaying, self.done = True, 0
        try:
            for i in self.host_calls:
                self.run_until(i)
                (<Host>self.kernels[i]).again()
                self.done = i + 1
            self.run_until(self.length)
        finally:
            self.replaying = False

    cdef int run_until(self, int64_t end) except -1:
        """Runs the kernels from call `done` on, as far as call `end`."""
        cdef int64_t first = self.done
        if first < end:
            with nogil:
                self.done = first + fg_replay(&fg_workers, &self.calls[first], end - first, fg_tls.trace)
            if self.done < end:
                raise_status(self.calls[self.done].kernel, self.calls[self.done].status)
        return 0

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
                if isinstance(self.kernels[i], Host):
                    (<Host>self.kernels[i]).again()
                else:
                    with nogil:
                        fg_replay(&fg_workers, &self.calls[i], 1, fg_tls.trace)
                found.append(time.perf_counter_ns() - start)
                if self.calls[i].status:
                    raise_status(self.calls[i].kernel, self.calls[i].status)
        finally:
            self.replaying = False
        return found

    def __len__(self):
        return self.length

    def __repr__(self):
        cdef int64_t i, moved, flops, bytes_ = 0, operations = 0
        rows = []
        for i in range(self.length):
            flow, dtype = self.flows[i]
            if isinstance(self.kernels[i], Host):
                moved, flops = host_bytes(self.kernels[i]), 0
            else:
                moved, flops = call_bytes(&self.calls[i]), fg_flops(&self.calls[i])
            bytes_ += moved
            operations += flops
            rows.append((self.labels[i][0], flow, dtype, scaled(moved, "B"), scaled(flops, "FLOP") if flops else ""))
        width = [max([len(row[k]) for row in rows], default=0) for k in range(5)]
        lines = [f"{i:4d}  {a:{width[0]}}  {b:{width[1]}}  {c:{width[2]}}  {d:>{width[3]}}  {e:>{width[4]}}".rstrip()
                 for i, (a, b, c, d, e) in enumerate(rows)]
        hosts = f", {len(self.host_calls)} of them Python" if self.host_calls else ""
        return "\n".join([*lines, f"total {self.length} calls{hosts}, {scaled(bytes_, 'B')} read and written, "
                                  f"{scaled(operations, 'FLOP')} in products"])


cdef object root_of(array):
    """The array whose memory this one shows."""
    while isinstance(array.base, cnp.ndarray):
        array = array.base
    return array


cdef bint in_arena(fg_pool *arena, array) noexcept:
    """Whether an array that is no view owns a block of this arena."""
    cdef PyArrayObject *a = <PyArrayObject *><PyObject *>array
    return arena != NULL and fg_is_ours(a) and fg_pool_has(arena, PyArray_DATA(a))


cdef str scaled(double value, str unit):
    """``1234567, "B"`` to ``"1.23 MB"``."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * factor:
            value /= factor
            return f"{value:.3g} {prefix}{unit}" if value < 999.5 else f"{value:.0f} {prefix}{unit}"
    return f"{value:.0f} {unit}"


cdef str shape_of(value):
    if isinstance(value, cnp.ndarray):
        return str(value.shape)
    return f"{value:g}" if isinstance(value, float) else str(value)


cdef str kernel_flow(Kernel kernel, PyObject **argv, object result, fg_call *call):
    """The shapes a call reads -> the shapes it writes; what is written in place by name."""
    cdef int i, mode
    cdef bint lists = False
    read, changed = [], []
    for i in range(kernel.params):
        if kernel.param[i].kind != ARRAY or argv[i] == NULL:
            continue
        mode = kernel.slot[kernel.param[i].index].mode
        if kernel.slot[kernel.param[i].index].own:
            continue
        lists = lists or (kernel.listed and not PyArray_Check(argv[i]))
        if mode != WRITE:
            read.append(kernel.names[i] if lists else shape_of(<object>argv[i]))
        if mode == BOTH:
            changed.append(kernel.names[i])
    written = [shape_of(a) for a in (result if isinstance(result, tuple) else (result,)) if a is not None]
    count = f": {call.tensors} tensors, {fg_elements(call)} elements" if lists else ""
    return f"{', '.join(read)}{count} -> {', '.join(changed or written)}"


cdef tuple host_flow(Host host):
    """The same of a call of Python, and the dtype of its first array."""
    arrays = [*host.results, *host.given]
    read = ", ".join([shape_of(a) for a in host.given])
    written = ", ".join([shape_of(a) for a in host.results])
    return f"{read} -> {written}".strip(), str(arrays[0].dtype) if arrays else ""


cdef int64_t host_bytes(Host host):
    made = [a for a, is_argument in zip(host.results, host.returned) if not is_argument]
    return sum([a.nbytes for a in [*host.given, *made]])


def recording():
    """The Program this thread records into, or None."""
    return <object>fg_tls.program if fg_tls.program != NULL else None
