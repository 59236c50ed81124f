using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Elements of a quantised cache become 16-bit elements, without their scales: <c>expand</c> makes of a register of four bytes
/// two of two elements each, of one of eight four-bit integers four. Integers are put into the mantissa of a number whose
/// exponent gives them their value, since the conversion instructions of a multiprocessor are few.
/// </summary>
internal static class NvidiaExpansion
{
    /// <summary>Registers that one register of the cache becomes.</summary>
    public static int Registers(AttentionSpec spec) => NvidiaPlanner.PieceElements(spec) / 8;

    /// <summary>The functions <c>expand</c>, with what they call.</summary>
    public static string Functions(KernelContext context)
    {
        bool half = context.Spec.Storage == ElementType.Float16;
        return context.Spec.ResolvedCacheStorage switch
        {
            ElementType.Int8 when half => Subtract + """


                static uint permute(uint a, uint b, uint bytes)
                {
                    uint x;
                    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(x) : "r"(a), "r"(b), "r"(bytes));
                    return x;
                }

                // Four int8 as float16: 0x6400 is 1024, in whose last bits there is room for a byte.
                static uint2 expand(uint raw)
                {
                    const uint x = raw ^ 0x80808080;
                    return (uint2)(subtract_halves(permute(x, 0x64646464, 0x4140), 0x64806480), subtract_halves(permute(x, 0x64646464, 0x4342), 0x64806480));
                }
                """,
            ElementType.Int8 => """
                // Byte i of four as a float32 of 2^23 + byte.
                static float place_byte(uint bytes, uint i)
                {
                    uint x;
                    asm("prmt.b32 %0, %1, 0x4B000000, %2;" : "=r"(x) : "r"(bytes), "r"(0x7540 + i));
                    return as_float(x);
                }

                // Four int8 as bfloat16.
                static uint2 expand(uint raw)
                {
                    const uint x = raw ^ 0x80808080;
                    const float zero = 8388736.0f; // 2^23 + 128
                    return (uint2)(pack(place_byte(x, 0) - zero, place_byte(x, 1) - zero), pack(place_byte(x, 2) - zero, place_byte(x, 3) - zero));
                }
                """,
            ElementType.Int4 when half => Subtract + """


                // Eight int4 as float16, i and i + 4 in a register: 0x6400 is 1024, in whose last bits there is room for them.
                static uint4 expand(uint raw)
                {
                    return (uint4)(
                        subtract_halves((raw & 0x000F000F) ^ 0x64086408, 0x64086408),
                        subtract_halves((raw >> 4 & 0x000F000F) ^ 0x64086408, 0x64086408),
                        subtract_halves((raw >> 8 & 0x000F000F) ^ 0x64086408, 0x64086408),
                        subtract_halves((raw >> 12 & 0x000F000F) ^ 0x64086408, 0x64086408));
                }
                """,
            ElementType.Int4 => """
                // Four-bit integer i of eight as a float32, by way of 2^23 + 8 + integer.
                static float place_nibble(uint raw, int i)
                {
                    return as_float((raw >> (4 * i) & 15) ^ 0x4B000008) - 8388616.0f;
                }

                // Eight int4 as bfloat16, i and i + 4 in a register.
                static uint4 expand(uint raw)
                {
                    return (uint4)(
                        pack(place_nibble(raw, 0), place_nibble(raw, 4)), pack(place_nibble(raw, 1), place_nibble(raw, 5)),
                        pack(place_nibble(raw, 2), place_nibble(raw, 6)), pack(place_nibble(raw, 3), place_nibble(raw, 7)));
                }
                """,
            _ when half && context.Plan.Target == KernelTarget.Hopper => """
                // Four e4m3 as float16.
                static uint2 expand(uint raw)
                {
                    uint2 x;
                    asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.rn.f16x2.e4m3x2 %0, low; cvt.rn.f16x2.e4m3x2 %1, high; }" : "=r"(x.s0), "=r"(x.s1) : "r"(raw));
                    return x;
                }
                """,
            _ => $$"""
                {{context.Cache.LoadHelper(4)}}

                // Four e4m3, exact in 16 bits.
                static uint2 expand(uint raw)
                {
                    const float4 x = e4m3_to_float4(as_uchar4(raw));
                    return (uint2)(pack(x.s0, x.s1), pack(x.s2, x.s3));
                }
                """,
        };
    }

    /// <summary>The function <c>expand_piece</c>: 16 bytes of a row as elements of a tile, in their order.</summary>
    public static string PieceFunction(AttentionSpec spec) => spec.ResolvedCacheStorage == ElementType.Int4
        ? """
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
            """
        : """
            // 16 bytes of a row as elements of the tile.
            static void expand_piece(local uint4* to, uint4 raw)
            {
                to[0] = (uint4)(expand(raw.s0), expand(raw.s1));
                to[1] = (uint4)(expand(raw.s2), expand(raw.s3));
            }
            """;

    private const string Subtract = """
        static uint subtract_halves(uint a, uint b)
        {
            uint x;
            asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(x) : "r"(a), "r"(b));
            return x;
        }
        """;
}
