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

/* The words of whole groups, from group `first` on. A group has 16 counters, 16 first, 16 first + 1, ... (64 bits, in c0
 * and c1; c2 and c3 are the stream) and 64 words: word 16 w + j of it is word w of its counter j. Two counters side by
 * side, 2 l and 2 l + 1, are the chains a and b, and the halves of a lane of the result. */
static FG_INLINE void FG(random_words)(void *out, int64_t groups, uint32_t key0, uint32_t key1, uint64_t stream,
                                       uint64_t first) {
    enum { LANES = FG_VECTOR_BYTES / 8 };
    const FG(lanes) zero = {0}, m0 = zero + 0xD2511F53u, m1 = zero + 0xCD9E8D57u, low = zero + UINT32_MAX;
    FG(lanes) even = zero;
    uint64_t k0[10], k1[10];
    for (int round = 0; round < 10; round++) {
        k0[round] = (uint32_t)(key0 + (uint32_t)round * 0x9E3779B9u);
        k1[round] = (uint32_t)(key1 + (uint32_t)round * 0xBB67AE85u);
    }
    for (int l = 0; l < LANES; l++) even[l] = 2 * (uint64_t)l;
    for (int64_t g = 0; g < groups; g++)
        for (int q = 0; q < 8 / LANES; q++) {
            FG(lanes) a0 = even + (16 * (first + (uint64_t)g) + (uint64_t)(2 * LANES * q)), b0 = a0 + 1;
            FG(lanes) a1 = a0 >> 32, b1 = b0 >> 32;
            FG(lanes) a2 = zero + stream, a3 = a2 >> 32, b2 = a2, b3 = a3;
            for (int round = 0; round < 10; round++) {
                FG(lanes) p = FG_MUL32(a0, m0), t = FG_MUL32(b0, m0), r = FG_MUL32(a2, m1), s = FG_MUL32(b2, m1);
                a0 = (r >> 32) ^ a1 ^ k0[round], a1 = r, a2 = (p >> 32) ^ a3 ^ k1[round], a3 = p;
                b0 = (s >> 32) ^ b1 ^ k0[round], b1 = s, b2 = (t >> 32) ^ b3 ^ k1[round], b3 = t;
            }
            uint32_t *to = (uint32_t *)out + g * FG_RANDOM_GROUP + 2 * LANES * q;
            *(FG(lanes) *)to = (a0 & low) | b0 << 32;
            *(FG(lanes) *)(to + 16) = (a1 & low) | b1 << 32;
            *(FG(lanes) *)(to + 32) = (a2 & low) | b2 << 32;
            *(FG(lanes) *)(to + 48) = (a3 & low) | b3 << 32;
        }
}

#undef FG_MUL32
