//: # Copies of many bytes by one work-item, which arrive at a barrier that counts bytes.
// This work-item arrives; the phase ends when so many bytes more have arrived.
static void arrive_and_expect(uint barrier_at, uint bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(barrier_at), "r"(bytes) : "memory");
}

// Starts the copy of a multiple of 16 bytes to local memory.
static void copy_bulk(uint to, global const void* from, uint bytes, uint barrier_at)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        : : "r"(to), "l"(from), "r"(bytes), "r"(barrier_at) : "memory");
}
