//: # The descriptor of a matrix in local memory, and the order of products and registers.
// A matrix in local memory in panels of 128 bytes a row, pieces of 16 bytes swizzled within 8 rows.
static ulong matrix_at(uint address, uint panel_bytes)
{
    return (ulong)(address >> 4) | (ulong)(panel_bytes >> 4) << 16 | (ulong)(1024 >> 4) << 32 | 1UL << 62;
}

// Products that follow see the registers as they are now.
static void begin_products(void)
{
    asm volatile("//@sm90a wgmma.fence.sync.aligned;" : : : "memory");
}

// The products since the last call are one group.
static void close_products(void)
{
    asm volatile("//@sm90a wgmma.commit_group.sync.aligned;" : : : "memory");
}
