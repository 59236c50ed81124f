//: # Rope on the queries where they lie in local memory; they are rounded again, as a fragment must be. What float16 cannot hold is NaN
//: # there: a row of NaN is calculated once more from what is in global memory. Holes: first, second, the addresses of the elements of
//: # pair 'pair' of row 'r'; row_work_items, the constant that says how many hold rows; row_barrier, at which they wait for one another.
//: if rope
for (int i = thread; i < work.row_count * (ROTARY_DIM / 2); i += ${row_work_items})
{
    const int r = i / (ROTARY_DIM / 2);
    const int pair = i % (ROTARY_DIM / 2);
    local ${storage}* const first = ${first};
    local ${storage}* const second = ${second};
    const float2 x = turn_pair(${load(first, 0)}, ${load(second, 0)}, query_angles(work, r, rope)[pair]);
    //: if half
    ${store(first, fabs(x.s0) > 65504.0f ? NAN : x.s0)}
    ${store(second, fabs(x.s1) > 65504.0f ? NAN : x.s1)}
    //: else
    ${store(first, x.s0)}
    ${store(second, x.s1)}
    //: end
}
${row_barrier}
//: end
