//: # A function that loads an element of a new key, or of a query, turned. type: what memory has.
// Element d of a ${what}, turned.
static float turned(global const ${type}* from, global const float2* angles, int d)
{
    //: if turns_some
    if (${does_not_turn})
    {
        return ${load(from, d)};
    }
    //: end
    const int i = ${rope_pair};
    const float2 pair = turn_pair(${load(from, ${rope_first(i)})}, ${load(from, ${rope_second(i)})}, angles[i]);
    return ${rope_is_first} ? pair.s0 : pair.s1;
}
