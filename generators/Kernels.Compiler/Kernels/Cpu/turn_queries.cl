//: # Rope on the queries where they lie. Holes: first, second: where the two elements of pair i of the query of 'row' are.
//: if rope
for (int row = 0; row < work.row_count; row++)
{
    global const float2* angles = query_angles(work, row, rope);
    for (int i = 0; i < ROTARY_DIM / 2; i++)
    {
        float* const first = ${first};
        float* const second = ${second};
        const float2 x = turn_pair(*first, *second, angles[i]);
        *first = x.s0;
        *second = x.s1;
    }
}
//: end
