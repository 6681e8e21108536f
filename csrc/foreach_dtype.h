/* The inner half of foreach_isa.h: the family file again, for float and for double, on the instruction set FG_IS. */
#define FG_BODIES 1

#define T float
#define FG_DT f32
#define FG_IS_F32 1
#define FG_INT int32_t
#define FG_UINT uint32_t
#include FG_FAMILY
#undef T
#undef FG_DT
#undef FG_IS_F32
#undef FG_INT
#undef FG_UINT

#define T double
#define FG_DT f64
#define FG_IS_F32 0
#define FG_INT int64_t
#define FG_UINT uint64_t
#include FG_FAMILY
#undef T
#undef FG_DT
#undef FG_IS_F32
#undef FG_INT
#undef FG_UINT

#undef FG_BODIES
#undef FG_IS
#undef FG_FMA
#undef FG_VECTOR_BYTES
