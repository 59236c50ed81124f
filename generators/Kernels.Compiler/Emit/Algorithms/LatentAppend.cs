using Kernels.Compiler.Emit.Codecs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>How the append kernel writes the rows of <see cref="LatentFloat8Row"/>.</summary>
internal static class LatentAppend
{
    /// <summary>
    /// Writes the function <c>store_row</c>. An e4m3 is the one nearest to x / scale, ties to even, where scale = (largest magnitude of
    /// the group) / 448 as one float32 division gives it, and 2^−100 at least, so that zeros too can be divided by it. A group
    /// with a NaN or an infinity, which no scale can hold, gets scale NaN and zeros, so that the fault shows. Elements
    /// after the value are rounded to bfloat16, ties to even.
    /// </summary>
    /// <param name="writer">Where to.</param>
    /// <param name="context">What the kernel is written from.</param>
    /// <param name="codec">The cache's rows.</param>
    /// <param name="loadTail">Gives the expression of the element at an index after the value, turned where there is rope.</param>
    public static void DeclareStore(CodeWriter writer, KernelContext context, LatentFloat8Codec codec, Func<string, string> loadTail)
    {
        ScaledCodec elements = new Float8E4M3Codec();
        PlainCodec tail = new BFloat16Codec();
        string share = C.Int(context.Plan.AppendWorkGroupSize), inverse = C.Float(1.0 / 448);
        Prelude.Helpers(writer, elements.StoreHelper, codec.HasTail ? tail.StoreHelper : "");
        writer.Add("// Stores a row. The work-items share out the elements; each looks for the largest of a group itself, which costs less than a barrier.");
        writer.Open($"static void store_row(global const {context.Storage.StorageType}* from, global uchar* to{(context.Rope.IsOn ? ", global const float2* angles" : "")})");
        writer.Open("for (int begin = 0; begin < VALUE_DIM; begin += SCALE_GROUP)");
        writer.Add($$"""
            uint largest = 0; // of the magnitudes, as bits: these are ordered as the numbers are, infinity and NaN above all
            for (int d = begin; d < begin + SCALE_GROUP; d++)
            {
                largest = max(largest, as_uint({{context.Storage.Load("from", "d", 1)}}) & 0x7FFFFFFF);
            }

            // largest / 448 rounded once, on every device: what the first product leaves over is exact.
            const float about = as_float(largest) * {{inverse}};
            float scale = fma(fma(-about, 448.0f, as_float(largest)), {{inverse}}, about);
            scale = fmax(scale, {{C.Float(Math.Pow(2, -100))}}); // 2^-100, a scale for zeros too
            scale = largest >= 0x7F800000 ? as_float(0x7FC00000) : scale; // infinity or NaN: no scale can hold that, so it is NaN
            if (get_local_id(0) == 0)
            {
                ((global float*)(to + SCALES_AT))[begin / SCALE_GROUP] = scale;
            }

            const float inverse = 1.0f / scale;
            for (int d = begin + get_local_id(0); d < begin + SCALE_GROUP; d += {{share}})
            {
                to[d] = largest >= 0x7F800000 ? (uchar)0 : float_to_e4m3({{context.Storage.Load("from", "d", 1)}}, scale, inverse);
            }
            """);
        writer.Close();
        if (codec.HasTail)
        {
            writer.Line();
            writer.Open($"for (int d = VALUE_DIM + get_local_id(0); d < HEAD_DIM; d += {share})");
            writer.Add(tail.Store("(global ushort*)(to + TAIL_AT) + d - VALUE_DIM", loadTail("d")));
            writer.Close();
        }

        writer.Close().Line();
    }
}
