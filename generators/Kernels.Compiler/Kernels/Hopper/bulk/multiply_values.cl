//: # The probabilities p[j] times this work-item's columns of four keys, added to the outputs. reads_pairs: a work-item has so many
//: # columns of a value that it reads two items of them at a time.
//: if !quantised
local const uint4* const value = warp_values + (j * 16 + lane % 4 * 2) * VALUE_PIECES + lane / 4 * (VALUE_PIECES / 8);
//: else
local const uint2* const value = (local const uint2*)(warp_values + (j * 16 + lane % 4 * 2) * VALUE_PIECES) + lane / 4 * (VALUE_PIECES / 4);
//: end
#pragma unroll
//: if !quantised and reads_pairs
for (int c = 0; c < VALUE_PIECES / 8; c += 2)
{
    //: include read_pairs(items: pieces, type: uint4, stride: VALUE_PIECES)
    multiply_columns(&output[c * 4], p[j], v0[0], v0[1], v0[2], v0[3], item.row_count);
    multiply_columns(&output[c * 4 + 4], p[j], v1[0], v1[1], v1[2], v1[3], item.row_count);
}
//: elif !quantised
for (int c = 0; c < VALUE_PIECES / 8; c++)
{
    multiply_columns(&output[c * 4], p[j], value[c], value[VALUE_PIECES + c], value[8 * VALUE_PIECES + c], value[9 * VALUE_PIECES + c], item.row_count);
}
//: elif reads_pairs
for (int c = 0; c < VALUE_PIECES / 4; c += 2)
{
    //: include read_pairs(items: halves of a piece, type: uint2, stride: (VALUE_PIECES * 2))
    //: if int4
    multiply_columns(&output[c * 8], p[j], v0[0].s0, v0[1].s0, v0[2].s0, v0[3].s0, item.row_count);
    multiply_columns(&output[c * 8 + 4], p[j], v0[0].s1, v0[1].s1, v0[2].s1, v0[3].s1, item.row_count);
    multiply_columns(&output[c * 8 + 8], p[j], v1[0].s0, v1[1].s0, v1[2].s0, v1[3].s0, item.row_count);
    multiply_columns(&output[c * 8 + 12], p[j], v1[0].s1, v1[1].s1, v1[2].s1, v1[3].s1, item.row_count);
    //: else
    multiply_columns(&output[c * 4], p[j], v0[0].s0, v0[1].s0, v0[2].s0, v0[3].s0, item.row_count);
    multiply_columns(&output[c * 4 + 2], p[j], v0[0].s1, v0[1].s1, v0[2].s1, v0[3].s1, item.row_count);
    multiply_columns(&output[c * 4 + 4], p[j], v1[0].s0, v1[1].s0, v1[2].s0, v1[3].s0, item.row_count);
    multiply_columns(&output[c * 4 + 6], p[j], v1[0].s1, v1[1].s1, v1[2].s1, v1[3].s1, item.row_count);
    //: end
}
//: else
for (int c = 0; c < VALUE_PIECES / 4; c++)
{
    const uint2 v0 = value[c];
    const uint2 v1 = value[VALUE_PIECES * 2 + c];
    const uint2 v8 = value[8 * VALUE_PIECES * 2 + c];
    const uint2 v9 = value[9 * VALUE_PIECES * 2 + c];
    //: if int4
    multiply_columns(&output[c * 8], p[j], v0.s0, v1.s0, v8.s0, v9.s0, item.row_count);
    multiply_columns(&output[c * 8 + 4], p[j], v0.s1, v1.s1, v8.s1, v9.s1, item.row_count);
    //: else
    multiply_columns(&output[c * 4], p[j], v0.s0, v1.s0, v8.s0, v9.s0, item.row_count);
    multiply_columns(&output[c * 4 + 2], p[j], v0.s1, v1.s1, v8.s1, v9.s1, item.row_count);
    //: end
}
//: end
