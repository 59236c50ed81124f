//: # Rotary position embedding: keys turn before they are stored, queries when a flash kernel has loaded them, which costs less than a
//: # kernel of its own would take to start. Arithmetic is float32, in two operations whose rounding is the same on every device, and a
//: # zero is positive, so that a cache's bits are the same, too.
//: if half_split
#define ROTARY_DIM ${rotary_dim} // elements of a head that turn: i turns with i + ROTARY_DIM / 2
//: else
#define ROTARY_DIM ${rotary_dim} // elements of a head that turn: 2i turns with 2i + 1
//: end

// Turns a pair of elements by an angle that is given as cosine and sine. -0 becomes 0: drivers differ in the sign that
// fma gives to 0 * x + 0, and some take an added 0 away.
static float2 turn_pair(float first, float second, float2 angle)
{
    const float2 x = (float2)(fma(first, angle.s0, -(second * angle.s1)), fma(second, angle.s0, first * angle.s1));
    return as_float2(select(as_int2(x), (int2)(0), as_int2(x) == INT_MIN));
}
