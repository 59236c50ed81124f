using Kernels.Generators.Mods;
using Kernels.Generators.Tests.Harness;
using Kernels.Mods.Tests.Harness;
using Microsoft.CodeAnalysis;

namespace Kernels.Mods.Tests;

/// <summary>What is said of a mod that cannot be translated: the rule, the exact place, and what to write instead.</summary>
public sealed class DiagnosticTests
{
    private const string Score = "[ScoreMod] static float Mod(float score, int batch, int head, int query, int key";
    private const string Mask = "[MaskMod] static bool Mod(int batch, int head, int query, int key";

    /// <summary>Id, members of a spec with the place marked, and the message.</summary>
    public static TheoryData<string, string, string> OnMods => new()
    {
        { "KA0301", "[ScoreMod] float [|Mod|](float score, int batch, int head, int query, int key) => score;",
            "Mod must be static: a kernel has no object to call it on" },
        { "KA0301", "[MaskMod] public bool [|Visible|](int batch, int head, int query, int key) => true;",
            "Visible must be static: a kernel has no object to call it on" },

        { "KA0302", "[MaskMod] static bool [|Mod|](int query, int key) => key <= query;", MaskSignature("has only 2 parameters") },
        { "KA0302", "[ScoreMod] static double [|Mod|](float score, int batch, int head, int query, int key) => score;",
            ScoreSignature("returns double") },
        { "KA0302", "[ScoreMod] static void [|Mod|](float score, int batch, int head, int query, int key) { }",
            ScoreSignature("returns void") },
        { "KA0302", "[ScoreMod] static float Mod(float score, int batch, int head, float [|query|], int key) => score;",
            ScoreSignature("has float query as parameter 4") },
        { "KA0302", "[MaskMod] static bool Mod(in int [|batch|], int head, int query, int key) => true;",
            MaskSignature("has in int batch as parameter 1") },
        { "KA0302", "[MaskMod] static bool [|Mod|]<T>(int batch, int head, int query, int key) => true;", MaskSignature("is generic") },
        { "KA0302", "[MaskMod] static extern bool [|Mod|](int batch, int head, int query, int key);", MaskSignature("has no body") },

        { "KA0303", Mask + ") => true; [MaskMod] static bool [|Near|](int batch, int head, int query, int key) => true;",
            "Near has [MaskMod], as Mod has; a spec has one such method, which may call other static methods of the type" },
        { "KA0303", Score + ") => score; [ScoreMod] static float [|Two|](float score, int batch, int head, int query, int key) => score;",
            "Two has [ScoreMod], as Mod has; a spec has one such method, which may call other static methods of the type" },

        { "KA0305", Score + ", float[] [|slopes|]) => slopes[head];", Input("slopes", "is of type float[]") },
        { "KA0305", Score + ", Span<int> [|ids|]) => ids[head];", Input("ids", "is of type Span<int>") },
        { "KA0305", Score + ", long [|n|]) => n;", Input("n", "is of type long") },
        { "KA0305", Score + ", ref float [|cap|]) => cap;", Input("cap", "is passed by reference") },
        { "KA0305", Score + ", float [|cap|] = 5f) => cap;", Input("cap", "has a default, which the kernel's caller would not know") },
        { "KA0305", Score + ") => Twice(key); static float Twice(long [|x|]) => x;",
            "Parameter x is a long; it must be bool, int, float, ReadOnlySpan<int> or ReadOnlySpan<float>, passed by value" },

        { "KA0306", Score + ") { double [|half|] = score * 0.5f; return (float)half; }",
            "half is a double, and a mod calculates in int, float and bool; use float" },
        { "KA0306", Score + ") => (float)([|0.5|] * score);", "0.5 is a double, and a mod calculates in int, float and bool; write 0.5f" },
        { "KA0306", Score + ") { long [|far|] = key; return score; }",
            "far is a long, and a mod calculates in int, float and bool; use int" },
        { "KA0306", Score + ") { var pair = [|(query, key)|]; return pair.Item1; }",
            "(query, key) is a (int query, int key), and a mod calculates in int, float and bool; use a variable for each element" },
        { "KA0306", Score + ") => (float)[|Half(score)|]; static double Half(float x) => x;",
            "Half(score) is a double, and a mod calculates in int, float and bool; use float" },
        { "KA0306", Score + ") => (int)[|(long)key|] + score;",
            "(long)key is a long, and a mod calculates in int, float and bool; use int" },
        { "KA0306", Score + ") => (float)[|(decimal)score|];",
            "(decimal)score is a decimal, and a mod calculates in int, float and bool; use float" },

        { "KA0307", Score + ") => (float)[|Math.Sin(score)|];",
            "Math.Sin has no exact counterpart in a kernel; it calculates in double: call MathF.Sin" },
        { "KA0307", Score + ") => [|MathF.ILogB(score)|];",
            "MathF.ILogB has no exact counterpart in a kernel; shift the exponent out of BitConverter.SingleToInt32Bits(score)" },
        { "KA0307", Score + ") => MathF.Max([|MathF.MaxMagnitude(score, 1f)|], 0f);",
            "MathF.MaxMagnitude has no exact counterpart in a kernel; compare MathF.Abs of both" },
        { "KA0307", Score + ") => [|MathF.Round(score, 2)|];",
            "MathF.Round has no exact counterpart in a kernel; round to an integer, with a constant MidpointRounding" },
        { "KA0307", Score + ") => [|Elsewhere.Half(score)|]; static class Elsewhere { public static float Half(float x) => x / 2; }",
            "Elsewhere.Half has no exact counterpart in a kernel; write it as a static method of Spec" },
        { "KA0307", Score + ") => [|Same(score)|]; static T Same<T>(T x) => x;",
            "Same, a generic method, has no exact counterpart in a kernel; write it for the type that you need" },
        { "KA0307", Score + ", ReadOnlySpan<float> a) => [|a.IndexOf(score)|];",
            "MemoryExtensions.IndexOf has no exact counterpart in a kernel; index the span, and pass what else you need to know of it as "
                + "an input" },

        { "KA0308", Score + ") { [|switch (head) { case 0: return 1f; default: return score; }|] }",
            "A switch statement cannot be translated to a kernel; write a switch expression, or if and else" },
        { "KA0308", Score + ", ReadOnlySpan<float> a) => [|a.Length|];",
            "a.Length cannot be translated to a kernel; a kernel knows no lengths: pass what it needs as an int parameter of the mod" },
        { "KA0308", Score + ", ReadOnlySpan<float> a) => [|a[^1]|];",
            "An index from the end cannot be translated to a kernel; count from the start, and pass the length as a parameter of the mod" },
        { "KA0308", Score + ", ReadOnlySpan<float> a) { foreach (float x in [|a|]) score += x; return score; }",
            "A loop over elements cannot be translated to a kernel; count with for (int i = 0; i < end; i++)" },
        { "KA0308", Score + ") { int i = 0; return score + [|i++|]; }",
            "An assignment inside an expression cannot be translated to a kernel; write it as a statement of its own" },
        { "KA0308", Score + ") { return [|Half(score)|]; float Half(float x) => x / 2; }",
            "Half, a local function, cannot be translated to a kernel; make it a static method of Spec" },
        { "KA0308", Score + ") => score > 0f ? score : [|throw new Exception()|];",
            "An exception cannot be translated to a kernel; give a result for every case: kernels do not throw" },
        { "KA0308", Score + ") { Func<float, float> half = [|x => x / 2|]; return score; }",
            "A lambda or delegate cannot be translated to a kernel; call a static method of Spec" },
        { "KA0308", Score + ", ReadOnlySpan<float> a) { var [|b = a|]; return b[0]; }",
            "b, a variable that holds a span, cannot be translated to a kernel; use the parameter itself" },
        { "KA0308", Score + ") => [|head switch { 0 => 1f, 1 => 2f }|];",
            "A switch expression that has no value for some cases cannot be translated to a kernel; add an arm for the rest: _ => ..." },

        { "KA0309", Score + ") => [|Mod(score, batch, head, query, key - 1)|];",
            "Mod is called while it runs, and a kernel has no stack; write a for loop" },
        { "KA0309", Score + ") => Even(key); static float Even(int n) => Odd(n - 1); static float Odd(int n) => [|Even(n - 1)|];",
            "Even is called while it runs, and a kernel has no stack; write a for loop" },

        { "KA0310", Score + ") { int i = 0; while ([|i < 8|]) { i++; } return i; }",
            Loop("A while loop has no end that a kernel could know") },
        { "KA0310", Score + ") { [|for (int i = 0; ; i++)|] { if (i > 3) return i; } }",
            Loop("A loop without a condition has no end that a kernel could know") },
        { "KA0310", Score + ") { for (int i = 1; [|i < 9|]; i *= 2) { score += i; } return score; }",
            Loop("The loop does not take i to its end by a constant step") },
        { "KA0310", Score + ") { for (int i = 0; [|i < 9|]; i++) { i += 1; } return score; }", Loop("The loop's body assigns to i") },
        { "KA0310", Score + ") { int n = 9; for (int i = 0; [|i < n|]; i++) { n--; } return score; }",
            Loop("The loop's end, n, changes with n while it runs") },

        { "KA0311", Score + ") { for (int i = 0; i < [|key|]; i++) { score += 1f; } return score; }", Bound("key") },
        { "KA0311", Score + ") { for (int i = [|head|]; i < 9; i++) { score += 1f; } return score; }", Bound("head") },
        { "KA0311", Score + ", ReadOnlySpan<int> n) { for (int i = 0; i < [|n[head]|]; i++) { score += 1f; } return score; }",
            Bound("n[head]") },

        { "KA0312", "static int window = 4; " + Mask + ") => key > query - [|window|];", Outside("window") },
        { "KA0312", "static readonly float Slope = 1f; " + Score + ") => [|Slope|] * score;", Outside("Slope") },
        { "KA0308", "static readonly float[] Slopes = [1f]; " + Score + ") => [|Slopes[head]|];",
            "An array cannot be translated to a kernel; pass its elements as a parameter of type ReadOnlySpan<int> or ReadOnlySpan<float>" },
        { "KA0312", "static int Window { get; } = 4; " + Mask + ") => key > query - [|Window|];", Outside("Window") },

        { "KA0313", Score + ") => checked([|query * key|]);", Checked("query * key") },
        { "KA0313", Score + ") => checked([|(int)score|]);", Checked("(int)score") },

        { "KA0314", Score
            + ", int window) => score - window; [MaskMod] static bool Visible(int batch, int head, int query, int key, float [|window|]) "
            + "=> key < window;",
            "Parameter window is float here and int in Mod; inputs of the same name are one argument, so give them one type or two names" },
    };

    [Theory]
    [MemberData(nameof(OnMods))]
    public Task A_mod_that_breaks_a_rule(string id, string members, string message) => AssertOnly(id, ModSource.Program(members), message);

    [Fact]
    public Task A_mod_without_a_spec() => AssertOnly(
        "KA0304",
        "using Kernels; static class Mods { [ScoreMod] static float [|Half|](float score, int batch, int head, int query, int key) => "
            + "score / 2; }",
        "Half has [ScoreMod], but Mods has no [AttentionKernel], so that no kernel calls it");

    [Fact]
    public void Every_rule_is_in_the_tables() => Assert.Equal(
        ModRules.All.Select(rule => rule.Id), OnMods.Select(row => (string)row[0]).Append("KA0304").Distinct()
            .Order(StringComparer.Ordinal));

    [Fact]
    public async Task Findings_are_told_all_at_once_and_each_in_its_place()
    {
        Markup markup = Markup.Parse(ModSource.Program(Score + """
            , float[] [|a|]) => score;

            [MaskMod] static bool Visible(int batch, int head, int query, int key)
            {
                double [|x|] = key;
                for (int i = 0; i < [|head|]; i++)
                {
                }

                return [|Math.Sqrt(key)|] > [|2|];
            }
            """));
        GeneratorRun run = new UserProgram(markup.Source).Run();
        Assert.Equal(markup.Spans, (await run.AnalyzeAsync()).Select(finding => finding.Location.SourceSpan).OrderBy(span => span.Start));
        Assert.Equal(3, run.Sources.Count);
    }

    [Fact]
    public async Task What_C_sharp_rejects_is_left_to_C_sharp()
    {
        foreach (string members in new[]
        {
            Score + ") => unknown;", Score + ") => score + ;", Score + ", Unknown x) => score;", Score + ") { int x = 0.5f; return x; }",
            Score + ") => Mod(1);", Score + ") { return; }",
            "[ScoreMod] static Unknown Mod(float score, int batch, int head, int query, int key) => score;",
        })
        {
            GeneratorRun run = new UserProgram(ModSource.Program(members)).Run();
            Assert.Null(run.Result.Exception);
            Assert.Empty(await run.AnalyzeAsync());
            Assert.Contains(run.Input.GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        }
    }

    private static async Task AssertOnly(string id, string source, string message)
    {
        Markup markup = Markup.Parse(source);
        GeneratorRun run = new UserProgram(markup.Source).Run();
        string expected = $"{id}: {message} [{Text(markup.Spans.Single())}]";
        string actual = string.Join(
            '\n', (await run.AnalyzeAsync())
                .Select(finding => $"{finding.Id}: {finding.GetMessage()} [{Text(finding.Location.SourceSpan)}]"));
        Assert.True(expected == actual, $"Expected\n{expected}\nbut got\n{actual}");
        Assert.Null(run.Result.Exception);
        Assert.Equal(id == "KA0304" ? 0 : 3, run.Sources.Count);

        // With its place, so that the same text elsewhere is not taken for it.
        string Text(Microsoft.CodeAnalysis.Text.TextSpan span) => $"{span.Start}: {markup.Source.Substring(span.Start, span.Length)}";
    }

    private static string ScoreSignature(string what) =>
        $"Mod {what}; a method with [ScoreMod] returns float and begins with the parameters (float score, int batch, int head, int "
            + "query, int key)";

    private static string MaskSignature(string what) =>
        $"Mod {what}; a method with [MaskMod] returns bool and begins with the parameters (int batch, int head, int query, int key)";

    private static string Input(string name, string what) =>
        $"Parameter {name} {what}; it must be int, float, ReadOnlySpan<int> or ReadOnlySpan<float>, passed by value and without a default";

    private static string Loop(string what) =>
        what + "; write for (int i = first; i < end; i += step), with a constant step towards the end and i and end left alone in the body";

    private static string Bound(string what) =>
        what
        + " depends on the score, head or position, and a kernel runs a loop for many of them at once; loop to a bound that is a constant "
        + "or a scalar input, and leave the loop with break";

    private static string Outside(string what) =>
        what + " is read when the method runs, which a kernel cannot; make it a const, or pass it as a parameter of the mod";

    private static string Checked(string what) => $"{what} would throw on overflow, which a kernel cannot; write it as unchecked({what})";
}
