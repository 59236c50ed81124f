// Four 8 x 8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
static uint4 ldmatrix_x4(uint address)
{
    uint4 m;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(m.s0), "=r"(m.s1), "=r"(m.s2), "=r"(m.s3) : "r"(address));
    return m;
}

// The same, each matrix transposed.
static uint4 ldmatrix_x4_transposed(uint address)
{
    uint4 m;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(m.s0), "=r"(m.s1), "=r"(m.s2), "=r"(m.s3) : "r"(address));
    return m;
}
