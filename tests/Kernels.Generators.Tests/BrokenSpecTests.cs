using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests;

/// <summary>One error in a spec is one error, whatever is written against the type; and it always is one.</summary>
public sealed class BrokenSpecTests
{
    private const string Contiguous = "KvCache<Spec> cache = attention.CreateCache(sequences: 2, capacity: 16, layers: 1);";
    private const string Paged = "PagedKvCache<Spec> cache = attention.CreateCache(pages: 2, layers: 1);";

    /// <summary>Arguments of the attribute, the element type of its calls, and how its cache is made.</summary>
    public static TheoryData<string, string, string> Specs => new()
    {
        { "32, 6, 128", "float", Contiguous },
        { "0, 0, 0", "float", Contiguous },
        { "int.MaxValue, int.MaxValue, int.MaxValue", "float", Contiguous },
        { "-8, -2, -64, ValueDim = -64, Storage = ElementType.Float16", "System.Half", Contiguous },
        { "8, 3, 64, PageSize = 16, Storage = ElementType.BFloat16", "BFloat16", Paged },
        { "8, 2, 64, PageSize = 1000", "float", Paged },
        { "8, 2, 64, PageSize = -1", "float", Contiguous },
        { "8, 2, 64, Storage = ElementType.Int8", "System.Half", Contiguous },
        { "8, 2, 64, Storage = (ElementType)77", "float", Contiguous },
        { "8, 2, 63, CacheStorage = ElementType.Int4", "float", Contiguous },
        { "8, 2, 64, CacheStorage = (ElementType)77, Mask = (AttentionMask)9, Layout = (KvLayout)9", "float", Contiguous },
        { "8, 2, 64, LatentCache = true, ValueDim = 512, CacheStorage = ElementType.Float8E4M3, PageSize = 64", "float", Paged },
        { "8, 2, 64, LatentCache = true, CacheStorage = ElementType.Int8", "float", Contiguous },
        { "8, 2, 64, QueryTile = 5, KeyTile = int.MinValue, Softcap = -1, Scale = double.NaN, WindowLeft = -7", "float", Contiguous },
    };

    [Theory]
    [MemberData(nameof(Specs))]
    public async Task No_other_error_comes_of_it(string arguments, string element, string cache)
    {
        GeneratorRun run = new UserProgram($$"""
            using Kernels;
            using Kernels.OpenCL;

            /// <summary>Wrong.</summary>
            [AttentionKernel({{arguments}})]
            public sealed partial class Spec;
            """, User(element, cache)).Run().AssertClean();
        Assert.NotEmpty((await run.AnalyzeAsync()).Where(finding => finding.Severity == DiagnosticSeverity.Error));
    }

    /// <summary>Options that bring members of their own, and an error.</summary>
    [Theory]
    [InlineData("Sinks = true", "var inputs = new Spec.Inputs { Sinks = device.Allocate<float>(8) };")]
    [InlineData("Documents = true", "var inputs = new Spec.Inputs { Documents = device.Allocate<int>(8) };")]
    [InlineData("KeyPadding = true", "var inputs = new Spec.Inputs { KeyPadding = new(device.Allocate<byte>(8), 1, 8) };")]
    [InlineData("Bias = true", "var inputs = new Spec.Inputs { Bias = new(device.Allocate<float>(8), 1, 1, 1, 8) };")]
    [InlineData(
        "Rope = RopeStyle.HalfSplit", "var inputs = new Spec.Inputs { Rope = new DeviceRopeTable(device, RopeTable.Plain(8, 64)) };")]
    [InlineData("Rope = (RopeStyle)9", "var inputs = new Spec.Inputs { Rope = null! };")]
    public void Members_of_options_are_there(string option, string use) => new UserProgram($$"""
        using Kernels;

        /// <summary>Wrong.</summary>
        [AttentionKernel(8, 3, 64, {{option}})]
        public sealed partial class Spec;
        """,
            User(
                "float", Contiguous + use, given: ", inputs", rope: option.StartsWith("Rope", System.StringComparison.Ordinal)
                    ? ", inputs.Rope" : "", reference: ", null!")).Run().AssertClean();

    /// <summary>Mods with an error: their inputs are what is nearest.</summary>
    [Theory]
    [InlineData(
        "[ScoreMod] static double Mod(float score, int batch, int head, int query, int key, System.ReadOnlySpan<float> slopes) => score;",
        "{ Slopes = floats }")]
    [InlineData(
        "[ScoreMod] static float Mod(float score, int batch, int head, int query, int key, float[] slopes, long window) => score;",
        "{ Slopes = floats, Window = 3 }")]
    [InlineData(
        "[ScoreMod] static float Mod(float score, int batch, int head, int query, int key, ref double cap, System.Span<int> ids) => score;",
        "{ Cap = 1f, Ids = ints }")]
    [InlineData(
        "[MaskMod] static bool Mod(int batch, int head, int query, int key, string? name) => name is null;",
        "{ Name = 1f }; attention.CreateBlockMask(attention.CreatePlan(), inputs).Build(attention.CreatePlan(), inputs)")]
    [InlineData(
        "[ScoreMod] float Mod(float score, int batch, int head, int query, int key, int n) => score; [MaskMod] static bool Visible(int "
            + "batch, int head, int query, int key, float n) => true;", "{ N = 3 }")]
    public async Task Inputs_of_mods_are_there(string mods, string inputs)
    {
        GeneratorRun run = new UserProgram($$"""
            using Kernels;

            /// <summary>Its mods are wrong.</summary>
            [AttentionKernel(8, 2, 64)]
            public sealed partial class Spec { {{mods}} }
            """,
                User(
                    "float", Contiguous
                        + "DeviceBuffer<float> floats = device.Allocate<float>(8); DeviceBuffer<int> ints = device.Allocate<int>(8); "
                        + $"System.GC.KeepAlive((floats, ints)); var inputs = new Spec.Inputs {inputs};", given: ", inputs",
                        reference: ", null!")).Run();
        Assert.DoesNotContain(run.CompilerDiagnostics, diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.NotEmpty((await run.AnalyzeAsync()).Where(finding => finding.Severity == DiagnosticSeverity.Error));
    }

    /// <summary>What C# itself rejects of an attribute is its one error.</summary>
    [Theory]
    [InlineData("8, 2", "CS7036")]
    [InlineData("8, 2, \"64\"", "CS1503")]
    [InlineData("8, 2, 64, Mask = \"Causal\"", "CS0029")]
    [InlineData("8, 2, 64, Unknown = 1", "CS0246")]
    public void What_C_sharp_rejects_has_no_company(string arguments, string id)
    {
        GeneratorRun run = new UserProgram($$"""
            using Kernels;

            /// <summary>Wrong.</summary>
            [AttentionKernel({{arguments}})]
            public sealed partial class Spec;
            """, User("float", Contiguous)).Run();
        Assert.Equal([id], run.CompilerDiagnostics.Select(diagnostic => diagnostic.Id));
    }

    [Fact]
    public async Task No_pragma_hides_it()
    {
        GeneratorRun run = new UserProgram("""
            using Kernels;
            #pragma warning disable
            #pragma warning disable KA0103, KA0306
            /// <summary>Wrong.</summary>
            [AttentionKernel(8, 3, 64)]
            public sealed partial class Spec
            {
                [ScoreMod] static float Mod(float score, int batch, int head, int query, int key) => (float)(score * 0.5);
            }
            """).Run();
        Assert.Equal(
            ["KA0103", "KA0306"],
            (await run.AnalyzeAsync(
                "dotnet_diagnostic.KA0103.severity = none\ndotnet_analyzer_diagnostic.severity = none\ngenerated_code = true"))
                .Where(finding => !finding.IsSuppressed).Select(finding => finding.Id).Order());
    }

    [Theory]
    [InlineData("[System.Diagnostics.CodeAnalysis.SuppressMessage(\"Kernels.Attention\", \"KA0103\")]", "")]
    [InlineData(
        "",
        "[assembly: System.Diagnostics.CodeAnalysis.SuppressMessage(\"Kernels.Attention\", \"KA0103:Heads\", Scope = \"type\", Target = "
            + "\"~T:Spec\")]")]
    public void What_hides_it_makes_the_build_fail(string onType, string onAssembly)
    {
        GeneratorRun run = new UserProgram(
            $"{onAssembly}\n/// <summary>Wrong.</summary>\n{onType} [Kernels.AttentionKernel(8, 3, 64)] public sealed partial class Spec;")
                .Run();
        Assert.Equal(["CS1029"], run.CompilerDiagnostics.Select(diagnostic => diagnostic.Id));
    }

    [Theory]
    [InlineData("RunAnalyzers", "false", true)]
    [InlineData("RunAnalyzersDuringBuild", "False", true)]
    [InlineData("RunAnalyzers", "true", false)]
    [InlineData("RunAnalyzers", "", false)]
    public void A_build_without_analyzers_fails_too(string property, string value, bool fails)
    {
        GeneratorRun broken = Run("8, 3, 64"), whole = Run("8, 2, 64");
        Assert.Equal(fails ? ["CS1029"] : [], broken.CompilerDiagnostics.Select(diagnostic => diagnostic.Id));
        whole.AssertClean();

        GeneratorRun Run(string arguments) => GeneratorRun.Start(
            new UserProgram(
                $"/// <summary>Documented.</summary>\n[Kernels.AttentionKernel({arguments})] public sealed partial class Spec;").Compile(),
            options: new BuildOptions((property, value)));
    }

    /// <summary>What another generator writes is not there for this one, and is for the analyzer.</summary>
    [Fact]
    public async Task A_mod_that_only_the_analyzer_can_read_is_told()
    {
        GeneratorRun run = new UserProgram("""
            using Kernels;
            [AttentionKernel(8, 2, 64)]
            public sealed partial class Spec
            {
                [MaskMod] static bool Visible(int batch, int head, int query, int key) => key < Elsewhere.Limit;
            }
            """).Run();
        Assert.Contains("CS0103", run.CompilerDiagnostics.Select(diagnostic => diagnostic.Id));
        Assert.Empty(await run.AnalyzeAsync());

        Diagnostic finding = Assert.Single(await run.AnalyzeAsync(extra: "static class Elsewhere { public const int Limit = 4; }"));
        Assert.Equal("KA0308", finding.Id);
        Assert.Contains("Visible, with a name in it that is not in the source,", finding.GetMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Constants_that_are_yet_to_be_emitted_can_be_named()
    {
        GeneratorRun run = new UserProgram("""
            using Kernels;
            /// <summary>Names of its own.</summary>
            [AttentionKernel(8, 2, 64, PageSize = 16)]
            public sealed partial class Spec
            {
                [MaskMod] static bool Visible(int batch, int head, int query, int key) =>
                    key / CacheLayout.PageSize < (int)CacheBytesPerToken / CacheLayout.ElementBytes && head < QueryHeads;
            }
            """).Run().AssertClean();
        Assert.Empty(await run.AnalyzeAsync());
        Assert.Contains("key / 16", run.Sources["Spec.Kernels.g.cs"], StringComparison.Ordinal);
    }

    /// <summary>All that a program does with a spec's type.</summary>
    private static string User(string element, string cache, string given = "", string rope = "", string reference = "") => $$"""
        using Kernels;
        using Kernels.OpenCL;

        internal static class Program
        {
            private static readonly {{element}}[] Queries = new {{element}}[3 * Spec.QueryHeads * Spec.HeadDim];
            private const int Group = Spec.QueryHeads / Spec.KvHeads, Rest = Spec.HeadDim % Spec.ValueDim;

            private static void Run<T>(T attention) where T : IAttention<T, {{element}}> => System.GC.KeepAlive(attention.CreatePlan());

            private static void Main()
            {
                using ComputeDevice device = ComputeDevice.Open();
                using var attention = new Spec(device, KernelTarget.Portable);
                {{cache}}
                Run(attention);
                SequenceHandle first = cache.AddSequence();
                AttentionPlan<Spec> plan = attention.CreatePlan();
                using DeviceBuffer<{{element}}> buffer = device.Allocate<{{element}}>(8);
                attention.EnqueueAppend(plan, cache, 0, buffer, buffer{{rope}}).Dispose();
                attention.SubmitAttend(plan, cache, 0, buffer, buffer{{given}});
                attention.Prefill(cache, first, Queries, Queries, Queries, Queries{{given}});
                attention.Decode(cache, [first, cache.AddSequence()], Queries, Queries, Queries, Queries{{given}});
                System.Console.WriteLine($"{Group}{Rest}{Spec.Descriptor.Name}{Spec.CacheBytesPerToken}{Spec.CacheLayout.KeyBytesPerToken}{attention.Target}{Spec.Create(device)}");
                System.Console.WriteLine(Spec.KernelSources.Get(KernelTarget.Cpu, KernelAlgorithm.Decode).Length + Kernels.Costs.AttentionCost.Of<Spec>().Shape.CacheBytesPerToken);
                System.GC.KeepAlive((System.Func<double[]>)(() => Spec.Reference(Queries, Queries, Queries{{reference}})));
                cache.Dispose();
            }
        }
        """;
}
