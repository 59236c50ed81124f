//: # Rope on the queries where they lie in local memory; they are rounded again, as a fragment must be. What float16 cannot hold is NaN
//: # there: a row of NaN is calculated once more from what is in global memory.
//: if rope
for (int i = thread; i < item.row_count * (ROTARY_DIM / 2); i += ${row_work_items})
{
    const int r = i / (ROTARY_DIM / 2);
    const int pair = i % (ROTARY_DIM / 2);
    local ${storage}* const first = ${query_element(r, ${rope_first(pair)})};
    local ${storage}* const second = ${query_element(r, ${rope_second(pair)})};
    const float2 x = turn_pair(${load(first, 0)}, ${load(second, 0)}, query_angles(item, r, rope)[pair]);
    ${store(first, ${held(x.s0)})}
    ${store(second, ${held(x.s1)})}
}
${row_barrier}
//: end
