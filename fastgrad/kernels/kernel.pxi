# Kernel: one row of kernels.def as a Python callable. Included by _core.pyx.


cdef enum:
    READ = 0
    WRITE = 1
    BOTH = 2
    MAYBE = 3               # read; written too where the option `zero` of a rule is set
    ARRAY = 0
    SIZE = 1
    SCALAR = 2
    ARGUMENTS = 40
    LETTERS = 4
    STACK_TENSORS = 24

cdef struct Slot:
    int mode                # READ, WRITE, BOTH, MAYBE
    int optional
    int own                 # EACH, RULE: one array of the call itself, not one of each tensor
    int typenum             # a fixed NumPy dtype, or -1: the call's
    int ndim
    int letter[LETTERS]     # index into fg_call.size

cdef struct Param:
    int kind                # ARRAY, SIZE, SCALAR
    int index               # into slots, fg_call.size or fg_call.scalar
    int has_default
    double default


cdef class Kernel:
    """A kernel of kernels.def. Call it like its reference function: arrays in, arrays out."""

    cdef void *vectorcall                # first, and found by its offset
    cdef Slot slot[8]
    cdef Param param[ARGUMENTS]
    cdef int id, unit, slots, params, letters, written, first_written
    cdef int listed                      # EACH, RULE: slots of the tensors, which come first; 0 in other kernels
    cdef bint typed                      # every array slot has a dtype of its own
    cdef readonly str __name__, family, signature
    cdef readonly tuple names            # argument names in order
    cdef readonly tuple written_names    # the arrays a call changes or makes
    cdef object definition               # the same thing in NumPy, once it has been asked for
    cdef _Neighbours neighbours           # EACH: see each.pxi

    def __cinit__(self, int id):
        self.vectorcall = <void *>kernel_vectorcall
        self.id = id
        self.unit = fg_rows[id].unit
        self.__name__ = (<bytes>fg_rows[id].name).decode()
        self.family = (<bytes>fg_rows[id].family).decode()
        self.signature = (<bytes>fg_rows[id].signature).decode()
        self.first_written = -1
        self.parse()
        self.neighbours = _Neighbours()

    def parse(self):
        """Reads the row's signature; the grammar stands at the top of kernels.def."""
        letters, names, changed = [], [], []
        self.typed = True
        for item in split_signature(self.signature):
            param = &self.param[self.params]
            self.params += 1
            if "[" in item:
                name = self.parse_slot(item, letters)
                param.kind, param.index = ARRAY, self.slots - 1
                if self.slot[self.slots - 1].mode not in (READ, MAYBE):
                    changed.append(name)
            elif item.endswith("#"):
                name = item[:-1]
                if name not in letters:
                    letters.append(name)
                param.kind, param.index = SIZE, letters.index(name)
            else:
                name, _, default = item.partition("=")
                param.kind = SCALAR
                param.index = 1 + max([self.param[i].index for i in range(self.params - 1)
                                       if self.param[i].kind == SCALAR], default=-1)
                if self.unit == FG_RULE and name == "weight_decay":     # the first of what all rules share
                    param.index = FG_SHARED
                param.has_default = bool(default)
                param.default = float(default or 0)
            names.append(name)
        self.names, self.letters, self.written_names = tuple(names), len(letters), tuple(changed)

    cdef parse_slot(self, str item, list letters):
        cdef Slot *slot = &self.slot[self.slots]
        self.slots += 1
        mark, item = (item[0], item[1:]) if item[0] in "=>?~+" else ("", item)
        slot.mode = {"=": BOTH, ">": WRITE, "+": BOTH, "~": MAYBE}.get(mark, READ)
        slot.optional = mark in ("?", "+")
        name, dims = item[:-1].split("[")
        name, _, dtype = name.partition(":")
        slot.typenum = {"": -1, "i64": NPY_INT64, "u8": NPY_BOOL, "f32": NPY_FLOAT, "f64": NPY_DOUBLE}[dtype]
        self.typed = self.typed and slot.typenum >= 0
        slot.own = self.lists() and dims != "n"
        self.listed += self.lists() and not slot.own
        slot.ndim = 0
        if dims != "*":
            for letter in dims.split(","):
                if letter not in letters:
                    letters.append(letter)
                slot.letter[slot.ndim] = letters.index(letter)
                slot.ndim += 1
        self.written += slot.mode not in (READ, MAYBE)
        if slot.mode == WRITE and self.first_written < 0:
            self.first_written = self.slots - 1
        return name

    cdef bint lists(self):
        """Whether a call serves a list of tensors."""
        return self.unit == FG_EACH or self.unit == FG_RULE

    @property
    def defaults(self):
        """Argument name to default: a number, or None for arrays that may be left out."""
        cdef Param *param
        cdef int i
        found = {}
        for i, name in enumerate(self.names):
            param = &self.param[i]
            if param.kind == SCALAR and param.has_default:
                found[name] = param.default
            elif param.kind == ARRAY and (self.slot[param.index].mode == WRITE or self.slot[param.index].optional):
                found[name] = None
        return found

    @property
    def __module__(self):
        return "fastgrad.kernels"

    @property
    def __doc__(self):
        return self.reference.__doc__

    @property
    def __wrapped__(self):
        return self.reference

    cdef int scalars(self):
        """How many double scalars the row has."""
        cdef int i
        return sum(1 for i in range(self.params) if self.param[i].kind == SCALAR)

    @property
    def reference(self):
        """The same thing in NumPy. The definitions are loaded when one is first asked for: an import is short."""
        if self.definition is None:
            from fastgrad.kernels import reference
            self.definition = reference.KERNELS[self.__name__]
        return self.definition

    def attach(self, definition):
        """Puts another definition in its place, for tests."""
        self.definition = definition

    def __repr__(self):
        return f"<kernel {self.__name__}({self.signature})>"

    def __reduce__(self):
        return kernel_by_name, (self.__name__,)

    # -- gather: the arguments of a call, by position and by name ------------------------------------------------------
    cdef int gather(self, PyObject **args, Py_ssize_t n, PyObject *kwnames, PyObject **argv) except -1:
        cdef Py_ssize_t i, j
        cdef PyObject *name
        if n > self.params:
            raise TypeError(f"{self.__name__} takes {self.params} arguments ({', '.join(self.names)}), {n} were given")
        for i in range(self.params):
            argv[i] = args[i] if i < n else NULL
        if kwnames != NULL:
            for j in range(PyTuple_GET_SIZE(kwnames)):
                name = PyTuple_GET_ITEM(kwnames, j)
                for i in range(self.params):
                    if <PyObject *>self.names[i] == name or PyUnicode_Compare(<PyObject *>self.names[i], name) == 0:
                        break
                else:
                    raise TypeError(f"{self.__name__} has no argument {<object>name!r}; "
                                    f"it takes {', '.join(self.names)}")
                if argv[i] != NULL:
                    raise TypeError(f"{self.__name__} got {<object>name!r} twice")
                argv[i] = args[n + j]
        for i in range(self.params):
            if argv[i] == <PyObject *>None:
                argv[i] = NULL
        return 0

    cdef int numbers(self, PyObject **argv, fg_call *call) except -1:
        """Sizes given as integers, and scalars."""
        cdef int i
        cdef Param *param
        for i in range(self.params):
            param = &self.param[i]
            if param.kind == SCALAR:
                if argv[i] != NULL:
                    call.scalar[param.index] = (
                        PyFloat_AsDouble(argv[i]) if PyFloat_Check(argv[i]) else self.number(i, argv[i]))
                elif param.has_default:
                    call.scalar[param.index] = param.default
                else:
                    raise TypeError(f"{self.__name__} needs {self.names[i]}")
            elif param.kind == SIZE:
                if argv[i] == NULL:
                    raise TypeError(f"{self.__name__} needs {self.names[i]}")
                try:
                    call.size[param.index] = operator.index(<object>argv[i])
                except (TypeError, OverflowError):
                    raise TypeError(f"{self.__name__}: {self.names[i]} must be an integer of 64 bits, "
                                    f"not {<object>argv[i]!r}") from None
                if call.size[param.index] < 0:
                    raise ValueError(f"{self.__name__}: {self.names[i]} must not be negative")
        return 0

    cdef double number(self, int i, PyObject *o) except? -1.0:
        """Argument i, which is no Python float, as a double."""
        if not PyObject_TypeCheck(o, &PyComplexFloatingArrType_Type):
            try:
                return PyFloat_AsDouble(o)
            except (TypeError, ValueError, OverflowError):
                pass
        raise TypeError(f"{self.__name__}: {self.names[i]} must be a number a double can hold, "
                        f"not one of type {type(<object>o).__name__}")

    cdef int dtype_of(self, PyObject **argv) except -2:
        """The dtype all float arrays of a call share; -1: none is of a dtype the kernels serve."""
        cdef int i, found = -1, this
        cdef bint other = False, empty = False
        cdef PyObject *o
        if self.typed:
            return self.dtype_of_typed(argv)
        for i in range(self.params):
            o = argv[i]
            if o == NULL or self.param[i].kind != ARRAY or self.slot[self.param[i].index].typenum >= 0:
                continue
            if self.listed and (PyList_Check(o) or PyTuple_Check(o)):
                if len(<object>o) == 0:
                    empty = True
                    continue
                o = <PyObject *>((<object>o)[0])          # the list keeps it alive
            if PyArray_Check(o):
                this = array_dtype(o)
                if this < 0:
                    other = True
                elif found >= 0 and this != found:
                    raise DtypeError(self.mixed(argv))
                else:
                    found = this
        if other and found >= 0:
            raise DtypeError(self.mixed(argv))
        return FG_F32 if empty and found < 0 and not other else found   # no tensors are of any dtype

    cdef int dtype_of_typed(self, PyObject **argv):
        """Where every slot has a dtype: any. -1, so NumPy's: no arrays, or one C does not serve in a float slot."""
        cdef int i, typenum, found = -1
        for i in range(self.params):
            if argv[i] == NULL or self.param[i].kind != ARRAY or not PyArray_Check(argv[i]):
                continue
            typenum = self.slot[self.param[i].index].typenum
            if (typenum == NPY_FLOAT or typenum == NPY_DOUBLE) and array_dtype(argv[i]) < 0:
                return -1
            found = FG_F32
        return found

    cdef int typenum_of(self, int s, fg_call *call) noexcept:
        """The NumPy dtype of slot s in this call."""
        if self.slot[s].typenum >= 0:
            return self.slot[s].typenum
        return NPY_FLOAT if call.dtype == FG_F32 else NPY_DOUBLE

    # -- errors --------------------------------------------------------------------------------------------------------
    cdef str describe(self, PyObject **argv, bint dtypes):
        parts = []
        for i, name in enumerate(self.names):
            if argv[i] == NULL or self.param[i].kind != ARRAY:
                continue
            value = <object>argv[i]
            if isinstance(value, cnp.ndarray):
                parts.append(f"{name} {described(value, dtypes)}")
            elif isinstance(value, (list, tuple)):
                parts.append(f"{name} [{', '.join(described(v, dtypes) for v in value)}]")
        return ", ".join(parts)

    cdef str slot_name(self, int s):
        for i, name in enumerate(self.names):
            if self.param[i].kind == ARRAY and self.param[i].index == s:
                return name

    cdef str mixed(self, PyObject **argv):
        return (f"{self.__name__}: the arrays have different dtypes ({self.describe(argv, True)}); "
                f"convert one of them, for example with .astype or Tensor.to")

    cdef str unfit(self, PyObject **argv):
        return (f"{self.__name__}: the shapes do not fit: {self.describe(argv, False)}; "
                f"the kernel takes {self.signature}")

    cdef object writable(self, str name, PyArrayObject *a, bint need_contiguous):
        if not PyArray_FLAGS(a) & NPY_ARRAY_WRITEABLE:
            raise ValueError(f"{self.__name__}: {name} is read-only and would be written; pass a writable array")
        if need_contiguous and not contiguous(a):
            raise ValueError(f"{self.__name__}: {name} would be written and is not C-contiguous "
                             f"(shape {(<object>a).shape}, strides {(<object>a).strides}); "
                             f"pass numpy.ascontiguousarray({name})")

    cdef PyArrayObject *array(self, int i, PyObject **argv, int dtype) except NULL:
        """Argument i as an array of the dtype its slot asks for."""
        cdef int want = self.slot[self.param[i].index].typenum
        cdef PyObject *o = argv[i]
        if not PyArray_Check(o):
            raise TypeError(f"{self.__name__}: {self.names[i]} must be a numpy array, not {type(<object>o).__name__}")
        if want < 0:
            want = NPY_FLOAT if dtype == FG_F32 else NPY_DOUBLE
        if PyArray_TYPE(<PyArrayObject *>o) != want or not PyArray_ISNOTSWAPPED(<PyArrayObject *>o):
            if self.slot[self.param[i].index].typenum < 0:
                raise DtypeError(self.mixed(argv))
            raise TypeError(f"{self.__name__}: {self.names[i]} must be {cnp.PyArray_DescrFromType(want)}, "
                            f"not {(<object>o).dtype}")
        return <PyArrayObject *>o

    # -- MAP: broadcasting ---------------------------------------------------------------------------------------------
    cdef object bind_map(self, PyObject **argv, fg_call *call):
        cdef PyArrayObject *operand[8]
        cdef PyArrayObject *first = NULL
        cdef bint simple = True
        cdef int i, s
        cdef PyObject *o
        for i in range(self.params):
            if self.param[i].kind != ARRAY:
                continue
            s, o = self.param[i].index, argv[i]
            operand[s] = NULL
            if o == NULL:
                if self.slot[s].mode != WRITE:
                    raise TypeError(f"{self.__name__} needs {self.names[i]}")
            elif self.slot[s].mode == READ and self.slot[s].typenum < 0 and is_number(o):
                set_number(call, s, PyFloat_AsDouble(o) if PyFloat_Check(o) else self.number(i, o))
            else:
                operand[s] = self.array(i, argv, call.dtype)
                if self.slot[s].mode != READ:
                    self.writable(self.names[i], operand[s], False)
                if first == NULL:
                    first = operand[s]
                elif simple and not same_shape(first, operand[s]):
                    simple = False
                if simple and not contiguous(operand[s]):
                    simple = False
        if first == NULL:
            raise TypeError(f"{self.__name__} needs at least one array")
        if simple:
            return self.bind_flat(operand, first, call)
        return bind_broadcast(self, operand, argv, call)

    cdef object bind_flat(self, PyArrayObject **operand, PyArrayObject *first, fg_call *call):
        """Every array contiguous and of one shape: one dimension, strides 1 (0 for a number)."""
        cdef object out = None, kept = None
        cdef int s
        cdef bint given = True
        for s in range(self.slots):
            if operand[s] == NULL and not (call.numbers >> s & 1):
                out = new_array(self.typenum_of(s, call), PyArray_NDIM(first), PyArray_DIMS(first),
                                pool_of_results())
                operand[s] = <PyArrayObject *><PyObject *>out
                given = False
            if operand[s] != NULL:
                call.ptr[s] = PyArray_DATA(operand[s])
                call.stride[s][0] = 1
        call.ndim = 1
        call.work = call.size[0] = PyArray_SIZE(first)
        if given:
            s = self.slots - 1 if self.first_written < 0 else self.first_written
            out = <object>operand[s]
            for i in range(self.slots):
                if i != s and operand[i] != NULL and collide(operand[i], operand[s]):
                    fresh = copied(operand[i])
                    kept = (kept, fresh)
                    call.ptr[i] = PyArray_DATA(<PyArrayObject *><PyObject *>fresh)
        return out if kept is None else (out, kept)

    # -- rows, reductions, products: shapes by letter ------------------------------------------------------------------
    cdef object bind_shaped(self, PyObject **argv, fg_call *call, list keep):
        cdef PyArrayObject *a
        cdef int64_t known = 0                      # bit mask of letters
        cdef int i, s, d, letter
        cdef object out = None, temporary
        cdef list outs = None
        for i in range(self.params):
            if self.param[i].kind == SIZE:
                known |= 1 << self.param[i].index
        for i in range(self.params):
            if self.param[i].kind != ARRAY or argv[i] == NULL:
                continue
            s = self.param[i].index
            a = self.array(i, argv, call.dtype)
            if PyArray_NDIM(a) != self.slot[s].ndim:
                raise ValueError(self.unfit(argv))
            for d in range(self.slot[s].ndim):
                letter = self.slot[s].letter[d]
                if not known >> letter & 1:
                    call.size[letter] = PyArray_DIMS(a)[d]
                    known |= 1 << letter
                elif call.size[letter] != PyArray_DIMS(a)[d]:
                    raise ValueError(self.unfit(argv))
            if self.slot[s].mode != READ:
                self.writable(self.names[i], a, True)
            elif self.unit == FG_TILES and self.slot[s].ndim >= 2:
                if not set_matrix(call, s, a):
                    temporary = copied(a)
                    keep.append(temporary)
                    a = <PyArrayObject *><PyObject *>temporary
                    set_matrix(call, s, a)
            elif not contiguous(a):
                temporary = copied(a)
                keep.append(temporary)
                a = <PyArrayObject *><PyObject *>temporary
            call.ptr[s] = PyArray_DATA(a)
        for i in range(self.params):
            if self.param[i].kind != ARRAY:
                continue
            s = self.param[i].index
            if argv[i] != NULL:
                if self.slot[s].mode == READ:
                    continue
                temporary = <object>argv[i]
                self.refuse_overlap(i, argv)
            elif self.slot[s].mode == WRITE:
                temporary = self.make(s, call)
                call.ptr[s] = PyArray_DATA(<PyArrayObject *><PyObject *>temporary)
            elif self.slot[s].optional:
                call.ptr[s] = NULL
                continue
            else:
                raise TypeError(f"{self.__name__} needs {self.names[i]}")
            if self.unit == FG_TILES:
                set_matrix(call, s, <PyArrayObject *><PyObject *>temporary)
            if self.written == 1:
                out = temporary
            else:
                if outs is None:
                    outs = []
                outs.append(temporary)
        if self.unit == FG_REDUCE and self.written == 2 and call.size[1] == 0:
            raise ValueError(f"{self.__name__}: an empty axis has no {self.__name__}: {self.describe(argv, False)}")
        set_work(call, self.letters)
        return out if outs is None else tuple(outs)

    cdef object make(self, int s, fg_call *call):
        cdef cnp.npy_intp dims[LETTERS]
        cdef int d
        for d in range(self.slot[s].ndim):
            dims[d] = call.size[self.slot[s].letter[d]]
        return new_array(self.typenum_of(s, call), self.slot[s].ndim, dims, pool_of_results())

    cdef int refuse_overlap(self, int i, PyObject **argv) except -1:
        cdef int j
        for j in range(self.params):
            if j != i and self.param[j].kind == ARRAY and argv[j] != NULL and overlap(
                    <PyArrayObject *>argv[i], <PyArrayObject *>argv[j]):
                raise ValueError(f"{self.__name__}: {self.names[i]} shares memory with {self.names[j]}; "
                                 f"pass an array of its own")
        return 0
