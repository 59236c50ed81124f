using Kernels.CodeFixes;
using Kernels.Generators.Tests.Harness;

namespace Kernels.Generators.Tests;

/// <summary>What an editor offers for a mod that breaks a rule.</summary>
public sealed class ModCodeFixTests
{
    private const string Score = "[ScoreMod] static float Mod(float score, int batch, int head, int query, int key";

    /// <summary>Id, the action's title, and members of a spec before and after.</summary>
    public static TheoryData<string, string, string, string> Fixes => new()
    {
        { "KA0301", "Make the mod static", "[ScoreMod] public float Mod(float score, int batch, int head, int query, int key) => score;",
            "[ScoreMod] public static float Mod(float score, int batch, int head, int query, int key) => score;" },
        { "KA0301", "Make the mod static", "// Why.\n[MaskMod] bool Mod(int batch, int head, int query, int key) => true;",
            "// Why.\n[MaskMod] static bool Mod(int batch, int head, int query, int key) => true;" },
        { "KA0305", "Change the type to 'ReadOnlySpan<float>'", Score + ", float[] slopes) => score;",
            Score + ", ReadOnlySpan<float> slopes) => score;" },
        { "KA0305", "Change the type to 'ReadOnlySpan<int>'", Score + ", Span<int> ids) => score;",
            Score + ", ReadOnlySpan<int> ids) => score;" },
        { "KA0305", "Change the type to 'int'", Score + ", long window) => score;", Score + ", int window) => score;" },
        { "KA0305", "Change the type to 'float'", Score + ", double cap /* of scores */) => score;",
            Score + ", float cap /* of scores */) => score;" },
        { "KA0305", "Remove the default", Score + ", float cap = 5f) => score;", Score + ", float cap) => score;" },
        { "KA0305", "Pass it by value", Score + ", in float cap) => score;", Score + ", float cap) => score;" },
        { "KA0305", "Change the type to 'int'", Score + ") => Twice(key); static float Twice(long x) => 2f;",
            Score + ") => Twice(key); static float Twice(int x) => 2f;" },
        { "KA0306", "Write '0.5f'", Score + ") => (float)(0.5 * score);", Score + ") => (float)(0.5f * score);" },
        { "KA0306", "Write '3'", Score + ") { uint n = 3u; return score; }", Score + ") { uint n = 3; return score; }" },
        { "KA0306", "Change the type to 'int'", Score + ") { long far = key; return far; }", Score + ") { int far = key; return far; }" },
        { "KA0306", "Change the type to 'float'", Score + ") { double half; half = 1; return score; }",
            Score + ") { float half; half = 1; return score; }" },
        { "KA0306", "Write '(int)key'", Score + ") => (int)(long)key + score;", Score + ") => (int)(int)key + score;" },
        { "KA0307", "Call 'MathF.Exp'", Score + ") => (float)Math.Exp(score /* s */);", Score + ") => (float)MathF.Exp(score /* s */);" },
        { "KA0307", "Call 'MathF.Pow'", Score + ") => (float)System.Math.Pow(score, 0.5);", Score + ") => (float)MathF.Pow(score, 0.5f);" },
        { "KA0312", "Make the field a const", "private static readonly float Slope = 2f; " + Score + ") => Slope * score;",
            "private const float Slope = 2f; " + Score + ") => Slope * score;" },
        { "KA0313", "Write 'unchecked(query * key)'", Score + ") => checked(query * key);",
            Score + ") => checked(unchecked(query * key));" },
        { "KA0313", "Write 'unchecked { head += key; }'", Score + ") { checked { head += key; } return head; }",
            Score + ") { checked { unchecked { head += key; } } return head; }" },
    };

    [Theory]
    [MemberData(nameof(Fixes))]
    public async Task A_fix_changes_what_it_says_and_mends_it(string id, string title, string before, string after)
    {
        Editor editor = await Editor.OpenAsync(Program(before));
        Assert.Contains(id, editor.Findings.Select(finding => finding.Id));
        Editor mended = await editor.ApplyAsync(title);
        Assert.Equal(Program(after), await mended.TextAsync());
        Assert.True(
            mended.Findings.Length < editor.Findings.Length || mended.Findings.Length == 1 && title == "Write '3'",
            string.Join('\n', mended.Findings));
    }

    [Theory]
    [InlineData(Score + ") { var x = 0.5 * head; return score; }", "Write '0.5f'")]
    [InlineData(Score + ", string name) => score;", null)]
    [InlineData("static float Slope = 2f; " + Score + ") => Slope * score;", null)]
    [InlineData("static readonly float Slope = MathF.Sqrt(2f); " + Score + ") => Slope * score;", null)]
    [InlineData(Score + ") => MathF.ILogB(score);", null)]
    public async Task Nothing_else_is_offered_where_nothing_is_plain(string members, string? title)
    {
        Editor editor = await Editor.OpenAsync(Program(members));
        Assert.Single(editor.Findings);
        Assert.Equal(title is null ? [] : [title], (await editor.ActionsAsync()).Select(found => found.Action.Title));
    }

    [Fact]
    public async Task All_literals_of_a_file_are_changed_at_once()
    {
        Editor editor = await Editor.OpenAsync(Program(Score + ") => (float)(0.5 * score) + (float)(score * 2d);"));
        Editor mended = await editor.ApplyToAllAsync("KA0306", "Write '2f'");
        Assert.Equal(Program(Score + ") => (float)(0.5f * score) + (float)(score * 2f);"), await mended.TextAsync());
        Assert.Empty(mended.Findings);
    }

    [Fact]
    public void Every_rule_with_a_fix_is_in_the_table() =>
        Assert.Equal(new ModCodeFixProvider().FixableDiagnosticIds.Order(), Fixes.Select(row => (string)row[0]).Distinct().Order());

    private static string Program(string members) =>
        $"using System; using Kernels; [AttentionKernel(8, 2, 64)] partial class Spec\n{{\n{members}\n}}";
}
