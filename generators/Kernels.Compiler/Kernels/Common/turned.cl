//: # A function that loads an element of a new key, or of a query, turned. A latent row has its value before the elements that turn. Holes:
//: # what; type, what memory has. turns_some: other elements do not turn.
// Element d of a ${what}, turned.
static float turned(global const ${type}* from, global const float2* angles, int d)
{
    //: if turns_some
    //: if latent
    if (d < VALUE_DIM || d >= VALUE_DIM + ROTARY_DIM)
    //: else
    if (d >= ROTARY_DIM)
    //: end
    {
        return ${load(from, d)};
    }
    //: end
    //: if half_split and latent
    const int i = (d - VALUE_DIM) % (ROTARY_DIM / 2);
    //: elif half_split
    const int i = d % (ROTARY_DIM / 2);
    //: elif latent
    const int i = (d - VALUE_DIM) / 2;
    //: else
    const int i = d / 2;
    //: end
    const float2 pair = turn_pair(${load(from, ${rope_first(i)})}, ${load(from, ${rope_second(i)})}, angles[i]);
    //: if half_split and latent
    return (d - VALUE_DIM) < ROTARY_DIM / 2 ? pair.s0 : pair.s1;
    //: elif half_split
    return d < ROTARY_DIM / 2 ? pair.s0 : pair.s1;
    //: elif latent
    return (d - VALUE_DIM) % 2 == 0 ? pair.s0 : pair.s1;
    //: else
    return d % 2 == 0 ? pair.s0 : pair.s1;
    //: end
}
