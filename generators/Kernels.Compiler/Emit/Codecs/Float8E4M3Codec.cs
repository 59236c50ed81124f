namespace Kernels.Compiler.Emit.Codecs;

/// <summary>Sign, 4 bits of exponent with bias 7, 3 of mantissa: ±448 at most, subnormal steps of 2^−9, no infinity, all other bits set is NaN.</summary>
internal sealed class Float8E4M3Codec : Codec
{
    public override string StorageType => "uchar";

    public override string DisplayName => "float8 (e4m3) with a scale for each KV head";

    public override Piece Piece => new("uchar8", LoadHelper(8), piece => $"e4m3_to_float8({piece})");

    public override CacheScale Scale => CacheScale.PerHead;

    public override string LoadHelper(int width)
    {
        string v = Vector(width);
        string function = $$"""
            // From e4m3. The exponent's bias becomes 127; a subnormal gets a leading bit, which is subtracted again, so that no float32 is subnormal.
            static float{{v}} e4m3_to_float{{v}}(uchar{{v}} x)
            {
                const int{{v}} bits = convert_int{{v}}(x);
                const int{{v}} magnitude = bits & 0x7F;
                const int{{v}} is_subnormal = {{(width == 1 ? "-" : "")}}(magnitude < 8); // all bits set, or none
                const int{{v}} leading = is_subnormal & (121 << 23); // the bits of 2^-6
                const int{{v}} exponent = (120 << 23) - (is_subnormal << 23);
                const float{{v}} number = as_float{{v}}((magnitude << 20) + exponent) - as_float{{v}}(leading);
                const float{{v}} value = {{(width == 1 ? "magnitude == 0x7F ? NAN : number" : $"select(number, (float{v})(NAN), magnitude == 0x7F)")}};
                return as_float{{v}}(as_int{{v}}(value) | (bits & 0x80) << 24);
            }
            """;
        return width < 16 ? function : $$"""
            #if {{Float16Codec.ConvertsVectors}}
            // From e4m3: as the float16 with the same exponent and mantissa it is smaller by 2^8, subnormals too; a NaN needs the exponent's fifth bit.
            static float16 e4m3_to_float16(uchar16 x)
            {
                typedef __fp16 halves __attribute__((ext_vector_type(16)));
                const short16 bits = convert_short16(as_char16(x)); // from bit 7 on all are the sign
                const short16 number = (bits << (short)7) & (short)0xBF80;
                const short16 is_nan = ((bits + (short)1) ^ bits) << (short)7 & (short)0x4000; // only there a carry reaches bit 7
                return __builtin_convertvector(__builtin_astype((short16)(number | is_nan), halves), float16) * 256.0f;
            }
            #else
            {{function}}
            #endif
            """;
    }

    public override string Load(string row, string element, int width) => width == 1
        ? $"e4m3_to_float({row}[{element}])"
        : $"e4m3_to_float{width}(vload{width}(0, {row} + {element}))";
}
