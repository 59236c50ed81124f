// Two 8 x 8 matrices of 16-bit elements, each transposed; lane l < 16 gives the address of row l % 8 of matrix l / 8.
static uint2 ldmatrix_x2_transposed(uint address)
{
    uint2 m;
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(m.s0), "=r"(m.s1) : "r"(address));
    return m;
}
