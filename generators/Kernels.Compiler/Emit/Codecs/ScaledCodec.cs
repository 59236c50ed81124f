namespace Kernels.Compiler.Emit.Codecs;

/// <summary>An element type of a cache whose numbers are multiplied with a scale.</summary>
internal abstract class ScaledCodec : Codec
{
    /// <summary>Elements that are stored at a time: as many as a byte has.</summary>
    public virtual int StoreWidth => 1;

    /// <summary>The helper function that stores call.</summary>
    public abstract string StoreHelper { get; }

    /// <summary>A statement that stores <see cref="StoreWidth"/> elements of a row.</summary>
    /// <param name="row">Expression: pointer to the row's first item.</param>
    /// <param name="element">Expression: index of the first of them; a multiple of <see cref="StoreWidth"/>.</param>
    /// <param name="value">Gives the float expression of the element this far from the first. <c>scale</c> and <c>inverse</c>, its reciprocal, are in scope.</param>
    public abstract string Store(string row, string element, Func<int, string> value);
}

/// <summary>An integer times the scale of its row, which brings the row's largest element to <see cref="Largest"/>.</summary>
internal abstract class IntegerCodec : ScaledCodec
{
    /// <summary>The largest integer; its negative is the smallest.</summary>
    public abstract int Largest { get; }

    public override CacheScale Scale => CacheScale.PerToken;

    // x × inverse can be off by a little more than the rounding of one product, and how much is the device's affair: close to
    // the middle between two integers it can round to the wrong one. The remainder is exact, so it shows that.
    public override string StoreHelper => """
        // The integer nearest to x / scale, ties to even, on every device: the remainder tells whether the product was rounded to the wrong side.
        static int quantize(float x, float scale, float inverse)
        {
            if (!(scale > 0.0f))
            {
                return 0;
            }

            const float nearest = rint(x * inverse);
            const float remainder = fma(-nearest, scale, x); // exact
            const float middle = 0.5f * scale;
            const int q = (int)nearest;
            const int odd = q & 1;
            return q + (remainder > middle || (odd && remainder == middle)) - (remainder < -middle || (odd && remainder == -middle));
        }
        """;
}

internal sealed class Int8Codec : IntegerCodec
{
    public override string StorageType => "char";

    public override string DisplayName => "int8 with a scale for each row";

    public override Piece Piece => new("char8", "", piece => $"convert_float8({piece})");

    public override int Largest => 127;

    public override string Load(string row, string element, int width) => width == 1
        ? $"(float)*({row} + {element})"
        : $"convert_float{width}(vload{width}(0, {row} + {element}))";

    public override string Store(string row, string element, Func<int, string> value) =>
        $"{row}[{element}] = (char)quantize({value(0)}, scale, inverse);";
}

internal sealed class Int4Codec : IntegerCodec
{
    public override string StorageType => "uchar";

    public override string DisplayName => "int4 with a scale for each row";

    public override Piece Piece => new("uchar4", LoadHelper(8), piece => $"nibbles_to_float8({piece})");

    public override int Largest => 7;

    public override int StoreWidth => 2;

    public override string RowLength(string dim) => $"({dim} / 2)";

    public override string LoadHelper(int width) => width == 1 ? "" : $$"""
        // {{width}} four-bit integers in two's complement, the even ones in the low halves of their bytes.
        static float{{width}} nibbles_to_float{{width}}(uchar{{width / 2}} bytes)
        {
            int{{width}} x;
            x.even = convert_int{{width / 2}}(bytes & (uchar)15);
            x.odd = convert_int{{width / 2}}(bytes >> (uchar)4);
            return convert_float{{width}}((x ^ 8) - 8);
        }
        """;

    public override string Load(string row, string element, int width) => width > 1
        ? $"nibbles_to_float{width}(vload{width / 2}(0, {row} + {element} / 2))"
        : $"(float)(((({row})[({element}) / 2] >> (({element}) % 2 * 4) & 15) ^ 8) - 8)";

    public override string Store(string row, string element, Func<int, string> value) =>
        $"{row}[{element} / 2] = (uchar)((quantize({value(0)}, scale, inverse) & 15) | (quantize({value(1)}, scale, inverse) << 4));";
}

/// <summary>Sign, 4 bits of exponent with bias 7, 3 of mantissa: ±448 at most, subnormal steps of 2^−9, no infinity, all other bits set is NaN.</summary>
internal sealed class Float8E4M3Codec : ScaledCodec
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

    public override string StoreHelper => """
        // The e4m3 nearest to x / scale, ties to even, on every device; 448 for what is larger, NaN for NaN and infinities, which the type has not.
        static uchar float_to_e4m3(float x, float scale, float inverse)
        {
            const uint sign = (as_uint(x) >> 24) & 0x80;
            if (!isfinite(x))
            {
                return (uchar)(sign | 0x7F);
            }

            // In steps of the last bit: below is a value of the type, and whether x is past the middle to the next is found without rounding.
            const float y = fmin(fabs(x) * inverse, 448.0f);
            const int exponent = max((int)(as_uint(y) >> 23) - 127, -6);
            const int below = (int)(y * as_float((uint)(130 - exponent) << 23));
            const float middle = ((float)below + 0.5f) * as_float((uint)(124 + exponent) << 23);
            const float past = fma(-middle, scale, fabs(x));
            const int steps = below + (past > 0.0f || (past == 0.0f && (below & 1)));
            return (uchar)(sign | min((exponent + 6) * 8 + steps, 0x7E));
        }
        """;

    public override string Store(string row, string element, Func<int, string> value) =>
        $"{row}[{element}] = float_to_e4m3({value(0)}, scale, inverse);";
}
