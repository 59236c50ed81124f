using System.Collections.Immutable;
using Kernels.Generators.Tests.Harness;
using Kernels.Mods.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Mods.Tests;

/// <summary>What C# can say and a kernel cannot: each is told once, for what it is, and with what to write instead.</summary>
public sealed class RefusalTests
{
    /// <summary>Statements of a score mod with the inputs a and n, the id, and what the message has.</summary>
    public static TheoryData<string, string, string> Statements => new()
    {
        { "var (x, y) = (query, key); return x + y;", "KA0308",
            "A deconstruction cannot be translated to a kernel; declare or assign one variable after another" },
        { "int x = 0, y = 1; (x, y) = (y, x); return x;", "KA0308", "A deconstruction" },
        { "(int x, int y) = Pair(); return x; static (int, int) Pair() => (1, 2);", "KA0308", "A deconstruction" },
        { "Split(score, out float r); return r;", "KA0308", "A result by out or ref cannot be translated to a kernel; return it instead" },
        { "float r = 0f; Split(score, out r); return r;", "KA0308", "A result by out or ref" },
        { "return Split(score, out float r) + r;", "KA0308", "A result by out or ref" },
        { "Raise(ref score); return score;", "KA0308", "A result by out or ref" },
        { "Console.WriteLine(score); return score;", "KA0308",
            "Console.WriteLine, called for its effect, cannot be translated to a kernel; leave it out" },
        { "System.Diagnostics.Debug.Assert(key >= 0); return score;", "KA0308", "Debug.Assert, called for its effect," },
        { "Note(score); return score;", "KA0308", "Spec.Note, called for its effect," },
        { "Half(score); return score;", "KA0308", "Spec.Half, called for its effect," },
        { "MathF.Exp(score); return score;", "KA0308", "MathF.Exp, called for its effect," },
        { "_ = Half(score); return score;", "KA0308", "A result that is thrown away" },
        { "new object(); return score;", "KA0308", "An allocation" },
        { "switch (head) { case 0: score = 1f; break; } return score;", "KA0308", "A switch statement" },
        { "foreach (int i in new[] { 1, 2 }) score += i; return score;", "KA0308", "A loop over elements" },
        { "foreach (float x in a) score += x; return score;", "KA0308", "A loop over elements" },
        { "int i = 0; while (i < 4) { i++; } return i;", "KA0310", "A while loop has no end" },
        { "int i = 0; do { i++; } while (i < 4); return i;", "KA0310", "A while loop has no end" },
        { "for (;;) { return score; }", "KA0310", "A loop without a condition" },
        { "goto end; end: return score;", "KA0308", "A jump" },
        { "if (head == 0) throw new Exception(); return score;", "KA0308", "An exception" },
        { "try { return score; } finally { }", "KA0308", "An exception" },
        { "try { return score; } catch (Exception) { return 0f; }", "KA0308", "An exception" },
        { "lock (Key) { return score; }", "KA0308", "A lock" },
        { "using (Open()) { return score; }", "KA0308", "A using statement" },
        { "using var x = Open(); return score;", "KA0308", "A using statement" },
        { "ref float x = ref score; return x;", "KA0308", "x, a reference," },
        { "float Local(float x) => x; return score;", "KA0308", "Local, a local function," },
        { "fixed (float* p = a) { return score; }", "KA0308", "A pointer" },
        { "unsafe { float* p = &score; return *p; }", "KA0308", "A pointer" },
        { "Changed += null; return score;", "KA0308", "An event" },
        { "Count = 3; return score;", "KA0308", "An assignment to Count" },
        { "Count++; return score;", "KA0308", "An assignment to Count" },
        { "string? s = null; s ??= \"x\"; return score;", "KA0306", "leave it out" },
        { "Span<float> s = stackalloc float[2]; return s[0];", "KA0308", "An allocation" },
        { "var s = new float[2]; return s[0];", "KA0308", "An allocation" },
        { "float[] s = [1f, 2f]; return s[head];", "KA0308", "An allocation" },
        { "Func<float, float> f = x => x / 2; return f(score);", "KA0308", "A lambda or delegate" },
        { "Func<float, float> f = Half; return f(score);", "KA0308", "A lambda or delegate" },
        { "Func<float, float> f = delegate(float x) { return x; }; return f(score);", "KA0308", "A lambda or delegate" },
        { "var o = new { X = 1 }; return o.X;", "KA0308", "An allocation" },
        { "var q = from x in new[] { 1 } select x; return score;", "KA0308", "A lambda or delegate" },
        { "dynamic d = score; return score;", "KA0306", "d is a dynamic" },
        { "long n2 = key; return n2;", "KA0306", "n2 is a long, and a mod calculates in int, float and bool; use int" },
        { "uint u = 3u; return u;", "KA0306", "3u is a uint, and a mod calculates in int, float and bool; write 3" },
        { "int? x = key; return x ?? 0;", "KA0306", "the values of a mod are never null: use the type without ?" },
        { "DayOfWeek day = DayOfWeek.Monday; return (int)day;", "KA0306", "use int, and constants for its values" },
        { "string s = $\"{score}\"; return s.Length;", "KA0308", "A text" },
        { "var p = (query, key); return p.key;", "KA0306", "use a variable for each element" },
        { "int i = 0; score += i++; return score;", "KA0308", "An assignment inside an expression" },
        { "int i, j; i = j = 3; return i + j;", "KA0308", "An assignment inside an expression" },
        { "if (key is var k && k > 3) return k; return score;", "KA0308", "The pattern var k" },
        { "if (key is int k) return k; return score;", "KA0308", "The pattern int k" },
        { "if (key is > 3 and int k) return k; return score;", "KA0308", "The pattern int k" },
        { "return checked(query * key);", "KA0313", "unchecked(query * key)" },
        { "checked { int x = head; x *= key; return x; }", "KA0313", "write it as unchecked { x *= key; }" },
        { "return (float)Math.Exp(score);", "KA0307",
            "Math.Exp has no exact counterpart in a kernel; it calculates in double: call MathF.Exp" },
        { "return (float)0.5 * (float)(score * 0.5);", "KA0306", "write 0.5f" },
        { "return score * Slope;", "KA0312", "make it a const" },
        { "return score * Table[head];", "KA0308", "An array" },
        { "return a[^1];", "KA0308", "An index from the end" },
        { "return a[1..][0];", "KA0308", "a[1..] as a value" },
        { "return a.Slice(1)[0];", "KA0308", "a.Slice(1) as a value" },
        { "return a.Length;", "KA0308", "a kernel knows no lengths" },
        { "return a.IsEmpty ? 0f : score;", "KA0308", "a kernel knows no lengths" },
        { "return a is [] ? 0f : score;", "KA0308", "a as a value" },
        { "return score.CompareTo(0f);", "KA0307", "CompareTo has no exact counterpart" },
        { "return score.ToString().Length;", "KA0306", "score.ToString() is a string" },
        { "return head.Equals(3) ? 0f : score;", "KA0307", "Equals has no exact counterpart" },
        { "return float.Parse(\"1\");", "KA0307", "float.Parse has no exact counterpart" },
        { "return Random.Shared.NextSingle();", "KA0307", "NextSingle has no exact counterpart" },
        { "return (float)(Half)score;", "KA0306", "use float" },
        { "return new Number(score) + new Number(score);", "KA0308", "an operator of a type's own" },
        { "return typeof(int).Name.Length;", "KA0306", "typeof(int).Name is a string" },
        { "return nameof(score).Length;", "KA0306", "nameof(score) is a string" },
        { "return \"abc\".Length;", "KA0306", "\"abc\" is a string" },
        { "return Environment.ProcessorCount;", "KA0312", "Environment.ProcessorCount is read when the method runs" },
        { "return Vector(score).X;", "KA0306", "pass the numbers" },
        { "return score > 0f ? score : throw new Exception();", "KA0308", "An exception" },
        { "return head switch { 0 => 1f, _ => throw new Exception() };", "KA0308", "An exception" },
        { "return head switch { 0 => 1f };", "KA0308", "A switch expression that has no value for some cases" },
        { "return key as object is null ? 0f : score;", "KA0306", "leave it out" },
        { "return sizeof(Number);", "KA0308", "sizeof(Number)" },
    };

    private const string Members = """
        static float Split(float x, out float rest) { rest = x; return x; }
        static void Raise(ref float x) => x += 1f;
        static void Note(float x) { }
        static float Half(float x) => x / 2;
        static IDisposable? Open() => null;
        static System.Numerics.Vector2 Vector(float x) => new(x, x);
        static readonly object Key = new();
        static readonly float Slope = 2f;
        static readonly float[] Table = [1f];
        static int Count;
        static event Action? Changed;
        struct Number { public Number(float x) { } public static float operator +(Number a, Number b) => 1f; }
        """;

    [Theory]
    [MemberData(nameof(Statements))]
    public async Task Each_is_told_once_and_truly(string statements, string id, string phrase)
    {
        string source = "using System.Linq;\n" + ModSource.Program($$"""
            {{Members}}
            [ScoreMod] static unsafe float Mod(float score, int batch, int head, int query, int key, ReadOnlySpan<float> a, int n)
            {
                {{statements}}
            }
            """);
        CSharpCompilation program = new UserProgram(source) { LanguageVersion = LanguageVersion.CSharp12 }.Compile();
        GeneratorRun run = GeneratorRun.Start(program.WithOptions(program.Options.WithAllowUnsafe(true)));
        ImmutableArray<Diagnostic> findings = await run.AnalyzeAsync();

        // Valid C#, members of the broken spec and all: the finding is the only error that there is.
        Assert.Empty(
            from diagnostic in run.CompilerDiagnostics where diagnostic.Severity == DiagnosticSeverity.Error select diagnostic.ToString());
        string told = string.Join('\n', findings.Select(finding => $"{finding.Id}: {finding.GetMessage()}"));
        Assert.True(
            findings.Length == 1 && findings[0].Id == id && told.Contains(phrase, StringComparison.Ordinal),
            $"{statements}\nwas told\n{told}");
    }
}
