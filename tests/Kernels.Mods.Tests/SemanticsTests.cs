using Kernels.Mods.Tests.Harness;

namespace Kernels.Mods.Tests;

/// <summary>A device's results for translated mods are those of the C# method, bit for bit.</summary>
[Collection(OnDevice.Name)]
public sealed class SemanticsTests(ModDevice device)
{
    private const string ScoreHead =
        "[ScoreMod] static float Mod(float score, int batch, int head, int query, int key, int a, int b, float f, float g)";

    /// <summary>Bodies of a score mod with the inputs int a, int b, float f, float g.</summary>
    public static TheoryData<string> Bodies =>
    [
        // Integers wrap, truncate and shift as in C#.
        "=> Hash(unchecked(query * a + b - key));",
        "=> Hash(unchecked(-a + -(query + b)));",
        "=> Hash(unchecked(a - b - query * query * key));",
        "=> Hash(~a & query | b ^ key);",
        "=> Hash(a << b ^ query << key);",
        "=> Hash(a >> b) + Hash(query >> b) + Hash(-query >> key);",
        "=> Hash(a >>> b) + Hash(~key >>> query);",
        "=> Hash(a / 7) + Hash(a / -7) + Hash(query / 16) + Hash(key % 16) + Hash(a % -16) + Hash(a % 7);",
        "=> Hash(query / a) + Hash(key % b) + Hash(b / a) + Hash(b % a);",
        "=> Hash(a / (key + 1)) + Hash(a % (key - query));",
        "=> Hash(query / -1) + Hash(query % -1);",
        "{ int x = a; x += query; x -= b; x *= 3; x /= 5; x %= 1000; x <<= 3; x >>= 1; x >>>= 2; x &= 0xFFFF; x |= 1; x ^= key; x++; --x; "
            + "return Hash(x); }",

        // Floats are not fused, and keep NaN, infinity and -0.
        "=> score * f + g;",
        "=> score * score - f * g + (score - f) * (score + g);",
        "=> -score + -(-score);",
        "=> score % f + score % 0.75f;",
        "=> 1f / (score * 0f) > 0f ? 1f : -1f;",
        "=> (score == score ? 1 : 0) + (score != score ? 2 : 0) + (score < f ? 4 : 0) + (score >= f ? 8 : 0) + (!(score <= f) ? 16 : 0);",
        "=> score > f == score < g ? 1f : 2f;",
        "{ float x = score; x++; x -= 0.5f; x *= 2f; return x; }",
        "=> float.NaN;",
        "=> score < 0f ? float.NegativeInfinity : -0f;",

        // Conversions.
        "=> (int)score;",
        "=> Hash((int)score) + Hash((int)(score * 1e9f)) + Hash((int)f);",
        "=> query + 0.5f * a;",
        "=> (float)(int)(float)a;",
        "{ int x = 3; x += (int)score; x *= a; return x; }",
        "{ int x = a; x = (int)(x * 1.5f); return x + (byte)3 + 'a'; }",

        // Booleans.
        "{ bool p = a > query, q = score > f; return (p & q ? 1 : 0) + (p | q ? 2 : 0) + (p ^ q ? 4 : 0) + (p == q ? 8 : 0) + (p != q ? "
            + "16 : 0) + (!p ? 32 : 0); }",
        "{ bool p = a > b, q = score > f; p &= q; q |= p; q ^= a < b; return (p ? 1 : 0) + (q ? 2 : 0) + (true & p ? 4 : 0) + (q == false "
            + "? 8 : 0); }",
        "{ bool p = false; if (key > query) p = true; return p ? score : 1f; }",
        "=> a > b && f > g || query > key && score > f ? 1f : 2f;",
        "=> (a > b ? query > key : score > f) ? 1f : 2f;",

        // Control flow.
        "{ if (query < key) return 1f; return 2f; }",
        "{ if (query < key) return 1f; else if (head == 3) return 2f; else return score; }",
        "{ if (a > b) return 1f; if (query > key) return 2f; if (head > 4) { if (batch == 1) return 3f; score += 1f; } return score * 2f; }",
        "{ float x = 1f; if (query > key) { x = 2f; if (head > 3) { x += 5f; } else x *= 3f; x -= 1f; } else { x = score; } return x; }",
        "{ int x; if (query > key) x = query; else x = key; return Hash(x); }",
        "{ float x = f; if (a > b) { x = g; } if (query > 100) x += 1f; return x; }",
        "{ float x = f; if (a > b) { x = g; if (query > 100) { x = 3f; } } return x + (a > b ? score : f); }",
        "{ if (a > b) { return f; } else { g += 1f; } return g; }",
        "{ if (query > key) { if (a > b) return f; score = g; } return score; }",
        "{ if (query > key) { if (head > 3) { score += 1f; } else { return 7f; } score *= 2f; } else if (head == 2) { return 8f; } else { "
            + "score -= 1f; } return score; }",
        "{ float s = 0f; for (int i = 0; i < 8; i++) { s += i * score; } return s; }",
        "{ int s = 0; for (int i = 10; i >= 3; i -= 2) { s = unchecked(s * 31 + i + query); } return Hash(s); }",
        "{ int s = 0; for (int i = Math.Clamp(a, -5, 5); i <= 6; i++) { s = unchecked(s * 31 + i); } return Hash(s) + score; }",
        "{ int s = 0; for (int i = 0; 6 > i; i += 4) { for (int j = i; j < 5; ++j) { s += i * j + key % 3; } } return s; }",
        "{ int s = 0; for (int i = int.MaxValue - 5; i < int.MaxValue; i += 3) { s++; if (s > 20) break; } return s; }",
        "{ int s = 0; for (int i = 0; i < 20; i++) { if (i == head) continue; if (i > head + 5) break; s += i; } return s; }",
        "{ int s = 0; for (int i = 0; i < 20; i++) { if (a > 0 && i == 5) break; if (i % 2 == 1) continue; s += i; } return s + score; }",
        "{ for (int i = 0; i < 9; i++) { if (i > head) return score + i; score += 0.5f; } return score; }",
        "{ for (int i = 0; i < 9; i++) { if (a < b) { if (i == 4) return f; } score += 1f; } return score; }",
        "{ int s = 0; for (int i = 0; i < 4; i++) { for (int j = 0; j < 4; j++) { if (j > head % 4) break; if (i * j > head) return s; s "
            + "+= j + 1; } s *= 2; if (s > 50) continue; s++; } return s; }",
        "{ int s = 0; for (int i = 0; i < 4; i++) { for (int j = 0; j < 4; j++) { if (a > 0 && j == 2) return 5f; if (j > head % 3) "
            + "break; s++; } } return s; }",
        "{ if (query > key) { for (int i = 0; i < 4; i++) { if (a > 0 && i == 2) break; if (b > 0 && i == 3) return 2f; score += 1f; } } "
            + "else { score = f; } return score; }",
        "{ int s = 0; if (query > key) for (int i = 0; i < 4; i++) { if (a > b) break; s += head; } return s; }",
        "{ bool done = false; if (head > 2) done = true; if (done) { done = false; score += 1f; } if (done) score += 2f; return score; }",
        "{ for (int i = 0, n = 3; i < n; i++) { float x = score; if (i == head) { x += 1f; } score = x * 0.5f; } return score; }",

        // Patterns.
        "=> head switch { 0 => 1f, 1 or 2 => score, > 5 => f, _ => g };",
        "=> (query % 5, key % 3) is var _ ? 0 : 0;".Replace(
            "(query % 5, key % 3) is var _ ? 0 : 0", "query % 5 switch { < 2 when key % 3 == 1 => 1f, not 4 => 2f, _ => 3f }"),
        "=> score switch { float.NaN => 1f, < 0f => 2f, 0f => 3f, > 5 and < 10 => 4f, _ => 5f };",
        "=> (query > key) switch { true => 1f, false => score };",
        "=> head is 1 or 3 and not 2 ? (a is > 0 and < 100 ? 1f : 2f) : (score is float.NaN ? 3f : 4f);",
        "=> (a > b) switch { true => f, _ => g };",

        // Calls.
        "=> Twice(score) + Twice(f) + Bit(a > b) + Bit(query > key);",
        "=> Nested(query, key, 3) + Nested(key, a, b & 3);",
        "=> Mixed(step: 2f, x: score);",
        "=> Early(head, score) + Early(a, f);",
        "{ score = Twice(score); a = Sum(5) + Sum(a & 7); return Hash(a) + score; }",

        // Names that OpenCL C has for itself, and names that kernels have.
        "{ float half = score, max = f, select = 2f, @float = 1f, ROWS = 3f, global_ = 5f, größe = 7f, as_int = 9f, where_1 = 1f; if "
            + "(query > key) where_1 = 2f; return half + max * select - @float + ROWS + global_ + größe + as_int + where_1; }",
        "{ float lanes_float = score; int uint4 = a; int active = head; return lanes_float + uint4 + active; }",
    ];

    private const string Others = """

        static float Hash(int x) => unchecked((x ^ x >> 15) * 0x2C1B3C6D >>> 9) * (1f / 16777216f) + (x & 1023);
        static float Twice(float x) => x + x;
        static int Bit(bool on) => on ? 1 : 0;
        static int Sum(int n) { int s = 0; for (int i = 1; i <= n; i++) s += i; return s; }
        static int Nested(int x, int y, int n) { int s = x % 100; for (int i = 0; i < n; i++) { if (y > x) s += Bit(s > i) + 2; } return s; }
        static float Mixed(float x, float step = 1f, int count = 3) { for (int i = 0; i < count; i++) { if (x > 3f) return x; x += step; } return -x; }
        static float Early(int x, float y) { if (x > 3) return y; return Twice(y) + 1f; }
        """;

    [SkippableTheory]
    [MemberData(nameof(Bodies))]
    public void Bodies_calculate_what_CSharp_does(string body)
    {
        var random = new Random(3);
        (int, int, float, float)[] inputs =
        [
            (5, 3, 0.3f, -1.75f), (-7, 2, 0.1f, float.NaN), (int.MinValue, -3, -0f, float.PositiveInfinity),
            (Points.AnyInt(random), Points.AnyInt(random), Points.AnyFloat(random), Points.AnyFloat(random)),
        ];
        Points points = Points.Random(2000);
        using var program = new ModProgram($"{ScoreHead} {body}{Others}");
        foreach ((int a, int b, float f, float g) in inputs)
        {
            program.AssertSame(device.Device, 0, points, a, b, f, g);
        }
    }

    /// <summary>Divisions without a quotient, and C# that has one there.</summary>
    public static TheoryData<string, string> Divisions => new()
    {
        { "=> a / b + query / (key - query);", "=> Over(a, b) + Over(query, key - query);" },
        { "=> a % b + query % (key - query);", "=> Rest(a, b) + Rest(query, key - query);" },
        { "=> Bit(a / (query - key) == int.MinValue) + Bit(a % (query - key) == 0);",
            "=> Bit(Over(a, query - key) == int.MinValue) + Bit(Rest(a, query - key) == 0);" },
        { "=> query > key && 100 / (query - key) > 3 ? query / (head - 3) : key % (head - 3);",
            "=> query > key && Over(100, query - key) > 3 ? Over(query, head - 3) : Rest(key, head - 3);" },
        { "=> query / ((Math.Abs(a) >> 31) + 1);", "=> Over(query, ((a == int.MinValue ? a : Math.Abs(a)) >> 31) + 1);" },
    };

    [SkippableTheory]
    [MemberData(nameof(Divisions))]
    public void Divisions_without_a_quotient_give_0_or_wrap(string body, string inCSharp)
    {
        const string safe = """

            static int Over(int x, int y) => y == 0 ? 0 : y == -1 ? unchecked(-x) : x / y;
            static int Rest(int x, int y) => y == 0 || y == -1 ? 0 : x % y;
            """;
        Points points = Points.Square(24);
        using var program = new ModProgram($"{ScoreHead} {body}{Others}");
        using var expected = new ModProgram($"{ScoreHead} {inCSharp}{Others}{safe}");
        foreach ((int a, int b) in new[] { (5, 0), (int.MinValue, -1), (int.MinValue, 0), (-7, 2), (int.MinValue, 20) })
        {
            (float[] results, bool[] throws) = expected.InCSharp(points, a, b, 0f, 0f);
            Assert.DoesNotContain(true, throws);
            Assert.Equal(results, program.OnDevice(device.Device, 1, points, a, b, 0f, 0f));
            Assert.Equal(results, program.OnDevice(device.Device, 16, points, a, b, 0f, 0f));
        }
    }

    [Theory]
    [InlineData("=> query / ((Math.Abs(a) >> 31) + 1);")]
    [InlineData("=> query / (Math.Clamp(query, b, 10) - 20);")]
    [InlineData("=> query / (key - 1);")]
    public void Ranges_that_hold_only_where_CSharp_does_not_throw_rule_out_no_divisor(string body)
    {
        using var program = new ModProgram($"{ScoreHead} {body}");
        Assert.Contains("score_mod_divide", program.Source);
    }
}
