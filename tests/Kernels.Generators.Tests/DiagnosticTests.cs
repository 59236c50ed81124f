using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Tests;

/// <summary>What the analyzer says, where it says it, and with which numbers.</summary>
public sealed class DiagnosticTests
{
    /// <summary>Id, source with the places marked, and the message.</summary>
    public static TheoryData<string, string, string> OnTypes => new()
    {
        { "KA0001", "[AttentionKernel(8, 2, 64)] class [|Spec|];",
            "Spec must be partial: the generator writes its kernels and bindings into the same type" },
        { "KA0001", "partial class Outer { [AttentionKernel(8, 2, 64)] class [|Spec|]; }",
            "Spec must be partial: the generator writes its kernels and bindings into the same type" },
        { "KA0002", "class [|Outer|] { [AttentionKernel(8, 2, 64)] partial class Spec; }",
            "Outer, which contains Spec, must be partial too" },
        { "KA0002", "struct [|Outer|] { partial class Middle { [AttentionKernel(8, 2, 64)] partial class Spec; } }",
            "Outer, which contains Spec, must be partial too" },
        { "KA0003", "[AttentionKernel(8, 2, 64)] partial struct [|Spec|];", Wrong("a struct") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] partial record struct [|Spec|];", Wrong("a struct") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] partial interface [|Spec|];", Wrong("an interface") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] partial record [|Spec|];", Wrong("a record") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] static partial class [|Spec|];", Wrong("a static class") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] abstract partial class [|Spec|];", Wrong("an abstract class") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] file partial class [|Spec|];", Wrong("a file-local class") },
        { "KA0003", "file partial class [|Outer|] { [AttentionKernel(8, 2, 64)] public partial class Spec; }",
            Wrong("in the file-local type Outer") },
        { "KA0003", "[AttentionKernel(8, 2, 64)] partial class Base; [AttentionKernel(8, 2, 64)] partial class [|Spec|] : Base;",
            Wrong("derived from Base, which has the attribute too") },
        { "KA0004", "[AttentionKernel(8, 2, 64)] partial class [|Spec|]<T>;", Generic("Spec") },
        { "KA0004", "partial class [|Outer|]<T> { [AttentionKernel(8, 2, 64)] partial class Spec; }", Generic("Outer") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class Spec { public const int [|HeadDim|] = 64; }", Taken("HeadDim") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class Spec { private void [|Dispose|](bool all) { } }", Taken("Dispose") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class Spec { static class [|CacheLayout|] { } }", Taken("CacheLayout") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class Spec { int [|launcher|] = 1; }", Taken("launcher") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class Spec; partial class Spec { event System.Action [|Device|]; }",
            Taken("Device") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class Spec { [|Spec|]() { } }", Taken("a constructor") },
        { "KA0005", "[AttentionKernel(8, 2, 64)] partial class [|Spec|](int number) { int Number => number; }", Taken("a constructor") },
        { "KA0005", "class Base { protected void Append() { } } [AttentionKernel(8, 2, 64)] partial class [|Spec|] : Base;",
            Taken("Append from its base class Base") },
        { "KA0006", "[AttentionKernel(8, 2, 64)] partial class [|Decode|];",
            "Decode cannot be the type's name: the generator emits a member Decode, and a member cannot have the name of its type; rename "
                + "the type" },
        { "KA0007", "class Base { private Base() { } } [AttentionKernel(8, 2, 64)] partial class [|Spec|] : Base;",
            "The generated constructor of Spec cannot create it: its base class Base has no constructor without parameters that it can "
                + "call; give it one" },
        { "KA0007", "[AttentionKernel(8, 2, 64)] partial class Spec { public required int [|Layer|] { get; init; } }",
            "The generated constructor of Spec cannot create it: Layer is required, and the constructor does not set it; remove the "
                + "modifier" },
        { "KA0007", "class Base { public required int Layer; } [AttentionKernel(8, 2, 64)] partial class [|Spec|] : Base;",
            "The generated constructor of Spec cannot create it: Layer is required, and the constructor does not set it; remove the "
                + "modifier" },
    };

    /// <summary>Id, arguments of the attribute with the places marked, and the message.</summary>
    public static TheoryData<string, string, string> OnOptions => new()
    {
        { "KA0101", "[|0|], 2, 64", "queryHeads is 0; it must be between 1 and 1024" },
        { "KA0101", "headDim: 64, kvHeads: 1, [|queryHeads: 1025|]", "queryHeads is 1025; it must be between 1 and 1024" },
        { "KA0102", "8, [|-2|], 64", "kvHeads is -2; it must be between 1 and 1024" },
        { "KA0103", "32, [|6|], 64",
            "32 query heads cannot be shared out over 6 KV heads; kvHeads must divide queryHeads, for example 4 or 8" },
        { "KA0103", "7, headDim: 64, [|kvHeads: 2|]",
            "7 query heads cannot be shared out over 2 KV heads; kvHeads must divide queryHeads, for example 1 or 7" },
        { "KA0104", "8, 2, [|7|]", "headDim is 7; it must be between 8 and 576" },
        { "KA0104", "8, 2, [|headDim: 4096|]", "headDim is 4096; it must be between 8 and 576" },
        { "KA0105", "8, 2, 64, [|ValueDim = 513|]",
            "ValueDim is 513; it must be between 8 and 512, or left out to be the same as headDim" },
        { "KA0105", "8, 2, 64, [|ValueDim = -1|]", "ValueDim is -1; it must be between 8 and 512, or left out to be the same as headDim" },
        { "KA0106", "8, 2, 64, [|Scale = -1|]", "Scale is -1; it must be between 1E-30 and 1E+30, or left out to be 1/√headDim = 0.125" },
        { "KA0106", "8, 2, 64, [|Scale = double.NaN|]",
            "Scale is NaN; it must be between 1E-30 and 1E+30, or left out to be 1/√headDim = 0.125" },
        { "KA0106", "8, 2, 64, [|Scale = 1e-40|]",
            "Scale is 1E-40; it must be between 1E-30 and 1E+30, or left out to be 1/√headDim = 0.125" },
        { "KA0106", "8, 2, 64, [|Scale = double.PositiveInfinity|]",
            "Scale is Infinity; it must be between 1E-30 and 1E+30, or left out to be 1/√headDim = 0.125" },
        { "KA0107", "8, 2, 64, [|Mask = (AttentionMask)7|]", "Mask = 7 is not a value of AttentionMask; use None, Causal, PrefixCausal" },
        { "KA0107", "8, 2, 64, [|Storage = (ElementType)(-1)|]",
            "Storage = -1 is not a value of ElementType; use Float32, Float16, BFloat16" },
        { "KA0107", "8, 2, 64, [|CacheStorage = (ElementType)99|]",
            "CacheStorage = 99 is not a value of ElementType; use Float32, Float16, BFloat16, Int8, Int4, Float8E4M3" },
        { "KA0107", "8, 2, 64, [|Layout = (KvLayout)2|]", "Layout = 2 is not a value of KvLayout; use Hnd, Nhd" },
        { "KA0108", "8, 2, 64, [|QueryTile = 12|]",
            "QueryTile is 12; it must be a power of two from 4 to 128, or left out to be chosen by the planner" },
        { "KA0108", "8, 2, 64, [|KeyTile = 512|]",
            "KeyTile is 512; it must be a power of two from 8 to 256, or left out to be chosen by the planner" },
        { "KA0108", "8, 2, 64, [|KeyTile = -8|]",
            "KeyTile is -8; it must be a power of two from 8 to 256, or left out to be chosen by the planner" },
        { "KA0109", "8, 2, 256, [|QueryTile = 64|], KeyTile = 8", TooLarge(64, 8, 256, 78208, 16, 64) },
        { "KA0109", "8, 2, 64, QueryTile = 16, [|KeyTile = 256|]", TooLarge(16, 256, 64, 90688, 32, 64) },
        { "KA0109", "8, 2, 128, [|QueryTile = 128|]", TooLarge(128, 8, 128, 78464, 32, 64) },
        { "KA0110", "8, [|32|], 64",
            "8 query heads are fewer than 32 KV heads, and every KV head serves at least one query head; set kvHeads to 8 or less, or "
                + "swap the two" },
        { "KA0111", "8, 2, 64, [|WindowLeft = -2|]",
            "WindowLeft is -2; it must be between 0 and 1073741824, or left out (-1) for no limit" },
        { "KA0111", "8, 2, 64, [|WindowRight = int.MaxValue|]",
            "WindowRight is 2147483647; it must be between 0 and 1073741824, or left out (-1) for no limit" },
        { "KA0112", "8, 2, 64, [|Softcap = -50|]", "Softcap is -50; it must be between 1E-30 and 1E+30, or left out (0) to be off" },
        { "KA0112", "8, 2, 64, [|Softcap = double.NaN|]", "Softcap is NaN; it must be between 1E-30 and 1E+30, or left out (0) to be off" },
        { "KA0113", "8, 2, 64, [|PageSize = 512|]",
            "PageSize is 512; it must be between 1 and 256 tokens, or left out (0) for a contiguous cache" },
        { "KA0120", "8, 2, 64, [|Storage = ElementType.Int8|]",
            "Storage = Int8 has scales beside its elements, which queries, new keys and values, and outputs have no place for; "
            + "leave Storage one of Float32, Float16, BFloat16, and set CacheStorage to Int8 for a cache of that type" },
        { "KA0121", "8, 2, [|72|], CacheStorage = ElementType.Int4",
            "headDim is 72; a cache in Int4 needs a multiple of 16, for example 64 or 80" },
        { "KA0121", "8, 2, 64, CacheStorage = ElementType.Int4, [|ValueDim = 8|]",
            "ValueDim is 8; a cache in Int4 needs a multiple of 16, for example 16" },
        { "KA0107", "8, 2, 64, [|Rope = (RopeStyle)3|]", "Rope = 3 is not a value of RopeStyle; use None, HalfSplit, Interleaved" },
        { "KA0130", "8, 2, 64, Rope = RopeStyle.HalfSplit, [|RotaryDim = 66|]",
            "66 elements of a head cannot turn in pairs; RotaryDim must be an even number between 2 and 64, or left out where headDim is "
                + "even" },
        { "KA0130", "8, 2, 59, [|Rope = RopeStyle.Interleaved|]",
            "59 elements of a head cannot turn in pairs; RotaryDim must be an even number between 2 and 58, or left out where headDim is "
                + "even" },
        { "KA0131", "8, 1, 80, Scale = 0.125, [|LatentCache = true|]",
            "A latent cache has a token's value in the first ValueDim elements of its one row of 80; set ValueDim to the latent rank, at "
                + "most 80" },
        { "KA0131", "8, 1, 80, Scale = 0.125, LatentCache = true, [|ValueDim = 96|]",
            "A latent cache has a token's value in the first ValueDim elements of its one row of 80; set ValueDim to the latent rank, at "
                + "most 80" },
        { "KA0132", "8, 1, 80, ValueDim = 64, [|LatentCache = true|]",
            "The scale of latent attention does not follow from its width 80; set Scale to 1/√(nope + rope dimensions) of a head as it "
                + "was before absorption" },
        { "KA0133", "8, 1, 80, ValueDim = 64, LatentCache = true, Scale = 0.125, [|CacheStorage = ElementType.Int8|]",
            "A latent row is key and value at once and has no scale of its own for either, which Int8 needs; set CacheStorage to one of "
                + "Float32, Float16, BFloat16, Float8E4M3, or leave it out" },
        { "KA0121", "8, 1, 80, [|ValueDim = 64|], LatentCache = true, Scale = 0.125, CacheStorage = ElementType.Float8E4M3",
            "ValueDim is 64; a latent cache in Float8E4M3 needs a multiple of 128, for example 128" },
        { "KA0121", "8, 1, [|175|], ValueDim = 128, LatentCache = true, Scale = 0.125, CacheStorage = ElementType.Float8E4M3",
            "headDim is 175; a latent cache in Float8E4M3 needs a multiple of 2, for example 174 or 176" },
        { "KA0210", "8, 2, 64, [|RotaryDim = 32|]",
            "RotaryDim = 32 changes nothing while Rope is None; set Rope to the style of the checkpoint, or leave RotaryDim out" },
        { "KA0202", "8, 2, 64, Rope = RopeStyle.HalfSplit, [|RotaryDim = 64|]",
            "RotaryDim = 64 is what the spec has without it; leave it out" },
        { "KA0201", "8, 2, 64, Storage = ElementType.BFloat16, [|CacheStorage = ElementType.Float32|]",
            "The cache keeps Float32 but keys and values arrive as BFloat16: the wider cache takes more memory and bandwidth and holds "
                + "nothing more; leave CacheStorage out" },
        { "KA0202", "8, 2, 64, [|ValueDim = 64|]", "ValueDim = 64 is what the spec has without it; leave it out" },
        { "KA0202", "8, 2, 64, [|CacheStorage = ElementType.Float32|]",
            "CacheStorage = Float32 is what the spec has without it; leave it out" },
        { "KA0203", "8, 2, 64, Storage = ElementType.Float16, [|CacheStorage = ElementType.BFloat16|]",
            "Keys and values arrive as Float16 and the cache keeps BFloat16: both take 2 bytes an element, so the conversion loses "
                + "precision and saves nothing; leave CacheStorage out" },
        { "KA0203", "8, 2, 64, [|CacheStorage = ElementType.Float16|], Storage = ElementType.BFloat16",
            "Keys and values arrive as BFloat16 and the cache keeps Float16: both take 2 bytes an element, so the conversion loses range "
                + "and saves nothing; leave CacheStorage out" },
        { "KA0204", "8, 1, 64, [|Layout = KvLayout.Nhd|]",
            "With 1 KV head Nhd and Hnd put every element at the same place; leave Layout out" },
        { "KA0205", "8, 2, 64, Mask = AttentionMask.Causal, [|WindowRight = 0|]",
            "With Mask = Causal no query sees a key to its right, so that WindowRight = 0 changes nothing; leave it out" },
    };

    /// <summary>Programs without a finding that come close to one.</summary>
    public static TheoryData<string> Clean => new()
    {
        "[AttentionKernel(1, 1, 8)] partial class Spec;",
        "[AttentionKernel(1024, 1024, 256)] partial class Spec;",
        "[AttentionKernel(7, 1, 59, ValueDim = 8, Storage = ElementType.BFloat16)] partial class Spec;",
        "[AttentionKernel(8, 2, 64, Scale = 1000)] partial class Spec;",
        "[AttentionKernel(8, 2, 64, Scale = 0.000001)] partial class Spec;",
        "[AttentionKernel(8, 2, 64, Mask = AttentionMask.None, Layout = KvLayout.Hnd)] partial class Spec;",
        "[AttentionKernel(8, 2, 64, CacheStorage = ElementType.BFloat16)] partial class Spec;",
        "[AttentionKernel(8, 1, 576, ValueDim = 512, LatentCache = true, Scale = 0.125, CacheStorage = ElementType.Float8E4M3)] partial "
            + "class Spec;",
        "[AttentionKernel(8, 2, 64, QueryTile = 64, KeyTile = 8)] partial class Spec { const int Number = 1; }",
        "[AttentionKernel(8, 2, 64, Mask = AttentionMask.None, WindowLeft = 0, WindowRight = 0)] partial class Spec;",
        "[AttentionKernel(8, 2, 64, Mask = AttentionMask.PrefixCausal, WindowRight = 4)] partial class Spec;",
        "abstract class Base { private void Decode() { } static Base() { } } [AttentionKernel(8, 2, 64)] sealed partial class Spec : Base "
            + "{ static Spec() { } ~Spec() { } }",
        "public class Other { public int HeadDim; } public partial class Spec { int mine; } [AttentionKernel(8, 2, 64)] partial class "
            + "Spec { void Mine() { } }",
    };

    [Theory]
    [MemberData(nameof(OnTypes))]
    public Task A_type_that_breaks_a_rule(string id, string source, string message) =>
        AssertDiagnostic(id, source, message, takesMembers: false);

    [Theory]
    [MemberData(nameof(OnOptions))]
    public Task An_option_that_breaks_a_rule(string id, string arguments, string message) =>
        AssertDiagnostic(id, $"[AttentionKernel({arguments})] partial class Spec;", message, takesMembers: true);

    [Theory]
    [MemberData(nameof(Clean))]
    public async Task Nothing_is_said_of_what_is_right(string source)
    {
        GeneratorRun run = new UserProgram("using Kernels;\n" + source).Run();
        Assert.Empty(await run.AnalyzeAsync());
        Assert.Equal(3, run.Sources.Count);
        Assert.DoesNotContain(run.CompilerDiagnostics, diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    [Fact]
    public async Task An_old_language_is_named_with_its_version()
    {
        GeneratorRun run = new UserProgram("using Kernels; [AttentionKernel(8, 2, 64)] partial class Spec { }")
        {
            LanguageVersion = LanguageVersion.CSharp11,
        }.Run();
        Diagnostic diagnostic = Assert.Single(await run.AnalyzeAsync());
        Assert.Equal("KA0008", diagnostic.Id);
        Assert.Equal(
            "Spec is compiled as C# 11.0; generated code takes C# 12 or later, so set LangVersion or leave it out",
            diagnostic.GetMessage());
        Assert.Empty(run.Sources);
    }

    [Fact]
    public async Task Findings_are_told_all_at_once()
    {
        GeneratorRun run = new UserProgram(
            "using Kernels; [AttentionKernel(0, 2000, 3, ValueDim = 1, Scale = -1, KeyTile = 9, Layout = (KvLayout)5)] class Spec<T>;")
                .Run();
        Assert.Equal(
            ["KA0001", "KA0004", "KA0101", "KA0102", "KA0104", "KA0105", "KA0106", "KA0107", "KA0108"],
            (await run.AnalyzeAsync()).AsEnumerable().Select(diagnostic => diagnostic.Id).Order());
    }

    [Fact]
    public void Every_rule_is_in_the_tables() => Assert.Equal(
        new Diagnostics.AttentionSpecAnalyzer().SupportedDiagnostics.Select(rule => rule.Id).Order(),
        OnTypes.Concat(OnOptions).Select(row => (string)row[0]).Append("KA0008").Append("KA0009").Distinct().Order());

    [Fact]
    public async Task Generated_code_of_others_must_be_right_and_need_not_be_pretty()
    {
        GeneratorRun run = new UserProgram(
            "// <auto-generated/>\nusing Kernels; [AttentionKernel(8, 3, 64, ValueDim = 64)] partial class Spec;").Run();
        Assert.Equal(["KA0103"], (await run.AnalyzeAsync()).Select(diagnostic => diagnostic.Id));
        Assert.Equal(3, run.Sources.Count);
    }

    [Fact]
    public async Task A_missing_runtime_is_told()
    {
        GeneratorRun run = new UserProgram("using Kernels; [AttentionKernel(8, 2, 64)] partial class Spec;") { HasRuntime = false }.Run();
        Diagnostic diagnostic = Assert.Single(await run.AnalyzeAsync());
        Assert.Equal("KA0009", diagnostic.Id);
        Assert.Equal(
            "Spec gets its numbers and kernel sources only: what runs them on a device needs the package Kernels.OpenCL, so add a "
                + "reference to it",
            diagnostic.GetMessage());
        Assert.Equal(["Spec.Kernels.g.cs", "Spec.Spec.g.cs"], run.Sources.Keys);
    }

    [Fact]
    public async Task An_attribute_of_the_same_name_elsewhere_is_not_ours()
    {
        GeneratorRun run = new UserProgram("""
            namespace Mine { class AttentionKernelAttribute(int a, int b, int c) : System.Attribute; [AttentionKernel(8, 3, 64)] class Spec; }
            class Outer { class AttentionKernelAttribute(int a, int b, int c) : System.Attribute; [AttentionKernel(8, 3, 64)] class Spec; }
            """).Run();
        Assert.Empty(await run.AnalyzeAsync());
        Assert.Empty(run.Sources);
    }

    [Fact]
    public async Task An_attribute_that_C_sharp_rejects_is_left_to_C_sharp()
    {
        foreach (string arguments in new[] { "", "8", "8, 2", "8, 2, \"64\"", "8, 2, unknown", "8, 2, 64, Mask = \"Causal\"",
            "8, 2, 64, Unknown = 1", "8, 2, 64, Scale = null" })
        {
            GeneratorRun run = new UserProgram($"using Kernels; [AttentionKernel({arguments})] partial class Spec;").Run();
            Assert.Null(run.Result.Exception);
            Assert.Empty(await run.AnalyzeAsync());
            Assert.Contains(run.Input.GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        }
    }

    [Fact]
    public void Errors_cannot_be_turned_off_and_warnings_can()
    {
        foreach (DiagnosticDescriptor rule in Analyzers.All.SelectMany(analyzer => analyzer.SupportedDiagnostics))
        {
            Assert.Equal(
                rule.DefaultSeverity == DiagnosticSeverity.Error, rule.CustomTags.Contains(WellKnownDiagnosticTags.NotConfigurable));
            Assert.Equal(rule.Id != "KA0401", rule.IsEnabledByDefault);
            Assert.Equal(rule.Id == "KA0202", rule.CustomTags.Contains(WellKnownDiagnosticTags.Unnecessary));
            Assert.Equal("Kernels.Attention", rule.Category);
        }
    }

    private static async Task AssertDiagnostic(string id, string source, string message, bool takesMembers)
    {
        Markup markup = Markup.Parse("using Kernels;\n" + source);
        GeneratorRun run = new UserProgram(markup.Source).Run();
        Diagnostic diagnostic = Assert.Single(await run.AnalyzeAsync());

        Assert.Equal(id, diagnostic.Id);
        Assert.Equal(message, diagnostic.GetMessage());
        Assert.Equal(
            markup.Spans.Select(span => markup.Source.Substring(span.Start, span.Length)),
            [markup.Source.Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length)]);
        Assert.Equal(markup.Spans.Single(), diagnostic.Location.SourceSpan);

        // A base class may be a spec of its own.
        Assert.Equal(takesMembers ? 3 : 0, run.Sources.Keys.Count(file => file.StartsWith("Spec.", StringComparison.Ordinal)));
        if (takesMembers)
        {
            run.AssertClean();
        }

        Assert.Null(run.Result.Exception);
    }

    private static string Wrong(string kind) =>
        $"Spec is {kind}; [AttentionKernel] belongs on a partial class that is neither static nor abstract, a record nor file-local";

    private static string Generic(string name) =>
        $"{name} is generic; kernels are emitted for one set of numbers, so declare a class without type parameters for each, outside "
            + "generic types";

    private static string Taken(string member) =>
        $"Spec has {member}, which the generator emits; rename or remove yours, or keep it in another type";

    private static string TooLarge(int rows, int keys, int dim, int bytes, int bestRows, int bestKeys) =>
        $"A tile of {rows} query rows by {keys} keys at head dimension {dim} takes {bytes} bytes of local memory; "
        + $"the smallest device that the portable target allows has 32768. The planner's own choice is {bestRows} query rows by "
        + $"{bestKeys} keys.";
}
