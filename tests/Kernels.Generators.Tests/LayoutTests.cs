using System.Reflection;
using Kernels.Generators.Tests.Harness;

namespace Kernels.Generators.Tests;

/// <summary>The generated numbers and cache layouts, as a program sees them that was compiled with them.</summary>
public sealed class LayoutTests
{
    /// <summary>Spec, d_qk, d_v, H_q, H_kv, bits of a cache element, tokens of a page or 0, and whether tokens lie outside heads.</summary>
    public static TheoryData<string, int, int, int, int, int, int, bool> Expected => new()
    {
        { "MhaFloat32", 64, 64, 8, 8, 32, 0, false },
        { "GqaFloat16Causal", 128, 128, 32, 8, 16, 0, false },
        { "MqaBFloat16Odd", 59, 59, 7, 1, 16, 0, false },
        { "WideKeysNarrowValues", 192, 128, 16, 16, 32, 0, false },
        { "NhdHalfCache", 80, 80, 8, 2, 16, 0, true },
        { "WindowAndSoftcap", 256, 256, 8, 4, 16, 0, false },
        { "PagedInt8AlibiSinks", 64, 32, 12, 4, 8, 16, false },
        { "DocumentsPaddingBias", 64, 64, 16, 4, 16, 0, false },
        { "RopeFloat16", 128, 128, 8, 2, 16, 0, false },
        { "LatentBFloat16", 576, 512, 128, 1, 16, 64, false },
        { "RopeInt8", 64, 64, 8, 2, 8, 0, false },
        { "PagedNhdInt4", 64, 64, 8, 2, 4, 8, true },
        { "NestedWithTiles", 96, 96, 12, 4, 32, 0, false },
        { "ModsWithInputs", 64, 64, 8, 2, 32, 16, false },
    };

    [Fact]
    public void Every_spec_is_in_the_table() =>
        Assert.Equal(
            Specs.All.Keys.Order(StringComparer.Ordinal), Expected.Select(row => (string)row[0]).Append("LatentFloat8")
                .Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Expected))]
    public void Numbers(string name, int headDim, int valueDim, int queryHeads, int kvHeads, int bits, int pageSize, bool tokensOutside)
    {
        _ = tokensOutside;
        long scaleBytes = bits < 16 ? 2L * kvHeads * sizeof(float) : 0;
        string type = Specs.All[name].TypeName;
        using LoadedProgram program = new UserProgram(Specs.All[name].Source).Run().Load();
        Assert.Equal(headDim, Constant(program.Type(type), "HeadDim"));
        Assert.Equal(valueDim, Constant(program.Type(type), "ValueDim"));
        Assert.Equal(queryHeads, Constant(program.Type(type), "QueryHeads"));
        Assert.Equal(kvHeads, Constant(program.Type(type), "KvHeads"));
        Type layout = program.Type(type + "+CacheLayout");
        bool latent = name.StartsWith("Latent", StringComparison.Ordinal);
        Assert.Equal(
            ((long)kvHeads * (headDim + (latent ? 0 : valueDim)) * bits / 8) + scaleBytes,
            Constant(program.Type(type), "CacheBytesPerToken"));
        Assert.Equal(2L * queryHeads * (headDim + valueDim), Constant(program.Type(type), "FlopsPerQueryAndKey"));

        Assert.Equal(bits < 8 ? 8 / bits : bits / 8, Constant(layout, bits < 8 ? "ElementsPerByte" : "ElementBytes"));
        Assert.Equal((long)kvHeads * headDim * bits / 8, Constant(layout, "KeyBytesPerToken"));
        Assert.Equal(latent, layout.GetField("ValueBytesPerToken") is null);
        Assert.True(latent || (long)kvHeads * valueDim * bits / 8 == (long)Constant(layout, "ValueBytesPerToken"));
        Assert.Equal(bits < 16, layout.GetField("ScaleBytesPerToken") is not null);
        Assert.Equal(pageSize > 0, layout.GetField("PageSize") is not null);
    }

    [Theory]
    [MemberData(nameof(Expected))]
    public void Every_element_has_a_place_of_its_own(
        string name, int headDim, int valueDim, int queryHeads, int kvHeads, int bits, int pageSize, bool tokensOutside)
    {
        _ = queryHeads;
        using LoadedProgram program = new UserProgram(Specs.All[name].Source).Run().Load();
        Type layout = program.Type(Specs.All[name].TypeName + "+CacheLayout");
        Check("Key", headDim, hasDims: true);
        if (layout.GetField("ValueBytesPerToken") is not null)
        {
            Check("Value", valueDim, hasDims: true);
        }

        if (bits < 16)
        {
            Check("Scale", 1, hasDims: false);
        }

        void Check(string part, int dim, bool hasDims)
        {
            const int outermost = 2;
            int capacity = pageSize > 0 ? pageSize : 3;

            // In the order in which they lie, elements have the offsets 0, 1, 2, …
            var order =
                from outer in Enumerable.Range(0, outermost)
                from second in Enumerable.Range(0, tokensOutside ? capacity : kvHeads)
                from third in Enumerable.Range(0, tokensOutside ? kvHeads : capacity)
                from d in Enumerable.Range(0, dim)
                select tokensOutside ? (outer, Head: third, Token: second, d) : (outer, Head: second, Token: third, d);
            Assert.Equal(
                Enumerable.Range(0, outermost * capacity * kvHeads * dim).Select(i => (long)i),
                order.Select(at => Offset(at.outer, at.Head, at.Token, at.d)));

            Assert.Equal(Offset(0, 0, 1, 0), Constant(layout, part + "TokenStride"));
            Assert.Equal(Offset(1, 0, 0, 0), Stride(pageSize > 0 ? "PageStride" : "SequenceStride"));
            Assert.True(kvHeads == 1 || Offset(0, 1, 0, 0) == Stride("HeadStride"));

            foreach ((int outer, int head, int token, int d) in new[] { (-1, 0, 0, 0), (0, kvHeads, 0, 0), (0, -1, 0, 0),
                (0, 0, capacity, 0), (0, 0, -1, 0) })
            {
                Assert.Throws<ArgumentOutOfRangeException>(() => Offset(outer, head, token, d));
            }

            if (hasDims)
            {
                Assert.Throws<ArgumentOutOfRangeException>(() => Offset(0, 0, 0, dim));
                Assert.Throws<ArgumentOutOfRangeException>(() => Offset(0, 0, 0, -1));
            }

            long Offset(int outer, int head, int token, int d) =>
                Call(
                    layout, part + "Offset",
                    [outer, head, token, .. hasDims ? [d] : Array.Empty<int>(), .. pageSize > 0 ? [] : new[] { capacity }]);

            long Stride(string axis) => pageSize > 0 ? (long)Constant(layout, part + axis) : Call(layout, part + axis, capacity);
        }
    }

    /// <summary>Rows with scales inside are counted in bytes.</summary>
    [Fact]
    public void Latent_rows_in_float8_have_656_bytes()
    {
        const int pageSize = 64, row = 512 + (4 * 4) + (64 * 2);
        using LoadedProgram program = new UserProgram(Specs.All["LatentFloat8"].Source, """
            /// <summary>Two KV heads, another rank, nothing after the value, tokens outside heads.</summary>
            [Kernels.AttentionKernel(8, 2, 256, ValueDim = 256, LatentCache = true, Scale = 0.1, CacheStorage = Kernels.ElementType.Float8E4M3, Layout = Kernels.KvLayout.Nhd)]
            public partial class Other;
            """).Run().Load();
        Assert.Equal(656L, Constant(program.Type("Models.LatentFloat8"), "CacheBytesPerToken"));
        Assert.Equal(2L * 264, Constant(program.Type("Other"), "CacheBytesPerToken"));
        Type layout = program.Type("Models.LatentFloat8+CacheLayout"), other = program.Type("Other+CacheLayout");
        Assert.Equal((row, 128, 512, 528, 656L, pageSize), (
            (int)Constant(layout, "RowBytes"), (int)Constant(layout, "ScaleGroup"), (int)Constant(layout, "ScalesAt"),
            (int)Constant(layout, "TailAt"), (long)Constant(layout, "KeyBytesPerToken"), (int)Constant(layout, "PageSize")));
        Assert.Equal((264, 256, 264), ((int)Constant(other, "RowBytes"), (int)Constant(other, "ScalesAt"), (int)Constant(other, "TailAt")));
        Assert.Null(layout.GetField("ValueBytesPerToken"));
        Assert.Null(layout.GetField("ScaleBytesPerToken"));
        Assert.Equal((long)row, Constant(layout, "KeyTokenStride"));
        Assert.Equal((long)row * pageSize, Constant(layout, "KeyPageStride"));
        Assert.Equal((((5_000_000L * pageSize) + 63) * row) + 655, Call(layout, "KeyOffset", 5_000_000, 0, 63, 655));
        Assert.Equal((((((3L * 100) + 99) * 2) + 1) * 264) + 263, Call(other, "KeyOffset", 3, 1, 99, 263, 100));
        Assert.Throws<ArgumentOutOfRangeException>(() => Call(layout, "KeyOffset", 0, 0, 0, 656));
        Assert.Throws<ArgumentOutOfRangeException>(() => Call(layout, "KeyOffset", 0, 0, 64, 0));
    }

    /// <summary>What does not fit 64 bits is told, in a checked context and in others.</summary>
    [Fact]
    public void Offsets_beyond_64_bits_are_told()
    {
        using LoadedProgram program = new UserProgram(Specs.All["MhaFloat32"].Source).Run().Load();
        Assert.Throws<OverflowException>(() =>
            Call(program.Type("Models.MhaFloat32+CacheLayout"), "KeyOffset", int.MaxValue, 0, 0, 0, int.MaxValue));
    }

    [Fact]
    public void Offsets_go_beyond_32_bits()
    {
        using LoadedProgram program = new UserProgram(Specs.All["GqaFloat16Causal"].Source, """
            /// <summary>Many heads in large pages.</summary>
            [Kernels.AttentionKernel(1024, 1024, 256, PageSize = 256)]
            public partial class Pages;
            """).Run().Load();
        Assert.Equal(
            ((((1000L * 8) + 7) * 1_000_000) + 999_999) * 128 + 127,
            Call(program.Type("Models.GqaFloat16Causal+CacheLayout"), "KeyOffset", 1000, 7, 999_999, 127, 1_000_000));
        Assert.Equal(
            ((((100_000L * 1024) + 1023) * 256) + 255) * 256 + 255,
            Call(program.Type("Pages+CacheLayout"), "ValueOffset", 100_000, 1023, 255, 255));
    }

    [Fact]
    public void The_largest_spec_has_sizes_that_fit()
    {
        using LoadedProgram program = new UserProgram("""
            /// <summary>Every limit at once.</summary>
            [Kernels.AttentionKernel(1024, 1024, 256)]
            public partial class Largest;
            """).Run().Load();
        Assert.Equal(1024L * 512 * 4, Constant(program.Type("Largest"), "CacheBytesPerToken"));
        Assert.Equal(2L * 1024 * 512, Constant(program.Type("Largest"), "FlopsPerQueryAndKey"));
    }

    private static object Constant(Type type, string name) =>
        type.GetField(name, BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;

    private static long Call(Type type, string name, params int[] arguments) => (long)type
        .GetMethod(name, BindingFlags.Public | BindingFlags.Static)!
        .Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, [.. arguments.Select(argument => (object)argument)], culture: null)!;
}
