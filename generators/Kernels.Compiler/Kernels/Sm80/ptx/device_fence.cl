// Writes to global memory before are seen by every work-group that hears of this.
static void fence_device(void)
{
    asm volatile("fence.acq_rel.gpu;" : : : "memory");
}

// Over a warp.
static float warp_maximum(float x)
{
    for (int mask = 16; mask > 0; mask /= 2)
    {
        x = fmax(x, shuffle_xor(x, mask));
    }
    return x;
}

static float warp_total(float x)
{
    for (int mask = 16; mask > 0; mask /= 2)
    {
        x += shuffle_xor(x, mask);
    }
    return x;
}
