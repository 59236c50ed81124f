//: # This work-item's columns of four keys, two items adjacent in local memory at a time, to v0 and v1. Holes: type of an item; stride,
//: # items from a row to the next; items, what two of them are.
// Odd work-items have the two ${items} in the other order, so that fewer read the same banks at a time.
${type} v0[4];
${type} v1[4];
#pragma unroll
for (int k = 0; k < 4; k++)
{
    local const ${type}* const row = value + (k % 2 + k / 2 * 8) * ${stride} + c;
    const ${type} x = row[lane & 1];
    const ${type} y = row[1 - (lane & 1)];
    v0[k] = lane & 1 ? y : x;
    v1[k] = lane & 1 ? x : y;
}
