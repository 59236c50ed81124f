using Kernels.Generators.Tests.Harness;

namespace Kernels.Generators.Tests;

/// <summary>What a generated type tells of itself: exactly what its attribute says, defaults resolved.</summary>
public sealed class DescriptorTests
{
    /// <summary>Spec, and its shape as C# that a program compares with.</summary>
    public static TheoryData<string, string> Shapes => new()
    {
        { "MhaFloat32", "8, 8, 64, 64, 0.125, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)" },
        { "GqaFloat16Causal",
            "32, 8, 128, 128, 1 / System.Math.Sqrt(128), AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd)" },
        { "MqaBFloat16Odd",
            "7, 1, 59, 59, 1 / System.Math.Sqrt(59), AttentionMask.Causal, ElementType.BFloat16, ElementType.BFloat16, KvLayout.Hnd)" },
        { "WideKeysNarrowValues",
            "16, 16, 192, 128, 0.0625, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)" },
        { "NhdHalfCache",
            "8, 2, 80, 80, 1 / System.Math.Sqrt(80), AttentionMask.None, ElementType.Float32, ElementType.Float16, KvLayout.Nhd)" },
        { "WindowAndSoftcap",
            "8, 4, 256, 256, 0.0625, AttentionMask.Causal, ElementType.BFloat16, ElementType.BFloat16, KvLayout.Hnd) { WindowLeft = 4095, "
                + "Softcap = 50 }" },
        { "PagedInt8AlibiSinks",
            "12, 4, 64, 32, 0.125, AttentionMask.None, ElementType.Float16, ElementType.Int8, KvLayout.Hnd) { WindowRight = 0, Alibi = "
                + "true, Sinks = true, PageSize = 16 }" },
        { "DocumentsPaddingBias",
            "16, 4, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd) { Documents = true, "
                + "KeyPadding = true, Bias = true }" },
        { "RopeFloat16",
            "8, 2, 128, 128, 1 / System.Math.Sqrt(128), AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd) { "
                + "Rope = RopeStyle.HalfSplit, RotaryDim = 64 }" },
        { "LatentBFloat16",
            "128, 1, 576, 512, 0.07216878, AttentionMask.Causal, ElementType.BFloat16, ElementType.BFloat16, KvLayout.Hnd) { Rope = "
                + "RopeStyle.Interleaved, RotaryDim = 64, LatentCache = true, Deterministic = true, PageSize = 64 }" },
        { "LatentFloat8",
            "128, 1, 576, 512, 0.07216878, AttentionMask.Causal, ElementType.BFloat16, ElementType.Float8E4M3, KvLayout.Hnd) { Rope = "
                + "RopeStyle.Interleaved, RotaryDim = 64, LatentCache = true, PageSize = 64 }" },
        { "RopeInt8",
            "8, 2, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float32, ElementType.Int8, KvLayout.Hnd) { Rope = "
                + "RopeStyle.Interleaved, RotaryDim = 64 }" },
        { "PagedNhdInt4",
            "8, 2, 64, 64, 0.125, AttentionMask.PrefixCausal, ElementType.Float32, ElementType.Int4, KvLayout.Nhd) { PageSize = 8 }" },
        { "ModsWithInputs",
            "8, 2, 64, 64, 0.125, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd) { Sinks = true, HasMods = "
                + "true, PageSize = 16 }" },
        { "NestedWithTiles",
            "12, 4, 96, 96, 1 / System.Math.Sqrt(96), AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)" },
    };

    [Fact]
    public void Every_spec_is_in_the_table() =>
        Assert.Equal(Specs.All.Keys.Order(StringComparer.Ordinal), Shapes.Select(row => (string)row[0]).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Shape_targets_and_name(string name, string shape)
    {
        Specs.Spec spec = Specs.All[name];
        using LoadedProgram program = new UserProgram(spec.Source, $$"""
            using Kernels;
            using Kernels.Costs;

            /// <summary>Through the contract, as generic code sees it.</summary>
            public static class Probe
            {
                private static AttentionDescriptor Of<T>() where T : IAttentionSpec<T> => T.Descriptor;

                /// <summary>What it should be.</summary>
                public static string Expected() => new AttentionShape({{shape}}.ToString();

                /// <summary>What it is.</summary>
                public static string Actual() => Of<{{spec.CodeName}}>().Shape.ToString();

                /// <summary>Whether both are equal.</summary>
                public static bool AreEqual() => Of<{{spec.CodeName}}>().Shape == new AttentionShape({{shape}};

                /// <summary>The name.</summary>
                public static string Name() => Of<{{spec.CodeName}}>().Name;

                /// <summary>Whether the constants are what the cost model counts with.</summary>
                public static bool CostsAreTheConstants() =>
                    AttentionCost.Of<{{spec.CodeName}}>().Shape.CacheBytesPerToken == {{spec.CodeName}}.CacheBytesPerToken
                    && AttentionCost.Of<{{spec.CodeName}}>().Shape.FlopsPerQueryAndKey == {{spec.CodeName}}.FlopsPerQueryAndKey;

                /// <summary>Whether every target has a geometry and a source of each kernel, and no other has.</summary>
                public static bool TargetsAreServed()
                {
                    AttentionDescriptor descriptor = Of<{{spec.CodeName}}>();
                    foreach (KernelTarget target in System.Enum.GetValues<KernelTarget>())
                    {
                        bool served = true;
                        try
                        {
                            served = descriptor.Geometry(target).Decode.Keys > 0;
                            foreach (KernelAlgorithm algorithm in System.Enum.GetValues<KernelAlgorithm>())
                            {
                                served &= algorithm == KernelAlgorithm.ClassifyTiles && descriptor.BlockMaskHeads == 0
                                    || descriptor.Source(target, algorithm).Length > 0;
                            }
                        }
                        catch (System.ArgumentOutOfRangeException)
                        {
                            served = false;
                        }

                        if (served != System.Linq.Enumerable.Contains(descriptor.Targets, target))
                        {
                            return false;
                        }
                    }

                    return descriptor.Targets.Count > 0;
                }
            }
            """).Run().Load();
        Assert.Equal(program.Call<string>("Probe", "Expected"), program.Call<string>("Probe", "Actual"));
        Assert.True(program.Call<bool>("Probe", "AreEqual"));
        Assert.Equal(spec.CodeName.Split('.')[^1], program.Call<string>("Probe", "Name"));
        Assert.True(program.Call<bool>("Probe", "CostsAreTheConstants"));
        Assert.True(program.Call<bool>("Probe", "TargetsAreServed"));
    }

    [Fact]
    public void Caches_of_one_spec_are_not_taken_by_another()
    {
        const string Program = """
            using Kernels;
            using Kernels.OpenCL;

            [AttentionKernel(8, 2, 64)] internal partial class First;
            [AttentionKernel(8, 2, 64)] internal partial class Second;

            internal static class Program
            {
                private static void Mix(First first, Second second) => first.Append(second.CreateCache(1, 1), default, default, default);
            }
            """;
        Assert.Contains("CS1503", new UserProgram(Program).Run().CompilerDiagnostics.Select(diagnostic => diagnostic.Id));
        new UserProgram(Program.Replace("second.CreateCache", "first.CreateCache", StringComparison.Ordinal)).Run().AssertClean();
    }
}
