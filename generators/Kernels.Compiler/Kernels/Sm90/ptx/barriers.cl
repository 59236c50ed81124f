//: # Barriers in local memory that count arrivals, and copies that arrive at them.
static void init_barrier(uint barrier_at, uint arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(barrier_at), "r"(arrivals) : "memory");
}

static void arrive(uint barrier_at)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" : : "r"(barrier_at) : "memory");
}

// Waits for the end of the barrier's phase of this parity.
static void wait_phase(uint barrier_at, uint parity)
{
    uint ended;
    do
    {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
            : "=r"(ended) : "r"(barrier_at), "r"(parity) : "memory");
    } while (!ended);
}

// What was written to local memory before is seen by asynchronous products and copies after.
static void fence_asynchronous(void)
{
    asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
}
