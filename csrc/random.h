/* Philox4x32-10: random words as a function of a key and a counter (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", 2011). A round, of a counter c and a key k:
 *
 *     c0, c1, c2, c3  =  hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0);    k0 += W0,  k1 += W1
 *
 * Read once for each instruction set and dtype. A word lives in the lower half of a lane of 64 bits, so one
 * multiplication gives hi and lo; what is left in an upper half is never read. That multiplication, of the lower halves
 * of lanes, is what compilers do not find in C, and has a spelling for each instruction set. All else is the vector
 * arithmetic of gcc and clang.
 */
typedef uint64_t FG(lanes) __attribute__((vector_size(FG_VECTOR_BYTES), aligned(4), may_alias));

#if FG_VECTOR_BYTES == 64
#define FG_MUL32(a, b) ((FG(lanes))_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#elif FG_VECTOR_BYTES == 32
#define FG_MUL32(a, b) ((FG(lanes))_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#elif defined(__SSE2__)
#define FG_MUL32(a, b) ((FG(lanes))_mm_mul_epu32((__m128i)(a), (__m128i)(b)))
#elif defined(__ARM_NEON)
#define FG_MUL32(a, b) ((FG(lanes))vmull_u32(vmovn_u64((uint64x2_t)(a)), vmovn_u64((uint64x2_t)(b))))
#else
#define FG_MUL32(a, b) (((a) & UINT32_MAX) * ((b) & UINT32_MAX))
#endif

/* Words of the counters `first`, `first` + 1, ... (64 bits in c0 and c1; c2 and c3 are the stream), 64 to a block of 16
 * counters: word 16 w + j is word w of counter j. n is a multiple of 64. Two counters side by side, 2 l and 2 l + 1, are
 * the two chains A and B, and the halves of a lane of the result. */
static FG_INLINE void FG(random_words)(uint32_t *out, int64_t n, uint32_t key0, uint32_t key1, uint64_t stream,
                                       uint64_t first) {
    enum { LANES = FG_VECTOR_BYTES / 8 };
    const FG(lanes) zero = {0}, m0 = zero + 0xD2511F53u, m1 = zero + 0xCD9E8D57u, low = zero + UINT32_MAX;
    FG(lanes) even = zero;
    for (int l = 0; l < LANES; l++) even[l] = 2 * (uint64_t)l;
    for (int64_t i = 0; i < n; i += FG_RANDOM_BLOCK)
        for (int q = 0; q < 8 / LANES; q++) {
            FG(lanes) a0 = even + (first + (uint64_t)(i / 4 + 2 * LANES * q)), b0 = a0 + 1;
            FG(lanes) a1 = a0 >> 32, b1 = b0 >> 32;
            FG(lanes) a2 = zero + stream, a3 = a2 >> 32, b2 = a2, b3 = a3;
            FG(lanes) k0 = zero + key0, k1 = zero + key1;
            for (int round = 0; round < 10; round++) {
                FG(lanes) p = FG_MUL32(a0, m0), q0 = FG_MUL32(b0, m0), r = FG_MUL32(a2, m1), s = FG_MUL32(b2, m1);
                a0 = (r >> 32) ^ a1 ^ k0, a1 = r, a2 = (p >> 32) ^ a3 ^ k1, a3 = p;
                b0 = (s >> 32) ^ b1 ^ k0, b1 = s, b2 = (q0 >> 32) ^ b3 ^ k1, b3 = q0;
                k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
            }
            uint32_t *to = out + i + 2 * LANES * q;
            *(FG(lanes) *)to = (a0 & low) | b0 << 32;
            *(FG(lanes) *)(to + 16) = (a1 & low) | b1 << 32;
            *(FG(lanes) *)(to + 32) = (a2 & low) | b2 << 32;
            *(FG(lanes) *)(to + 48) = (a3 & low) | b3 << 32;
        }
}

#undef FG_MUL32
