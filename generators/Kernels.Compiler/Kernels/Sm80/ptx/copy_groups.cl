// What was started since the last call is one group.
static void close_copies(void)
{
    asm volatile("cp.async.commit_group;");
}

// Waits until all groups but the last STAGES - 2 have arrived.
static void wait_copies(void)
{
    asm volatile("cp.async.wait_group %0;" : : "n"(STAGES - 2));
}
