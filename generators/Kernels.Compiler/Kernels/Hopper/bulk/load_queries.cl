//: # The queries' fragments, out of 'memory': elements of a query in the order in which a work-item has those of a key.
//: if !quantised
// Of 32 elements, 8 from 8 * (lane % 4) on.
uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d += 2)
    {
        const uint4 q = memory[(b * 8 + lane / 4) * QUERY_STRIDE + d * 2 + lane % 4];
        query[d][b] = q.lo;
        query[d + 1][b] = q.hi;
    }
}
//: elif int4
// Of 128 elements, 8 from 32 * (lane % 4) + 8 * i on, e and e + 4 in a register.
uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    local const uint4* const from = memory + (b * 8 + lane / 4) * QUERY_STRIDE;
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d += 2)
    {
        const uint4 q = from[d / 8 * 16 + lane % 4 * 4 + d / 2 % 4];
        query[d][b] = (uint2)(low_halves(q.s0, q.s2), high_halves(q.s0, q.s2));
        query[d + 1][b] = (uint2)(low_halves(q.s1, q.s3), high_halves(q.s1, q.s3));
    }
}
//: else
// Of 64 elements, 4 from 16 * (lane % 4) + 4 * i on.
uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    local const uint4* const from = memory + (b * 8 + lane / 4) * QUERY_STRIDE;
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d++)
    {
        query[d][b] = ((local const uint2*)from)[d / 4 * 16 + lane % 4 * 4 + d % 4];
    }
}
//: end
