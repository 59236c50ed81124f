// Copies from global to local memory that run by themselves (compute capability 9), and the barriers that tell of their end: a barrier has
// phases, each of which ends with so many arrivals and bytes.
static void init_barrier(uint barrier_at, uint arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(barrier_at), "r"(arrivals) : "memory");
}
static void arrive(uint barrier_at)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" : : "r"(barrier_at) : "memory");
}
static void wait_phase(uint barrier_at, uint parity)
{
    uint ended;
    do
    {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
            : "=r"(ended) : "r"(barrier_at), "r"(parity) : "memory");
    } while (!ended);
}
static void arrive_and_expect(uint barrier_at, uint bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(barrier_at), "r"(bytes) : "memory");
}
static void copy_bulk(uint to, global const void* from, uint bytes, uint barrier_at)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        : : "r"(to), "l"(from), "r"(bytes), "r"(barrier_at) : "memory");
}
