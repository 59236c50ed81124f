//: # For copies in pieces of 16 bytes or less.
// This work-item arrives when all copies that it has started are there.
static void arrive_when_copied(uint barrier_at)
{
    asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" : : "r"(barrier_at) : "memory");
}
