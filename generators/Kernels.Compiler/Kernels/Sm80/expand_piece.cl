//: # The function 'expand_piece': 16 bytes of a row as elements of a tile, in their order.
//: if two_in_a_byte
static uint halves(uint a, uint b, uint bytes)
{
    uint x;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(x) : "r"(a), "r"(b), "r"(bytes));
    return x;
}

// Eight int4 in their order.
static uint4 expand_in_order(uint raw)
{
    const uint4 x = expand(raw);
    return (uint4)(halves(x.s0, x.s1, 0x5410), halves(x.s2, x.s3, 0x5410), halves(x.s0, x.s1, 0x7632), halves(x.s2, x.s3, 0x7632));
}

// 16 bytes of a row as elements of the tile.
static void expand_piece(local uint4* to, uint4 raw)
{
    to[0] = expand_in_order(raw.s0);
    to[1] = expand_in_order(raw.s1);
    to[2] = expand_in_order(raw.s2);
    to[3] = expand_in_order(raw.s3);
}
//: else
// 16 bytes of a row as elements of the tile.
static void expand_piece(local uint4* to, uint4 raw)
{
    to[0] = (uint4)(expand(raw.s0), expand(raw.s1));
    to[1] = (uint4)(expand(raw.s2), expand(raw.s3));
}
//: end
