namespace Kernels.Mods.Tests.Properties;

/// <summary>
/// Writes random mods in C#. A score's own value decides no branch, and no factor on it is large: a jump, or a steep slope,
/// would make rounding look like a mistake. Positions, heads and inputs decide whatever they like.
/// </summary>
internal sealed class ModGrammar
{
    /// <summary>Elements of the buffer <c>table</c>; <c>ids</c> has one for each position.</summary>
    public const int TableLength = 64;

    /// <summary>What mods can have as inputs, by name.</summary>
    public static readonly IReadOnlyDictionary<string, string> InputTypes = new Dictionary<string, string>
    {
        ["a"] = "int", ["n"] = "int", ["f"] = "float", ["ids"] = "ReadOnlySpan<int>", ["table"] = "ReadOnlySpan<float>",
    };

    private readonly Choices choices;
    private readonly List<string> ints = ["query", "key", "head", "batch"];
    private readonly string[] inputs;
    private readonly bool isMask;
    private bool hasHelper;

    private ModGrammar(Choices choices, bool isMask)
    {
        this.choices = choices;
        this.isMask = isMask;
        inputs = choices.Shuffled(InputTypes.Keys)[..choices.Number(0, InputTypes.Count)];
        ints.AddRange(inputs.Where(name => InputTypes[name] == "int"));
    }

    /// <summary>A random score mod called Score.</summary>
    public static Mod Score(Choices choices)
    {
        var grammar = new ModGrammar(choices, isMask: false);
        string helper = grammar.FloatHelper();
        return grammar.Finish("float", "Score", "float score, int batch, int head, int query, int key", grammar.ScoreBody(), helper);
    }

    /// <summary>A random mask mod called Mask.</summary>
    public static Mod Mask(Choices choices)
    {
        var grammar = new ModGrammar(choices, isMask: true);
        string helper = grammar.IntHelper();
        return grammar.Finish("bool", "Mask", "int batch, int head, int query, int key", grammar.MaskBody(), helper);
    }

    private Mod Finish(string type, string name, string parameters, string body, string helper)
    {
        string declared = string.Concat(inputs.Select(input => $", {InputTypes[input]} {input}"));
        return new(name, inputs, $"[{name}Mod] internal static {type} {name}({parameters}{declared})\n{body}{helper}\n");
    }

    private string ScoreBody()
    {
        if (choices.Chance(25))
        {
            return $"    => {Bounded(OfScore("score", 3))};\n";
        }

        var text = new System.Text.StringBuilder("{\n").Append($"    float x = {OfScore("score", 2)};\n").Append(Ints());
        if (choices.Chance(70))
        {
            text.Append($"    if ({Bool(2)})\n    {{\n");
            text.Append(choices.Chance(30) ? $"        if ({Bool(1)}) return {Bounded(OfScore("x", 1))};\n" : "");
            text.Append($"        x = {OfScore("x", 1)};\n    }}\n");
            text.Append(choices.Number(0, 2) switch
            {
                0 => $"    else if ({Bool(1)}) {{ x += {Float(1)}; }}\n",
                1 => $"    else {{ return {Bounded(OfScore("score", 1))}; }}\n",
                _ => "",
            });
        }

        if (choices.Chance(50))
        {
            ints.Add("i");
            text.Append($"    for (int i = {choices.Number(0, 2)}; i < {Limit()}; i++)\n    {{\n");
            text.Append(choices.Chance(40) ? $"        if ({Bool(1)}) continue;\n" : "")
                .Append(choices.Chance(40) ? $"        if ({Bool(1)}) break;\n" : "");
            text.Append(choices.Chance(15) ? $"        if ({Bool(1)}) return {Bounded("x")};\n" : "");
            text.Append($"        x = x * 0.75f + {Float(1)};\n    }}\n");
            ints.Remove("i");
        }

        return text.Append($"    return {Bounded(OfScore("x", 1))};\n}}\n").ToString();
    }

    private string MaskBody()
    {
        if (choices.Chance(35))
        {
            return $"    => {Bool(3)};\n";
        }

        var text = new System.Text.StringBuilder("{\n").Append($"    bool visible = {Bool(2)};\n").Append(Ints());
        if (choices.Chance(60))
        {
            text.Append($"    if ({Bool(1)})\n    {{\n");
            text.Append(choices.Chance(40) ? $"        if ({Bool(1)}) return {Bool(1)};\n" : "");
            text.Append($"        visible {choices.Of("=", "|=", "&=", "^=")} {Bool(1)};\n    }}\n");
        }

        if (choices.Chance(50))
        {
            ints.Add("i");
            text.Append($"    int hits = 0;\n    for (int i = 0; i < {Limit()}; i++)\n    {{\n");
            text.Append(choices.Chance(40) ? $"        if ({Bool(1)}) {choices.Of("break", "continue")};\n" : "");
            text.Append($"        hits += {Int(1)} & 3;\n    }}\n    visible = visible {choices.Of("||", "&&")} hits % 3 != 1;\n");
            ints.Remove("i");
        }

        return text.Append($"    return visible {choices.Of("||", "&&")} ({Bool(1)});\n}}\n").ToString();
    }

    /// <summary>One or two int variables.</summary>
    private string Ints()
    {
        string text = "";
        for (int i = choices.Number(0, 2); i > 0; i--)
        {
            string name = "m" + i;
            text += $"    int {name} = {Int(2)};\n";
            ints.Add(name);
        }

        return text;
    }

    private string FloatHelper()
    {
        hasHelper = choices.Chance(50);
        return !hasHelper ? "" : $$"""

            private static float Helper(float x, int m)
            {
                if (m % {{choices.Number(2, 5)}} == 0) return x * 0.5f;
                for (int i = 0; i < {{choices.Number(1, 4)}}; i++)
                {
                    if (m >> i <= {{choices.Number(0, 9)}}) break;
                    x += 0.25f;
                }

                return {{choices.Of("x", "-x", "m > 3 ? x : 1f")}};
            }
            """;
    }

    private string IntHelper()
    {
        hasHelper = choices.Chance(50);
        return !hasHelper ? "" : $$"""

            private static int HelperOfMask(int x, int y)
            {
                int s = x % 17;
                for (int i = 0; i < {{choices.Number(1, 5)}}; i++)
                {
                    if (y > {{choices.Number(1, 60)}} + i) return s + i;
                    s += y >> i;
                }

                return s;
            }
            """;
    }

    private string Limit() => inputs.Contains("n") && choices.Chance(60)
        ? "n" : choices.Number(1, 5).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string Bounded(string value) => $"Math.Clamp({value}, -20f, 20f)";

    /// <summary>A float that moves with <paramref name="x"/> about as fast as it.</summary>
    private string OfScore(string x, int depth) => depth == 0 ? x : choices.Number(0, 11) switch
    {
        0 => $"({OfScore(x, depth - 1)} + {Float(depth - 1)})",
        1 => $"({OfScore(x, depth - 1)} - {Float(depth - 1)})",
        2 => $"{OfScore(x, depth - 1)} * {choices.Of("0.5f", "-0.75f", "1.25f", "-1f")}",
        3 => $"{OfScore(x, depth - 1)} * MathF.Tanh({Float(depth - 1)})",
        4 => $"MathF.Max({OfScore(x, depth - 1)}, {Float(depth - 1)})",
        5 => $"MathF.Min({OfScore(x, depth - 1)}, {OfScore(x, depth - 1)})",
        6 => $"({Bool(depth - 1)} ? {OfScore(x, depth - 1)} : {OfScore(x, depth - 1)})",
        7 => $"3f * MathF.Tanh({OfScore(x, depth - 1)} * 0.3f)",
        8 => $"MathF.Abs({OfScore(x, depth - 1)})",
        9 =>
            $"(({Int(1)}) switch {{ 0 or 2 => {OfScore(x, depth - 1)}, < 0 => {Float(0)}, > 9 and < 30 => {OfScore(x, 0)}, _ => "
                + $"{OfScore(x, depth - 1)} }})",
        10 when hasHelper => $"Helper({OfScore(x, depth - 1)}, {Int(1)})",
        _ => x,
    };

    /// <summary>A float that no score takes part in, small.</summary>
    private string Float(int depth) => depth == 0
        ? choices.Number(0, 4) switch
        {
            0 when inputs.Contains("f") => "f",
            1 when inputs.Contains("table") => $"table[({Int(0)}) & {TableLength - 1}]",
            2 => $"(({Int(0)}) & 31) * 0.0625f",
            _ => choices.Of("0.5f", "-0.25f", "1f", "0f", "2.5f"),
        }
        : choices.Number(0, 7) switch
        {
            0 => $"({Float(depth - 1)} + {Float(depth - 1)})",
            1 => $"({Float(depth - 1)} * {Float(depth - 1)})",
            2 => $"({Bool(depth - 1)} ? {Float(depth - 1)} : {Float(depth - 1)})",
            3 => $"MathF.Max({Float(depth - 1)}, {Float(depth - 1)})",
            4 => $"MathF.Sin({Float(depth - 1)})",
            5 => $"-({Float(depth - 1)})",

            // Read where the index is in range, and only there.
            6 when inputs.Contains("table") =>
                $"(query - key >= 0 && query - key < {TableLength} ? table[query - key] : {Float(depth - 1)})",
            _ => Float(0),
        };

    private string Int(int depth) => depth == 0
        ? choices.Number(0, 6) switch
        {
            0 when inputs.Contains("ids") => "ids[key]",
            1 when inputs.Contains("ids") => "ids[query]",
            2 => choices.Number(0, 40).ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => ints[choices.Number(0, ints.Count - 1)],
        }
        : choices.Number(0, 13) switch
        {
            0 => $"({Int(depth - 1)} + {Int(depth - 1)})",
            1 => $"({Int(depth - 1)} - {Int(depth - 1)})",
            2 => $"({Int(depth - 1)} ^ {Int(depth - 1)})",
            3 => $"{Int(depth - 1)} * {choices.Number(2, 3)}",
            4 => $"{Int(depth - 1)} / {choices.Of(2, 3, 4, 8)}",
            5 => $"{Int(depth - 1)} % {choices.Of(2, 3, 5, 8)}",
            6 => $"({Int(depth - 1)} {choices.Of("&", "|")} {choices.Number(1, 31)})",
            7 => $"({Int(depth - 1)} >> {choices.Number(1, 3)})",
            8 => $"Math.Abs({Int(depth - 1)})",
            9 => $"Math.{choices.Of("Min", "Max")}({Int(depth - 1)}, {Int(depth - 1)})",
            10 => $"({Bool(depth - 1)} ? {Int(depth - 1)} : {Int(depth - 1)})",
            12 when hasHelper && isMask => $"HelperOfMask({Int(depth - 1)}, {Int(depth - 1)})",
            11 when inputs.Contains("ids") => $"(key >= {choices.Number(1, 9)} && key > query ? ids[key - 1] : {Int(depth - 1)})",
            _ => Int(0),
        };

    private string Bool(int depth) => depth == 0
        ? choices.Number(0, 5) switch
        {
            0 => "key <= query",
            1 => $"query - key {choices.Of("<", ">=")} {choices.Number(0, 60)}",
            2 when inputs.Contains("ids") => "ids[key] == ids[query]",
            3 => $"head is {choices.Number(0, 3)} or > 4",
            4 when inputs.Contains("f") => "f > 0.25f",
            _ => $"({Int(0)} & {choices.Of(1, 2, 4)}) {choices.Of("==", "!=")} 0",
        }
        : choices.Number(0, 7) switch
        {
            0 => $"({Bool(depth - 1)} && {Bool(depth - 1)})",
            1 => $"({Bool(depth - 1)} || {Bool(depth - 1)})",
            2 => $"!({Bool(depth - 1)})",
            3 => $"{Int(depth - 1)} {choices.Of("<", "<=", ">", ">=", "==", "!=")} {Int(depth - 1)}",
            4 => $"({Bool(depth - 1)} ? {Bool(depth - 1)} : {Bool(depth - 1)})",
            5 => $"({Bool(depth - 1)} ^ {Bool(depth - 1)})",
            6 => $"{Int(depth - 1)} is > {choices.Number(0, 9)} and < {choices.Number(10, 99)}",
            _ => Bool(0),
        };
}
