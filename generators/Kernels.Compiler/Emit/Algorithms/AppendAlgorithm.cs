using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>
/// Writes new keys and values into their slots of the cache: bit for bit when the cache has their type, otherwise rounded to
/// nearest, ties to even. Keys that turn are rounded whatever the cache's type. What is written depends on the input alone, not
/// on the device: see <see cref="StoreRow"/> and <see cref="Rope"/>.
/// </summary>
internal static class AppendAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        bool converts = spec.Storage != spec.ResolvedCacheStorage, turns = context.Rope.IsOn;
        string keySource = Type(context.Storage, converts || turns), keyCache = Type(context.Cache, converts || turns);
        string source = Type(context.Storage, converts), cache = Type(context.Cache, converts);

        Prelude.Header(writer, context, "append of new keys and values to the cache");
        Prelude.HeadConstants(writer, spec);
        Prelude.Constants(writer, context.Cache);
        writer.Line();
        context.Rope.Declare(writer);
        if (turns)
        {
            context.Rope.DeclareLoad(writer, keySource, d => context.Storage.Load("from", d, 1));
        }

        switch (context.Cache)
        {
            case LatentFloat8Codec latent:
                LatentAppend.DeclareStore(writer, context, latent, d => turns ? $"turned(from, angles, {d})" : context.Storage.Load("from", d, 1));
                break;
            case ScaledCodec scaled:
                Prelude.Helpers(writer, scaled.StoreHelper);
                if (turns)
                {
                    StoreRow(writer, context, scaled, "store_key", ", global const float2* angles", d => $"turned(from, angles, {d})");
                }

                StoreRow(writer, context, scaled, turns ? "store_value" : "store_row", "", d => context.Storage.Load("from", d, 1));
                break;
            case PlainCodec plain when converts || turns:
                Prelude.Helpers(writer, plain.StoreHelper);
                break;
        }

        writer.Add($$"""
            kernel __attribute__((reqd_work_group_size({{context.Plan.AppendWorkGroupSize}}, 1, 1)))
            void kv_append(
                global const {{keySource}}* restrict new_keys, // [tokens, KV_HEADS, HEAD_DIM]
                global const {{source}}* restrict new_values, // [tokens, KV_HEADS, VALUE_DIM]
                global {{keyCache}}* restrict keys,
                global {{cache}}* restrict values,
                global const int* restrict plan,
                int slots_at, // where the tokens' slots begin in the plan; a negative slot is skipped
                {{context.Addressing.Parameters}}{{context.ScaleParameters(written: context.Cache.Scale == CacheScale.PerToken)}}{{(turns
                    ? ",\n    int positions_at" + KernelInput.EndOfParameters([KernelInput.Rope], " // where the tokens' positions begin in the plan").Replace("\n", "\n    ")
                    : ")")}}
            """);
        writer.Open();
        writer.Add("""
            const int token = get_group_id(0);
            const int kv_head = get_group_id(1);
            const int slot = plan[slots_at + token];
            if (slot < 0)
            {
                return;
            }

            const long new_row = (long)token * KV_HEADS + kv_head;
            """);
        if (turns)
        {
            writer.Add("global const float2* const angles = rope + (long)plan[positions_at + token] * (ROTARY_DIM / 2);");
        }

        if (context.Cache.Scale == CacheScale.PerToken)
        {
            writer.Add($"const long scale_index = {context.Addressing.RowOfSlot("slot", "1")};");
        }

        Row(writer, context, converts, turns, "key", "HEAD_DIM");
        if (!context.Spec.LatentCache)
        {
            writer.Line();
            Row(writer, context, converts, turns: false, "value", "VALUE_DIM");
        }

        writer.Close();
    }

    /// <summary>half can be loaded only with conversion, so a plain copy moves its bits as an integer.</summary>
    private static string Type(Codec codec, bool converts) => converts || codec is Float32Codec ? codec.StorageType : "ushort";

    /// <summary>Writes a token's key, or value, of one head.</summary>
    private static void Row(CodeWriter writer, KernelContext context, bool converts, bool turns, string what, string dim)
    {
        writer.Add($"const long {what}_row = {context.Addressing.RowOfSlot("slot", context.Cache.RowLength(dim))};");
        if (context.Cache is LatentFloat8Codec)
        {
            writer.Add($"store_row(new_keys + new_row * HEAD_DIM, keys + key_row{(turns ? ", angles" : "")});");
            return;
        }

        if (context.Cache is ScaledCodec)
        {
            string scale = context.Cache.Scale == CacheScale.PerToken ? $"{what}_scales + scale_index" : $"{what}_scales[kv_head]";
            string function = context.Rope.IsOn ? $"store_{what}" : "store_row";
            writer.Add($"{function}(new_{what}s + new_row * {dim}, {what}s + {what}_row, {scale}, {dim}{(turns ? ", angles" : "")});");
            return;
        }

        writer.Open($"for (int d = get_local_id(0); d < {dim}; d += {context.Plan.AppendWorkGroupSize})");
        writer.Add(turns
            ? ((PlainCodec)context.Cache).Store($"{what}s + {what}_row + d", $"turned(new_{what}s + new_row * {dim}, angles, d)")
            : converts
            ? ((PlainCodec)context.Cache).Store($"{what}s + {what}_row + d", context.Storage.Load($"new_{what}s", $"new_row * {dim} + d", 1))
            : $"*({what}s + {what}_row + d) = *(new_{what}s + new_row * {dim} + d);");
        writer.Close();
    }

    /// <summary>
    /// Writes a function that stores a row. An integer q stands for q × scale, where scale = (largest magnitude of the row) × (1 / largest
    /// integer, as float32), one float32 product; q is the integer nearest to x / scale, ties to even. A row whose largest
    /// magnitude is below 2^−100, such as one of zeros, gets scale 0 and zeros; a row with a NaN or an infinity, which no
    /// scale can hold, gets scale NaN and zeros, so that the fault shows. An e4m3 is the one nearest to x / scale.
    /// </summary>
    /// <param name="writer">Where to.</param>
    /// <param name="context">What the kernel is written from.</param>
    /// <param name="codec">The cache's type.</param>
    /// <param name="name">The function's name.</param>
    /// <param name="parameters">Parameters that <paramref name="load"/> needs, with a leading comma.</param>
    /// <param name="load">Gives the expression of the row's element at an index.</param>
    private static void StoreRow(CodeWriter writer, KernelContext context, ScaledCodec codec, string name, string parameters, Func<string, string> load)
    {
        string from = $"global const {context.Storage.StorageType}* from", to = $"global {codec.StorageType}* to";
        if (codec is IntegerCodec integer)
        {
            writer.Add("// Stores a row and its scale. The work-items share out the elements; each looks for the largest itself, which costs less than a barrier.");
            writer.Open($"static void {name}({from}, {to}, global float* scale_to, int dim{parameters})");
            writer.Add($$"""
                uint largest = 0; // of the magnitudes, as bits: these are ordered as the numbers are, infinity and NaN above all
                for (int d = 0; d < dim; d++)
                {
                    largest = max(largest, as_uint({{load("d")}}) & 0x7FFFFFFF);
                }

                float scale = as_float(largest) * {{C.Float(1.0 / integer.Largest)}}; // 1 / {{integer.Largest}}
                scale = largest < 0x0D800000 ? 0.0f : scale; // below 2^-100 all is zero
                scale = largest >= 0x7F800000 ? NAN : scale; // infinity or NaN: no scale can hold that
                if (get_local_id(0) == 0)
                {
                    *scale_to = scale;
                }

                """);
        }
        else
        {
            writer.Add("// Stores a row; the work-items share out the elements.");
            writer.Open($"static void {name}({from}, {to}, float scale, int dim{parameters})");
        }

        (string begin, string step) = codec.StoreWidth == 1
            ? ("get_local_id(0)", C.Int(context.Plan.AppendWorkGroupSize))
            : ($"get_local_id(0) * {codec.StoreWidth}", C.Int(context.Plan.AppendWorkGroupSize * codec.StoreWidth));
        writer.Add("const float inverse = 1.0f / scale;");
        writer.Open($"for (int d = {begin}; d < dim; d += {step})");
        writer.Add(codec.Store("to", "d", i => load(i == 0 ? "d" : $"d + {i}")));
        writer.Close().Close().Line();
    }
}
