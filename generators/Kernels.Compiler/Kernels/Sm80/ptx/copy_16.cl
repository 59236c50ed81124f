// Starts the copy of 16 bytes to local memory; zeros arrive instead when `valid` is 0.
static void copy_16(uint to, global const void* from, int valid)
{
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" : : "r"(to), "l"(from), "r"(valid ? 16 : 0));
}
