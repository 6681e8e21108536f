# cython: language_level=3, boundscheck=False, cdivision=True, initializedcheck=False
"""The only compiled module: the binding between Python and the C kernels, and all their state.

One generic binding serves every row of csrc/kernels.def. A `Kernel` is called like its reference function; it reads its
row's slots, checks each array (dtype, shape, contiguity, writability), fills one `fg_call` and sends it through the one
door, `fg_launch`. It never copies what will be written. Four things may happen on the way:

* inside ``kernels.use("reference")``, or for a dtype the kernels do not serve, the reference function runs instead;
* while a step is being captured, the call is also appended to the `Program`; a reference function that runs then
  becomes a call of Python in it;
* while a profiler is on, the call's times are written down;
* when the call is long enough, the GIL is given up while it runs.

READ IN THIS ORDER: the state of a thread and arrays from the pool (here), kernel.pxi (gather, bind_*), arrays.pxi,
broadcast.pxi and each.pxi (what binding needs), call.pxi (bind, launch, record), program.pxi and host.pxi (replay,
calls of Python), trace.pxi (what a profiler sees).
"""
import operator
import os
import time

import numpy as np

cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

cnp.import_array()

cdef extern from "Python.h":
    int PyFloat_Check(PyObject *o)
    int PyLong_Check(PyObject *o)
    int PyList_Check(PyObject *o)
    int PyObject_TypeCheck(PyObject *o, PyTypeObject *type)
    int PyTuple_Check(PyObject *o)
    double PyFloat_AsDouble(PyObject *o) except? -1.0
    object PyObject_Vectorcall(object f, PyObject **args, size_t nargsf, PyObject *kwnames)
    int Py_IsTrue "PyObject_IsTrue"(PyObject *o) except -1
    PyObject *PyTuple_GET_ITEM(PyObject *t, Py_ssize_t i)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *t)
    int PyUnicode_Compare(PyObject *a, PyObject *b) except? -1
    void Py_INCREF(PyObject *o)
    void Py_XDECREF(PyObject *o)
    object PyCapsule_New(void *pointer, const char *name, void *destructor)
    void PyType_Modified(PyTypeObject *t)
    const size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    const unsigned long Py_TPFLAGS_HAVE_VECTORCALL
    object PyVectorcall_Call(object f, object args, object kwargs)

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyArrayObject:
        pass
    ctypedef struct PyArrayObject_fields:
        PyObject *mem_handler
    int PyArray_Check(PyObject *o)
    int PyArray_CheckScalar(PyObject *o)
    int PyArray_TYPE(PyArrayObject *a)
    int PyArray_FLAGS(PyArrayObject *a)
    int PyArray_NDIM(PyArrayObject *a)
    cnp.npy_intp *PyArray_DIMS(PyArrayObject *a)
    cnp.npy_intp *PyArray_STRIDES(PyArrayObject *a)
    cnp.npy_intp PyArray_SIZE(PyArrayObject *a)
    int PyArray_ITEMSIZE(PyArrayObject *a)
    int PyArray_ISNOTSWAPPED(PyArrayObject *a)
    void *PyArray_DATA(PyArrayObject *a)
    PyTypeObject PyComplexFloatingArrType_Type
    int NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_ALIGNED, NPY_ARRAY_WRITEABLE, NPY_ARRAY_OWNDATA, NPY_ARRAY_CARRAY
    int NPY_FLOAT, NPY_DOUBLE, NPY_INT64, NPY_UINT8, NPY_BOOL
    int NPY_MAXDIMS

cdef extern from "fastgrad.h" nogil:
    enum:
        FG_PTRS
        FG_SIZES
        FG_DIMS
        FG_SCALARS
        FG_KERNELS
        FG_F32
        FG_F64
        FG_ISAS
        FG_MAP
        FG_REDUCE
        FG_LINES
        FG_ROWS
        FG_INDEX
        FG_TILES
        FG_EACH
        FG_RULE
    ctypedef struct fg_blas:
        int ilp64
        char *prefix
        char *suffix
        char *core
        char *config
    ctypedef union fg_number:
        float f32
        double f64
    ctypedef struct fg_call:
        int32_t kernel, dtype, isa, threads, ndim, status, tensors, numbers
        int64_t work
        int64_t *size
        int64_t **stride
        double *scalar
        void **ptr
        fg_number *number
        void *scratch
        const fg_blas *library
    ctypedef struct fg_tensor:
        int64_t start, n, block
        void **ptr
    ctypedef struct fg_row:
        const char *family
        const char *name
        int unit
        double cost
        const char *signature
        const char *errors
    const fg_row *fg_rows

cdef extern from "rule.h" nogil:
    enum:
        FG_BLOCK
        FG_SHARED
        FG_zero

cdef extern from "team.h" nogil:
    ctypedef struct fg_team:
        pass

cdef extern from "launch.h" nogil:
    ctypedef struct fg_event:
        int64_t start, end, bytes, flops
        int64_t *size
        int32_t kernel, dtype, ndim, threads, replayed
    ctypedef struct fg_trace:
        fg_event *events
        int64_t count, capacity, lost
        int64_t (*bytes)(const fg_call *call)
    void fg_launch(fg_team *team, fg_call *call, fg_trace *trace)
    int64_t fg_replay(fg_team *team, fg_call *calls, int64_t n, fg_trace *trace)
    int64_t fg_elements(const fg_call *call)
    int64_t fg_flops(const fg_call *call)
    int64_t fg_now()
    double fg_cost(const fg_call *call)
    int fg_threads_available()
    int fg_has_openmp()
    enum:
        FG_NO_MEMORY

cdef extern from "blas.h" nogil:
    int fg_blas_open(fg_blas *blas, const char *path, char *why, size_t size)

cdef extern from "cpu.h" nogil:
    int fg_cpu_isa()
    int fg_cpu_count()

cdef extern from "pool.h" nogil:
    ctypedef struct fg_pool:
        size_t used, kept, cap, arenas
    void *fg_pool_get(fg_pool *pool, size_t bytes)
    int fg_pool_has(const fg_pool *pool, const void *block)
    void fg_pool_empty(fg_pool *pool)
    fg_pool *fg_arena_new(fg_pool *parent)
    void fg_arena_seal(fg_pool *pool)
    void fg_arena_leave(fg_pool *pool)

# ---------------------------------------------------------------------------------------------------------------------
# State. Everything that changes lives here: the switch of each thread, the pool, the BLAS.
# ---------------------------------------------------------------------------------------------------------------------
cdef extern from *:
    """
    #include <pthread.h>
    #include <numpy/arrayobject.h>
    #include "blas.h"
    #include "launch.h"
    #include "pool.h"

    typedef struct {
        int reference;  /* run reference functions; -1: as the process does */
        int isa;        /* -1: the process's */
        int threads;    /* 0: the process's */
        void *program;  /* the Program being recorded, borrowed */
        fg_pool *arena; /* its own pool; NULL: results come from that of all */
        void *tracer;   /* the Trace that owns `trace` */
        fg_trace *trace; /* where calls are written down; NULL: nowhere */
    } fg_switch;
    static _Thread_local fg_switch fg_tls = {-1, -1, 0, NULL, NULL, NULL, NULL};

    static fg_pool fg_results;
    static fg_blas fg_library;
    static fg_team fg_workers;

    /* NumPy's per-array memory handler (NEP 49): a result is an ordinary array that owns its block of the pool. */
    static void *fg_np_malloc(void *pool, size_t n) { return fg_pool_get((fg_pool *)pool, n); }
    static void *fg_np_calloc(void *pool, size_t n, size_t size) {
        void *block = fg_pool_get((fg_pool *)pool, n * size);
        if (block) memset(block, 0, n * size);
        return block;
    }
    static void fg_np_free(void *pool, void *block, size_t n) { (void)pool, (void)n; fg_pool_put(block); }
    static void *fg_np_realloc(void *pool, void *block, size_t n) {
        if (block && fg_pool_size(block) >= n) return block;
        void *fresh = fg_pool_get((fg_pool *)pool, n);
        if (fresh && block) {
            memcpy(fresh, block, fg_pool_size(block) < n ? fg_pool_size(block) : n);
            fg_pool_put(block);
        }
        return fresh;
    }
    static PyDataMem_Handler fg_handler = {
        "fastgrad_pool", 1, {&fg_results, fg_np_malloc, fg_np_calloc, fg_np_realloc, fg_np_free}};

    static PyObject *fg_new_array(int typenum, int ndim, npy_intp *dims, void *block, PyObject *capsule) {
        PyObject *array = PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(typenum), ndim, dims, NULL, block,
                                               NPY_ARRAY_CARRAY, NULL);
        if (!array) {
            fg_pool_put(block);
            return NULL;
        }
        PyArray_ENABLEFLAGS((PyArrayObject *)array, NPY_ARRAY_OWNDATA);
        Py_INCREF(capsule);
        ((PyArrayObject_fields *)array)->mem_handler = capsule;
        return array;
    }

    /* Whether an array owns a block of a pool. */
    static int fg_is_ours(PyArrayObject *array) {
        PyObject *capsule = ((PyArrayObject_fields *)array)->mem_handler;
        return PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA) && capsule &&
               PyCapsule_GetPointer(capsule, "mem_handler") == &fg_handler;
    }

    /* Workers do not survive fork(), and a child would wait for ever: they end before it and start when needed. */
    static void fg_before_fork(void) { fg_team_before_fork(&fg_workers); }
    static void fg_after_fork(void) { fg_team_after_fork(&fg_workers); }
    static void fg_start(void) {
        fg_team_init(&fg_workers);
        pthread_atfork(fg_before_fork, fg_after_fork, fg_after_fork);
    }

    static void fg_make_vectorcall(PyObject *type, Py_ssize_t offset) {
        PyTypeObject *t = (PyTypeObject *)type;
        t->tp_vectorcall_offset = offset;
        t->tp_call = PyVectorcall_Call;
        t->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(t);
    }
    """
    ctypedef struct fg_switch:
        int reference, isa, threads
        void *program
        fg_pool *arena
        void *tracer
        fg_trace *trace
    fg_switch fg_tls
    fg_pool fg_results
    fg_blas fg_library
    fg_team fg_workers
    void *fg_handler_address "(&fg_handler)"
    object fg_new_array(int typenum, int ndim, cnp.npy_intp *dims, void *block, PyObject *capsule)
    bint fg_is_ours(PyArrayObject *array)
    void fg_start()
    void fg_make_vectorcall(PyObject *type, Py_ssize_t offset)

MOST_THREADS = 1024
ISA_NAMES = ("baseline", "avx2", "avx512")
cdef int process_isa = fg_cpu_isa()
cdef int process_reference = 0
cdef int process_threads = 0            # 0: not asked yet
cdef bint blas_decided = False          # the first product decides
cdef bint blas_present = False
cdef object blas_choice = None          # what `choose_blas` was told: a path, "builtin", or None
cdef object handler_capsule = PyCapsule_New(fg_handler_address, "mem_handler", NULL)
fg_start()


class DtypeError(TypeError):
    """Arrays of different dtypes where a kernel needs one; the message names them."""


class CaptureError(RuntimeError):
    """A step did something that cannot be recorded; the message names it and says what to do instead."""


cdef inline bint runs_reference() noexcept:
    return fg_tls.reference > 0 or (fg_tls.reference < 0 and process_reference)


cdef inline int current_isa() noexcept:
    return fg_tls.isa if fg_tls.isa >= 0 else process_isa


cdef inline int current_threads() noexcept:
    global process_threads
    if fg_tls.threads:
        return fg_tls.threads
    if process_threads == 0:
        process_threads = fg_threads_available()
    return process_threads


def get_switch():
    """``(reference, isa, threads)`` of this thread; -1, -1 and 0 mean the process's."""
    return fg_tls.reference, fg_tls.isa, fg_tls.threads


def set_switch(int reference, int isa, int threads):
    if isa > fg_cpu_isa() or isa < -1:
        raise ValueError(f"this machine does not run {ISA_NAMES[isa] if 0 <= isa < FG_ISAS else isa}; "
                         f"it runs {', '.join(ISA_NAMES[:fg_cpu_isa() + 1])}")
    if not 0 <= threads <= MOST_THREADS:
        raise ValueError(f"threads must be from 1 to {MOST_THREADS}, not {threads}")
    fg_tls.reference, fg_tls.isa, fg_tls.threads = reference, isa, threads


def machine_isa():
    return fg_cpu_isa()


def set_process_reference(bint on):
    global process_reference
    process_reference = on


def set_process_isa(int isa):
    global process_isa
    process_isa = isa


def current_state():
    """What a call on this thread would run with: ``(reference, isa, threads)``."""
    return bool(runs_reference()), current_isa(), current_threads()


def set_num_threads(int n):
    """The largest team a kernel may use, for the whole process. Never changes a result."""
    global process_threads
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(f"set_num_threads: n must be from 1 to {MOST_THREADS}, not {n}")
    process_threads = n


def get_num_threads():
    return current_threads()


def processors():
    """Processors this process may use: affinity and cgroup quota, the smaller."""
    return fg_cpu_count()


def has_openmp():
    return bool(fg_has_openmp())


def choose_blas(choice):
    """What the first product will open: a path, ``"builtin"``, or None for the built-in product."""
    global blas_choice, blas_decided, blas_present
    blas_choice, blas_decided, blas_present = choice, False, False


cdef int open_blas() except -1:
    global blas_decided, blas_present
    cdef char why[512]
    if blas_choice is not None and blas_choice != "builtin":
        path = os.fsencode(blas_choice)
        memset(&fg_library, 0, sizeof(fg_blas))
        if fg_blas_open(&fg_library, path, why, sizeof(why)) != 0:
            raise ImportError((<bytes>why).decode(errors="replace"))
        blas_present = True
    blas_decided = True
    return 0


def blas_info():
    """Opens the BLAS if no product has yet. A dict: library, core, prefix, suffix, ilp64, config."""
    if not blas_decided:
        open_blas()
    if not blas_present:
        return {"library": "builtin", "core": "", "prefix": "", "suffix": "", "ilp64": False, "config": ""}
    return {"library": os.fspath(blas_choice), "core": (<bytes>fg_library.core).decode(),
            "prefix": (<bytes>fg_library.prefix).decode(), "suffix": (<bytes>fg_library.suffix).decode(),
            "ilp64": bool(fg_library.ilp64), "config": (<bytes>fg_library.config).decode()}


# ---------------------------------------------------------------------------------------------------------------------
# Arrays from the pool.
# ---------------------------------------------------------------------------------------------------------------------
cdef object new_array(int typenum, int ndim, cnp.npy_intp *dims, fg_pool *pool):
    """An uninitialised C-contiguous array that owns a block of the pool."""
    cdef size_t itemsize = 4 if typenum == NPY_FLOAT else 1 if typenum == NPY_BOOL or typenum == NPY_UINT8 else 8
    cdef double about = <double>itemsize
    cdef size_t count = 1
    cdef int i
    for i in range(ndim):
        count *= <size_t>dims[i]
        about *= <double>dims[i]
    if about > 2.0**62:
        raise MemoryError(f"no memory for an array of shape {tuple([dims[i] for i in range(ndim)])}")
    cdef void *block = fg_pool_get(pool, count * itemsize)
    if block == NULL:
        raise MemoryError(f"no memory for an array of {count * itemsize} bytes")
    return fg_new_array(typenum, ndim, dims, block, <PyObject *>handler_capsule)


cdef inline fg_pool *pool_of_results() noexcept:
    return fg_tls.arena if fg_tls.arena != NULL else &fg_results


cdef object empty_in(fg_pool *pool, shape, dtype):
    cdef cnp.npy_intp dims[32]
    cdef int i, typenum = cnp.dtype(dtype).num
    if typenum not in (NPY_FLOAT, NPY_DOUBLE, NPY_INT64, NPY_BOOL) or not cnp.dtype(dtype).isnative:
        return np.empty(shape, dtype)
    if len(shape) > 32:
        raise ValueError(f"{len(shape)} dimensions are more than 32")
    for i in range(len(shape)):
        dims[i] = shape[i]
        if dims[i] < 0:
            raise ValueError(f"negative dimension in {tuple(shape)}")
    return new_array(typenum, <int>len(shape), dims, pool)


def empty(shape, dtype):
    """An uninitialised array from the pool (64-byte aligned); dtypes the kernels never make come from NumPy."""
    return empty_in(&fg_results, shape, dtype)


def output(shape, dtype):
    """`empty` for an array that kernels will write whole before anything is read: in a captured step its memory may be
    used for other arrays before and, when it is gone, afterwards. What NumPy writes into it a replay does not find."""
    return empty_in(pool_of_results(), shape, dtype)


def empty_cache():
    """Returns the pool's free blocks to the system."""
    fg_pool_empty(&fg_results)


def memory():
    """``{"used": bytes in arrays, "kept": bytes free but kept, "cap": the most that is kept, "captured": bytes of
    captured steps}``. A captured step has memory of its own, which goes with it."""
    return {"used": fg_results.used, "kept": fg_results.kept, "cap": fg_results.cap or (2 << 30),
            "captured": fg_results.arenas}


def set_memory_cap(size_t cap):
    """The most bytes of free large blocks that are kept; 0 keeps none. What is kept stays until `empty_cache`."""
    fg_results.cap = cap or 1           # 0 stands for the default there


include "arrays.pxi"
include "each.pxi"
include "kernel.pxi"
include "broadcast.pxi"
include "call.pxi"
include "trace.pxi"
include "host.pxi"
include "program.pxi"
