//: # The LSE or the partial state of a row. Holes: is_one, whether this is the one work-item that stores what a row has one of; maximum.
if (${is_one} && is_final)
{
    lse[to] = sum == 0.0f ? -INFINITY : ${natural(${maximum})} + log(sum);
}
else if (${is_one})
{
    partial_states[to] = (float2)(${maximum}, sum);
}
