# Host: a call of Python inside a captured step. Included by _core.pyx.

cdef class Host:
    """A function and its arguments, called again at every replay; what it returns goes into the arrays recorded first.

    The recorded results are copies of what the function returned: it may keep its array, or have taken it from a table.
    Only an argument that is returned stays what it is.
    """

    cdef object function
    cdef readonly str name
    cdef readonly list arguments
    cdef readonly tuple given           # the arrays among the arguments
    cdef readonly tuple results         # the recorded arrays
    cdef tuple returned                 # of each, whether it is one of the arguments
    cdef Kernel kernel                  # whose reference the function is, or None

    def __cinit__(self, function, arguments, Kernel kernel):
        self.function, self.kernel = function, kernel
        self.name = function_name(function) if kernel is None else f"reference.{kernel.__name__}"
        self.arguments, flat = [], []
        for a in arguments:
            arrays = [x for x in (a if isinstance(a, (list, tuple)) else (a,)) if isinstance(x, cnp.ndarray)]
            self.arguments.append(list(a) if arrays and isinstance(a, list) else a)     # the caller may change his
            flat += arrays
        self.given = tuple(flat)

    cdef object first(self):
        """Calls the function and returns what the step goes on with."""
        found = self.function(*self.arguments)
        results = [self.keep(a) for a in arrays_of(found, self.name)]
        self.results = tuple(results)
        self.returned = tuple([any([a is b for b in self.given]) for a in results])
        if found is None:
            return None
        if not isinstance(found, (tuple, list)):
            return results[0]
        return type(found)(*results) if hasattr(found, "_fields") else type(found)(results)

    cdef object keep(self, a):
        for b in self.given:
            if a is b or (a.dtype == b.dtype and same_memory(a, b)):
                return b
        return np.array(a, copy=True, order="K", subok=False)

    cdef int again(self) except -1:
        """Calls the function and writes its results over the recorded ones."""
        found = arrays_of(self.function(*self.arguments), self.name)
        if len(found) != len(self.results):
            raise CaptureError(f"host call {self.name}: {len(self.results)} results when the step was captured, "
                               f"{len(found)} now; their number may not depend on values")
        for a, kept, is_argument in zip(found, self.results, self.returned):
            if a.shape != kept.shape or a.dtype != kept.dtype:
                raise CaptureError(
                    f"host call {self.name}: a result {kept.shape} {kept.dtype} when the step was captured, "
                    f"{a.shape} {a.dtype} now; the result's shape depends on values, and a captured step has one "
                    f"shape for each array: compute it outside the step, or pad it to a fixed shape")
            if not is_argument:
                np.copyto(kept, a)
            elif a.size and not same_memory(a, kept):
                raise CaptureError(f"host call {self.name}: it returned one of its arguments when the step was "
                                   f"captured, and does not now; let it return a copy")
        return 0

    cdef int set_scalars(self, values) except -1:
        cdef int i, given = 0, most = 0 if self.kernel is None else self.kernel.scalars()
        if len(values) > most:
            raise ValueError(f"{self.name} has {most} scalars, {len(values)} were given")
        if self.kernel is not None:
            for i in range(self.kernel.params):
                if self.kernel.param[i].kind == SCALAR and given < len(values):
                    self.arguments[i] = float(values[given])
                    given += 1
        return 0


cdef list complete_arguments(Kernel kernel, PyObject **argv):
    """All arguments of a kernel in order, defaults filled in; None if one is missing."""
    cdef Param *param
    cdef int i
    cdef list found = []
    for i in range(kernel.params):
        param = &kernel.param[i]
        if argv[i] != NULL:
            found.append(<object>argv[i])
        elif param.kind == SCALAR and param.has_default:
            found.append(param.default)
        elif param.kind == ARRAY and (kernel.slot[param.index].mode == WRITE or kernel.slot[param.index].optional):
            found.append(None)
        else:
            return None
    return found


cdef bint same_memory(a, b):
    return same_view(<PyArrayObject *><PyObject *>a, <PyArrayObject *><PyObject *>b)


cdef list arrays_of(found, name):
    """What a function has returned, as a list of arrays."""
    if found is None:
        return []
    several = found if isinstance(found, (tuple, list)) else (found,)
    for a in several:
        if not isinstance(a, (cnp.ndarray, np.generic)):
            raise TypeError(f"host call {name}: it returned {type(a).__name__}; a function called by kernels.host "
                            f"returns an array, a tuple of arrays, or None")
    return [np.asarray(a) for a in several]


cdef str function_name(function):
    while hasattr(function, "func"):                    # functools.partial
        function = function.func
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", type(function).__name__)
    module = "numpy" if isinstance(function, np.ufunc) else getattr(function, "__module__", None)
    return f"{module}.{name}" if module and module not in ("builtins", "__main__") else name


def call_host(function, arguments):
    """`kernels.host`: calls the function; while this thread records, every replay will call it too."""
    if fg_tls.program != NULL:
        return (<Program>fg_tls.program).call_host(Host(function, arguments, None))
    found = function(*arguments)
    results = arrays_of(found, function_name(function))
    if found is None:
        return None
    if not isinstance(found, (tuple, list)):
        return results[0]
    return type(found)(*results) if hasattr(found, "_fields") else type(found)(results)
