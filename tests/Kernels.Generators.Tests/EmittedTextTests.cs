using System.Globalization;
using System.Text;
using Kernels.Compiler.Emit;
using Kernels.Compiler.Targets;
using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Tests;

/// <summary>What holds for all emitted text, whatever the spec.</summary>
public sealed class EmittedTextTests
{
    /// <summary>Cultures that write numbers, or change the case of letters, in ways of their own.</summary>
    private static readonly string[] Cultures = ["tr-TR", "de-DE", "sv-SE", "ar-SA", "fa-IR"];

    [SkippableTheory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void The_same_spec_gives_the_same_text_in_every_culture(string name)
    {
        SkipWithoutCultures();
        IReadOnlyDictionary<string, string> expected = Emit(CultureInfo.InvariantCulture);
        Assert.NotEmpty(expected);
        Assert.Equal(expected, Emit(CultureInfo.InvariantCulture));
        Assert.All(Cultures, culture => Assert.Equal(expected, Emit(CultureInfo.GetCultureInfo(culture))));

        IReadOnlyDictionary<string, string> Emit(CultureInfo culture) =>
            In(culture, () => new UserProgram(Specs.All[name].Source).Run().Sources);
    }

    [SkippableFact]
    public void Messages_are_the_same_in_every_culture()
    {
        SkipWithoutCultures();
        var spec = new AttentionSpec("Spec", QueryHeads: -3, KvHeads: -4, HeadDim: 64, Scale: -1.5) { Softcap = -0.25, WindowLeft = -7 };
        string[] expected = Validate(CultureInfo.InvariantCulture);
        Assert.Equal(5, expected.Length);
        Assert.All(Cultures, culture => Assert.Equal(expected, Validate(CultureInfo.GetCultureInfo(culture))));

        string[] Validate(CultureInfo culture) =>
            In(culture, () => SpecValidator.Validate(spec).Select(finding => finding.Message).ToArray());
    }

    [SkippableFact]
    public void Those_cultures_are_strange_enough()
    {
        SkipWithoutCultures();
        Assert.Contains(Cultures, culture => In(CultureInfo.GetCultureInfo(culture), () => $"{1.5}") == "1,5");
        Assert.Contains(Cultures, culture => In(CultureInfo.GetCultureInfo(culture), () => $"{-1}") == "\u22121");
        Assert.Contains(
            Cultures, culture => In(CultureInfo.GetCultureInfo(culture), () => "i".ToUpper(CultureInfo.CurrentCulture)) == "\u0130");
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Lines_end_with_a_line_feed_and_nothing_before_it(string name)
    {
        foreach ((string file, string text) in new UserProgram(Specs.All[name].Source).Run().Sources)
        {
            Assert.DoesNotContain('\r', text);
            Assert.DoesNotContain('\t', text);
            Assert.EndsWith("}\n", text, StringComparison.Ordinal);
            Assert.All(text.Split('\n'), line => Assert.True(line.Length == 0 || line[^1] != ' ', $"{file}: '{line}' ends with a space."));
        }
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Programs_carry_the_emitters_text_in_ascii(string name)
    {
        Specs.Spec spec = Specs.All[name];
        GeneratorRun run = new UserProgram(spec.Source, SourceProbe(spec.CodeName)).Run();
        using LoadedProgram program = run.Load();
        var model = (SpecModel)run.Result.TrackedSteps[AttentionKernelGenerator.NamedModelStep].Single().Outputs.Single().Value;
        foreach (var target in Target.For(model.Spec))
        {
            foreach (var algorithm in KernelEmitter.Algorithms)
            {
                byte[] source = program.Call<byte[]>("SourceProbe", "Get", (int)target, (int)algorithm);
                Assert.Equal(
                    KernelEmitter.Emit(model.Spec, target, algorithm).TrimEnd('\n'), Encoding.UTF8.GetString(source).TrimEnd('\n'));
                Assert.All(source, b => Assert.True(b is (byte)'\n' or (>= 32 and < 127), $"{target} {algorithm} has the byte {b}."));
            }
        }
    }

    [Fact]
    public void Names_in_other_letters_stay_out_of_programs()
    {
        GeneratorRun run = new UserProgram("""
            /// <summary>A name that OpenCL C cannot spell.</summary>
            [Kernels.AttentionKernel(8, 2, 64)]
            public partial class Achtköpfig;
            """, SourceProbe("Achtköpfig")).Run();
        using LoadedProgram program = run.Load();
        byte[] source = program.Call<byte[]>("SourceProbe", "Get", 0, 1);

        Assert.Contains("Achtk_u00F6pfig", Encoding.ASCII.GetString(source), StringComparison.Ordinal);
        Assert.DoesNotContain(source, b => b > 126);
        Assert.Equal("Achtköpfig", program.Call<string>("SourceProbe", "Name"));
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Code_compiles_without_a_warning_on_every_version_it_promises(string name)
    {
        foreach (LanguageVersion version in new[] { TypeChecker.MinLanguageVersion, LanguageVersion.Latest, LanguageVersion.Preview })
        {
            GeneratorRun run = new UserProgram(Specs.All[name].Source) { LanguageVersion = version }.Run().AssertClean();
            Assert.Equal(3, run.Sources.Count);
        }
    }

    [Fact]
    public void The_strictness_of_the_test_above_is_real()
    {
        const string Undocumented = """
            [Kernels.AttentionKernel(8, 2, 64)]
            public partial class Spec { public int X; public string Y; }
            """;
        Assert.Equal(["CS1591", "CS1591", "CS8618"],
            new UserProgram(Undocumented).Run().CompilerDiagnostics.Select(diagnostic => diagnostic.Id).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Without_the_runtime_the_rest_stands_on_its_own(string name)
    {
        Specs.Spec spec = Specs.All[name];
        GeneratorRun run = new UserProgram(spec.Source) { HasRuntime = false }.Run().AssertClean();
        Assert.Equal([$"{spec.TypeName}.Kernels.g.cs", $"{spec.TypeName}.Spec.g.cs"], run.Sources.Keys);
    }

    [Fact]
    public void Without_Kernels_there_is_nothing_to_emit()
    {
        GeneratorRun run = new UserProgram("[Kernels.AttentionKernel(8, 2, 64)] public partial class Spec;")
        {
            HasContract = false,
            HasRuntime = false,
        }.Run();
        Assert.Null(run.Result.Exception);
        Assert.Empty(run.Sources);
    }

    /// <summary>A program that hands out a spec's name and sources; reflection cannot call what returns a span.</summary>
    private static string SourceProbe(string type) => $$"""
        /// <summary>For the test.</summary>
        public static class SourceProbe
        {
            /// <summary>A program.</summary>
            public static byte[] Get(int target, int algorithm) =>
                {{type}}.Descriptor.Source((Kernels.KernelTarget)target, (Kernels.KernelAlgorithm)algorithm).ToArray();

            /// <summary>The name.</summary>
            public static string Name() => {{type}}.Descriptor.Name;
        }
        """;

    private static void SkipWithoutCultures()
    {
        AppContext.TryGetSwitch("System.Globalization.Invariant", out bool invariant);
        Skip.If(
            invariant || Environment.GetEnvironmentVariable("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT") is "1" or "true",
            "This process runs without data of cultures (DOTNET_SYSTEM_GLOBALIZATION_INVARIANT).");
    }

    private static T In<T>(CultureInfo culture, Func<T> function)
    {
        (CultureInfo before, CultureInfo beforeUi) = (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (culture, culture);
        try
        {
            return function();
        }
        finally
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (before, beforeUi);
        }
    }
}
