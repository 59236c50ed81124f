using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;

namespace Kernels.Generators.Writing;

/// <summary>
/// Writes where things lie in a cache: bytes, strides and offsets of keys, values and scales. A contiguous cache has
/// sequences of a capacity that is known at run time; a paged one has pages of a size that is part of the spec.
/// </summary>
internal sealed class CacheLayoutWriter(AttentionSpec spec)
{
    private readonly bool paged = spec.PageSize > 0;

    /// <summary>What lies outermost: a sequence or a page.</summary>
    private string Outer => paged ? "page" : "sequence";

    /// <summary>Bytes that one token takes over all KV heads, scales included.</summary>
    public static long BytesPerToken(AttentionSpec spec) => spec.Shape.CacheBytesPerToken;

    public void Write(CodeWriter writer)
    {
        string token = paged ? "token of the page" : "token";
        string axes = spec.Layout == KvLayout.Hnd ? $"[{Outer}, KV head, {token}, dim]" : $"[{Outer}, {token}, KV head, dim]";
        if (spec.CacheScale == CacheScale.PerGroup)
        {
            Groups(writer, axes);
            return;
        }

        writer.Add(
            "/// <summary>Where things lie in the cache of one layer: "
            + (spec.LatentCache
                ? $"keys, whose first {spec.ResolvedValueDim} elements are the values"
                : "keys and values in a buffer each")
            + $", {axes}, {spec.ResolvedCacheStorage}. "
            + "Offsets and strides count elements.</summary>");
        writer.Add(CSharpFile.GeneratedCode);
        writer.Open("public static class CacheLayout");
        writer.Add(spec.ResolvedCacheStorage.BitsPerElement() >= 8
            ? $"""
                /// <summary>Bytes of one element.</summary>
                public const int ElementBytes = {spec.ResolvedCacheStorage.SizeInBytes()};
                """
            : $"""
                /// <summary>Elements of one byte; the one with the even offset lies in the low half.</summary>
                public const int ElementsPerByte = {8 / spec.ResolvedCacheStorage.BitsPerElement()};
                """);
        PageSize(writer);
        Rows(writer, "Key", "key", "one token's keys take over all KV heads", RowBytes(spec, spec.HeadDim), spec.HeadDim, "HeadDim");
        if (!spec.LatentCache)
        {
            Rows(writer, "Value", "value", "one token's values take over all KV heads",
                RowBytes(spec, spec.ResolvedValueDim), spec.ResolvedValueDim, "ValueDim");
        }

        if (spec.CacheScale == CacheScale.PerToken)
        {
            Rows(writer,
                "Scale", "scale", "one token's scales of keys and of values, float32 in a buffer each, take over all KV heads",
                ScaleBytes(spec), 1, null);
        }

        writer.Close();
    }

    /// <summary>The layout of rows that have their scales inside, counted in bytes.</summary>
    private void Groups(CodeWriter writer, string axes)
    {
        int value = spec.ResolvedValueDim;
        writer.Add($"""
            /// <summary>
            /// Where things lie in the cache of one layer: keys, whose first {value} elements are the values, {axes}, each {value} e4m3, a
            /// float32 scale for every {LatentFloat8Row.GroupSize} of them, and {spec.HeadDim - value} bfloat16. Offsets and strides count
            /// bytes.
            /// </summary>
            {CSharpFile.GeneratedCode}
            """);
        writer.Open("public static class CacheLayout");
        writer.Add($"""
            /// <summary>Bytes of one key.</summary>
            public const int RowBytes = {spec.Shape.KeyBytes};

            /// <summary>Elements of a value that share a scale.</summary>
            public const int ScaleGroup = {LatentFloat8Row.GroupSize};

            /// <summary>Where in a row its scales begin.</summary>
            public const int ScalesAt = {LatentFloat8Row.ScalesAt(value)};

            /// <summary>Where in a row its elements after the value begin, in bfloat16.</summary>
            public const int TailAt = {LatentFloat8Row.TailAt(value)};
            """);
        PageSize(writer);
        Rows(writer, "Key", "key", "one token's keys take over all KV heads",
            spec.KvHeads * spec.Shape.KeyBytes, (int)spec.Shape.KeyBytes, "RowBytes", index: "at");
        writer.Close();
    }

    private void PageSize(CodeWriter writer)
    {
        if (paged)
        {
            writer.Line().Add($"""
                /// <summary>Tokens of a page.</summary>
                public const int PageSize = {spec.PageSize};
                """);
        }
    }

    /// <summary>Strides and offset of one kind of rows.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="name">What the members' names begin with.</param>
    /// <param name="noun">What a row is.</param>
    /// <param name="what">What takes the bytes of a token.</param>
    /// <param name="bytes">Bytes of a token.</param>
    /// <param name="dim">Elements of a row.</param>
    /// <param name="dimName">The constant of that number, or null where a row is one element.</param>
    /// <param name="index">What the place in a row is called: <c>dim</c>, or <c>at</c> where bytes are counted.</param>
    private void Rows(CodeWriter writer, string name, string noun, string what, long bytes, int dim, string? dimName, string index = "dim")
    {
        string outerName = paged ? "Page" : "Sequence";
        string tokenStride = C.Int(spec.Layout == KvLayout.Hnd ? dim : spec.KvHeads * dim);
        string headStride = spec.Layout == KvLayout.Nhd ? C.Int(dim) : paged ? C.Int(spec.PageSize * dim) : $"(long)capacity * {dim}";
        string outerStride = paged ? C.Int(spec.PageSize * spec.KvHeads * dim) : $"(long)capacity * {spec.KvHeads * dim}";
        string Stride(string axis, string value) => paged
            ? $"public const long {name}{axis}Stride = {value};"
            : $"public static long {name}{axis}Stride(int capacity) => {value};";

        string subject = dimName is null
            ? "the scale of a key, or of a value,"
            : $"{(index == "dim" ? "an element" : "a byte")} of a {noun}";
        string cache = paged ? "in the cache" : "in a cache whose sequences have room for <paramref name=\"capacity\"/> tokens";
        string parameters =
            $"int {Outer}, int kvHead, int token"
            + $"{(dimName is null ? "" : $", int {index}")}"
            + $"{(paged ? "" : ", int capacity")}";
        string capacity = paged ? "PageSize" : "capacity";
        string call = paged ? "" : "(capacity)";
        writer.Line();
        writer.Add($"""
            /// <summary>Bytes that {what}.</summary>
            public const long {name}BytesPerToken = {bytes};

            /// <summary>From one token's {noun} to the next of the same head.</summary>
            public const long {name}TokenStride = {tokenStride};

            /// <summary>From one head's {noun} to the next head's of the same token.</summary>
            {Stride("Head", headStride)}

            /// <summary>From one {Outer} to the next.</summary>
            {Stride(outerName, outerStride)}

            /// <summary>Where {subject} lies {cache}.</summary>
            /// <exception cref="global::System.ArgumentOutOfRangeException">An index is outside its axis.</exception>
            """);
        if (!paged)
        {
            writer.Add("/// <exception cref=\"global::System.OverflowException\">The offset does not fit 64 bits.</exception>");
        }

        writer.Open($"public static long {name}Offset({parameters})");
        writer.Add($"""
            global::System.ArgumentOutOfRangeException.ThrowIfNegative({Outer});
            """);
        Within("kvHead", "KvHeads");
        Within("token", capacity);
        if (dimName is not null)
        {
            Within(index, dimName);
        }

        // A page's offset fits 64 bits whatever its number; a sequence's may not, which is to be the same in a checked context and in
        // others.
        string offset =
            $"({Outer} * {name}{outerName}Stride{call}) + "
            + $"(kvHead * {name}HeadStride{call}) + "
            + $"(token * {name}TokenStride){(dimName is null ? "" : $" + {index}")}";
        writer.Add($"return {(paged ? offset : $"checked({offset})")};");
        writer.Close();

        void Within(string axis, string count)
        {
            writer.Add($"global::System.ArgumentOutOfRangeException.ThrowIfNegative({axis});");
            writer.Add($"global::System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual({axis}, {count});");
        }
    }

    private static long RowBytes(AttentionSpec spec, int dim) => (long)spec.KvHeads * spec.ResolvedCacheStorage.RowBytes(dim);

    private static long ScaleBytes(AttentionSpec spec) =>
        spec.CacheScale == CacheScale.PerToken ? 2L * spec.KvHeads * sizeof(float) : 0;
}
