using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit;

/// <summary>
/// Rotary position embedding: keys turn before they are stored, queries when a flash kernel has loaded them, which costs less
/// than a kernel of its own would take to start. Arithmetic is float32, in two operations whose rounding is the same on every
/// device, and a zero is positive, so that a cache's bits are the same, too.
/// </summary>
internal sealed class Rope(AttentionSpec spec)
{
    /// <summary>Whether the spec has it.</summary>
    public bool IsOn => spec.Rope != RopeStyle.None;

    /// <summary>The element of a pair that comes first.</summary>
    public string First(string pair) => Begin + (spec.Rope == RopeStyle.HalfSplit ? pair : $"2 * {pair}");

    /// <summary>The element of a pair that comes second.</summary>
    public string Second(string pair) => Begin + (spec.Rope == RopeStyle.HalfSplit ? $"{pair} + ROTARY_DIM / 2" : $"2 * {pair} + 1");

    /// <summary>The elements before those that turn, as a summand; a latent row has its value there.</summary>
    private string Begin => spec.LatentCache ? "VALUE_DIM + " : "";

    /// <summary>The constant, and the function that turns a pair.</summary>
    public void Declare(CodeWriter writer)
    {
        if (!IsOn)
        {
            return;
        }

        string pairs = spec.Rope == RopeStyle.HalfSplit ? "i turns with i + ROTARY_DIM / 2" : "2i turns with 2i + 1";
        writer.Add($$"""
            #define ROTARY_DIM {{spec.ResolvedRotaryDim}} // elements of a head that turn: {{pairs}}

            // Turns a pair of elements by an angle that is given as cosine and sine. -0 becomes 0: drivers differ in the sign that
            // fma gives to 0 * x + 0, and some take an added 0 away.
            static float2 turn_pair(float first, float second, float2 angle)
            {
                const float2 x = (float2)(fma(first, angle.s0, -(second * angle.s1)), fma(second, angle.s0, first * angle.s1));
                return as_float2(select(as_int2(x), (int2)(0), as_int2(x) == INT_MIN));
            }
            """).Line();
    }

    /// <summary>The function that finds the angles of an item's query row.</summary>
    public void DeclareQueryAngles(CodeWriter writer)
    {
        if (IsOn)
        {
            writer.Add("""
                // The angles of a row's query; one below position 0 does not turn.
                static global const float2* query_angles(WorkItem item, int row, global const float2* rope)
                {
                    return rope + (long)max(item.position + (item.first_row + row) / GROUP, 0) * (ROTARY_DIM / 2);
                }
                """).Line();
        }
    }

    /// <summary>A function that loads an element of a new key, or of a query, turned.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="type">The type in memory.</param>
    /// <param name="load">Gives the expression that loads the element at an index of <c>from</c>.</param>
    /// <param name="what">What it is an element of, for a comment.</param>
    public void DeclareLoad(CodeWriter writer, string type, Func<string, string> load, string what = "key")
    {
        string element = spec.LatentCache ? "(d - VALUE_DIM)" : "d";
        (string pair, string isFirst) = spec.Rope == RopeStyle.HalfSplit
            ? ($"{element} % (ROTARY_DIM / 2)", $"{element} < ROTARY_DIM / 2")
            : ($"{element} / 2", $"{element} % 2 == 0");
        writer.Add($"// Element d of a {what}, turned.");
        writer.Open($"static float turned(global const {type}* from, global const float2* angles, int d)");
        if (spec.ResolvedRotaryDim < spec.HeadDim)
        {
            writer.Open(spec.LatentCache ? "if (d < VALUE_DIM || d >= VALUE_DIM + ROTARY_DIM)" : "if (d >= ROTARY_DIM)");
            writer.Add($"return {load("d")};");
            writer.Close();
        }

        writer.Add($"""
            const int i = {pair};
            const float2 pair = turn_pair({load(First("i"))}, {load(Second("i"))}, angles[i]);
            return {isFirst} ? pair.s0 : pair.s1;
            """);
        writer.Close().Line();
    }
}
