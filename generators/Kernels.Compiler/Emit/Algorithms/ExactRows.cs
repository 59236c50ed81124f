using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>The work-items that calculate a row together: each has the scores of some keys, and some columns of the output.</summary>
/// <param name="Size">Expression: the keys that they take at a time, one score each.</param>
/// <param name="Lanes">Scores of one work-item; several are in the lane vocabulary, and then it is alone.</param>
/// <param name="Member">Expression: the work-item's place among them.</param>
/// <param name="Columns">Expression: columns of one work-item.</param>
/// <param name="Column">Expression: the column that is its <c>c</c>-th.</param>
/// <param name="HasColumn">Expression: whether it has that column, or null where it has all.</param>
/// <param name="Share">Statements that let the others have the work-item's <c>own</c> number.</param>
/// <param name="Shared">Expression: the number of the <c>i</c>-th.</param>
/// <param name="EndShare">Statements after the numbers have been used.</param>
internal sealed record RowTeam(
    string Size, int Lanes, string Member, string Columns, string Column, string? HasColumn, string Share, string Shared, string EndShare)
{
    /// <summary>One work-item, whose vectors have the scores of so many keys.</summary>
    public static RowTeam Vector(int lanes) => new(C.Int(lanes), lanes, "0", "VALUE_DIM", "c", null, "", "((const float*)&own)[i]", "");

    /// <summary>The type of a work-item's scores.</summary>
    public string Type => Lanes > 1 ? "lanes_float" : "float";

    /// <summary>Expression: the number for each of a work-item's scores.</summary>
    public string All(string number) => Lanes > 1 ? $"(lanes_float)({number})" : number;

}

/// <summary>
/// Rows once more, key by key, in plain arithmetic. A weight of 0 does not keep NaN or an infinity in the value of a hidden key from
/// a row; sums of large values overflow where their mean does not; products of large queries and keys overflow before they are scaled. Each leaves an
/// output that is not finite, so finite outputs prove that nothing of the kind has happened, and the fast path asks nothing else.
/// </summary>
internal static class ExactRows
{
    /// <summary>The functions that <see cref="Write"/> calls.</summary>
    public static void Declare(CodeWriter writer, KernelContext context, int lanes)
    {
        AttentionSpec spec = context.Spec;
        bool isVector = lanes > 1;
        string angles = context.Rope.IsOn ? ", global const float2* angles" : "";
        string query = context.Rope.IsOn ? "turned(query, angles, d)" : context.Storage.Load("query", "d", 1);
        (string scale, string scaled) = context.Cache.Scale == CacheScale.None ? ("", "") : (", float key_scale", " * key_scale");
        Prelude.Helpers(writer, context.Cache.LoadHelper(1));
        if (context.Rope.IsOn)
        {
            context.Rope.DeclareLoad(writer, context.Storage.StorageType, d => context.Storage.Load("from", d, 1), "query");
        }

        writer.Add($$"""
            // A query times a key, in plain arithmetic.
            static float exact_product(global const {{context.Storage.StorageType}}* query, global const {{context.Cache.StorageType}}* key{{scale}}{{angles}})
            {
                float product = 0.0f;
            {{(isVector ? "" : "    #pragma unroll 1\n")}}    for (int d = 0; d < HEAD_DIM; d++)
                {
                    product = fma({{query}} * SCALE, {{context.Cache.Load("key", "d", 1)}}{{scaled}}, product);
                }
                return product;
            }
            """).Line();

        string type = isVector ? "lanes_float" : "float";
        writer.Add(isVector ? $"// The scores of a row with {lanes} keys from first_key on; -inf where it does not see them." : "// The score of a row with a key; -inf where it does not see it.");
        writer.Open($"static {type} exact_score({Parameters(context, isVector)})");
        string token = isVector ? "min(first_key + i, end - 1)" : "min(key, end - 1)";
        string keyScale = context.Cache.Scale switch
        {
            CacheScale.PerToken => $", key_scales[{context.Addressing.RowOfToken(token, "1")}]",
            CacheScale.PerHead => ", key_scales[kv_head]",
            _ => "",
        };
        string product = $"exact_product(query, keys + {context.Addressing.RowOfToken(token, context.Cache.RowLength("HEAD_DIM"))}{keyScale}{(context.Rope.IsOn ? ", angles" : "")})";
        if (isVector)
        {
            writer.Add("lanes_float score;");
            writer.Open($"for (int i = 0; i < {lanes}; i++)").Add($"((float*)&score)[i] = {product};").Close();
            writer.Add($"const lanes_int key = first_key + (lanes_int)({string.Join(", ", Enumerable.Range(0, lanes))});");
        }
        else
        {
            writer.Add($"float score = {product};");
        }

        string seen = isVector ? "min(key, (lanes_int)(end - 1))" : "min(key, end - 1)";
        if (context.Rules.Transforms)
        {
            writer.Add($"score = transform_score(score, row, {seen}{context.Rules.TransformArguments});");
        }

        string visible = context.Rules.HidesKeys ? $"is_visible(row, {seen}{context.Rules.VisibleArguments}) && key < end" : "key < end";
        writer.Add(isVector ? $"return lanes_select((lanes_float)(-INFINITY), score, {visible});" : $"return {visible} ? score : -INFINITY;");
        writer.Close().Line();
        writer.Add("""
            // A summand of a quarter of a mean: weights whose sum is a little more than 1 make no overflow. What is not finite counts whatever its weight.
            static float exact_term(float weight, float value)
            {
                return isfinite(value) ? weight * (0.25f * value) : value;
            }

            // The mean of which a quarter is given.
            static float exact_mean(float quarter)
            {
                return isfinite(quarter) ? 4.0f * clamp(quarter, -0.25f * FLT_MAX, 0.25f * FLT_MAX) : quarter;
            }
            """).Line();
    }

    /// <summary>Calculates the item's row <paramref name="row"/> again, in the scope of the kernel, and stores its output and LSE, or its partial state.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="context">What the kernel is written from.</param>
    /// <param name="team">Who does it.</param>
    /// <param name="row">Expression: the row.</param>
    /// <param name="isNeeded">Expression: whether it is to be done, the same for the whole team.</param>
    public static void Write(CodeWriter writer, KernelContext context, RowTeam team, string row, string isNeeded)
    {
        AttentionSpec spec = context.Spec;
        ScoreRules rules = context.Rules;
        writer.Open($"if ({isNeeded})");
        writer.Add($"""
            // Something is not finite: the row once more, key by key. What it does not see has no part in it.
            global const {context.Storage.StorageType}* const query = queries + packed_row(item, kv_head, {row}) * HEAD_DIM;
            """);
        if (context.Rope.IsOn)
        {
            writer.Add($"global const float2* const angles = query_angles(item, {row}, rope);");
        }

        if (rules.NeedsRows)
        {
            writer.Add($"""
                Row exact_row;
                {rules.SetRow("exact_row", team.Lanes > 1 ? $"(lanes_int)({row})" : row)}
                """);
        }

        string score = $"exact_score({Arguments(context, team.Lanes > 1 ? "first_key" : $"first_key + {team.Member}")})";
        writer.Add($"""
            {team.Type} own_max = {team.All("-INFINITY")};
            {team.Type} own_sum = {team.All("0.0f")};
            """);
        EachKeys();
        writer.Add($"""
            const {team.Type} score = {score};
            const {team.Type} top = fmax(own_max, score);
            const {team.Type} origin = top == {team.All("-INFINITY")} ? {team.All("0.0f")} : top;
            own_sum = own_sum * exp2({rules.Power("own_max", "origin")}) + exp2({rules.Power("score", "origin")});
            own_max = top;
            """);
        writer.Close();
        writer.Add("float exact_max = -INFINITY;");
        Sharing("own_max", () => writer.Add("exact_max = fmax(exact_max, of_member);"));
        writer.Add("const float origin = exact_max == -INFINITY ? 0.0f : exact_max;");
        writer.Add("float exact_sum = 0.0f;");
        Sharing($"own_sum * exp2({rules.Power("own_max", "origin")})", () => writer.Add("exact_sum += of_member;"));

        writer.Add($$"""
            float exact[{{team.Columns}}];
            for (int c = 0; c < {{team.Columns}}; c++)
            {
                exact[c] = isnan(exact_sum) ? NAN : 0.0f;
            }
            """);
        writer.Open("if (exact_sum > 0.0f)");
        EachKeys();
        string buffer = spec.LatentCache ? "keys" : "values", dim = spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM";
        bool isScaled = context.Cache.Scale is CacheScale.PerToken or CacheScale.PerHead;
        writer.Add($"const {team.Type} score = {score};");
        Sharing(
            $"score > {team.All("-INFINITY")} ? exp2({rules.Power("score", "origin")}) / exact_sum : {team.All("-1.0f")}",
            () =>
            {
                writer.Open("if (of_member >= 0.0f) // below 0: hidden");
                writer.Add("const int key = first_key + i;");
                writer.Add($"global const {context.Cache.StorageType}* const value = {buffer} + {context.Addressing.RowOfToken("key", context.Cache.RowLength(dim))};");
                if (isScaled)
                {
                    writer.Add($"const float value_scale = value_scales[{(context.ScalesTokens ? context.Addressing.RowOfToken("key", "1") : "kv_head")}];");
                }

                EachColumn(() => writer.Add($"exact[c] += exact_term(of_member, {context.Cache.Load("value", "d", 1)}{(isScaled ? " * value_scale" : "")});"));
                writer.Close();
            });
        writer.Close().Close();

        writer.Add($"""
            const int exact_is_final = item.partial_row < 0;
            const long exact_to = exact_is_final ? packed_row(item, kv_head, {row}) : (long)(item.partial_row + {row}) * KV_HEADS + kv_head;
            """);
        if (spec.Sinks)
        {
            writer.Add($"const float exact_sink = exp2({rules.SinkPower($"sinks[kv_head * GROUP + (item.first_row + {row}) % GROUP]", "exact_max")});");
        }

        string output = spec.Sinks
            ? "exact_is_final && exact_sum != 0.0f ? exact_mean(exact[c]) * (exact_sum / (exact_sum + exact_sink)) : exact_mean(exact[c])"
            : "exact_mean(exact[c])";
        EachColumn(() =>
        {
            writer.Add($"const float out = {output};");
            writer.Open("if (exact_is_final)").Add(context.Storage.Store("outputs + exact_to * VALUE_DIM + d", "out")).Close();
            writer.Open("else").Add("partial_outputs[exact_to * VALUE_DIM + d] = out;").Close();
        });
        string first = team.Lanes > 1 ? "" : $"{team.Member} == 0 && ";
        writer.Open($"if ({first}exact_is_final)").Add($"lse[exact_to] = exact_sum == 0.0f ? -INFINITY : {rules.Natural("exact_max")} + log(exact_sum);").Close();
        writer.Open($"else if ({first}!exact_is_final)").Add("partial_states[exact_to] = (float2)(exact_max, exact_sum);").Close();
        writer.Close();

        // Loops that compilers do not unroll: the fast path must not pay with registers for this one.
        void Loop(string head)
        {
            if (team.Lanes == 1)
            {
                writer.Add("#pragma unroll 1");
            }

            writer.Open(head);
        }

        void EachKeys() => Loop($"for (int first_key = item.kv_begin; first_key < item.kv_end; first_key += {team.Size})");

        // A loop over the numbers of all members: `of_member` is that of the i-th.
        void Sharing(string own, Action each)
        {
            writer.Open();
            writer.Add($"const {team.Type} own = {own};");
            Optional(team.Share);
            Loop($"for (int i = 0; i < {team.Size}; i++)");
            writer.Add($"const float of_member = {team.Shared};");
            each();
            writer.Close();
            Optional(team.EndShare);
            writer.Close();
        }

        void EachColumn(Action write)
        {
            writer.Open($"for (int c = 0; c < {team.Columns}; c++)");
            writer.Add($"const int d = {team.Column};");
            if (team.HasColumn is not null)
            {
                writer.Open($"if ({team.HasColumn})");
            }

            write();
            if (team.HasColumn is not null)
            {
                writer.Close();
            }

            writer.Close();
        }

        void Optional(string statements)
        {
            if (statements.Length > 0)
            {
                writer.Add(statements);
            }
        }
    }

    /// <summary>The parameters of <c>exact_score</c>.</summary>
    private static string Parameters(KernelContext context, bool isVector) =>
        $"global const {context.Storage.StorageType}* query, global const {context.Cache.StorageType}* keys{(context.Cache.Scale == CacheScale.None ? "" : ", global const float* key_scales")}"
        + $", int sequence, int kv_head, int {(isVector ? "first_key" : "key")}, int end, {context.Addressing.FunctionParameters}"
        + (context.Rules.NeedsRows ? ", Row row" : "") + (context.Rope.IsOn ? ", global const float2* angles" : "") + KernelInput.Parameters(context.Rules.ScoreInputs);

    /// <summary>The arguments for <see cref="Parameters"/>, in the scope of <see cref="Write"/>.</summary>
    private static string Arguments(KernelContext context, string key) =>
        $"query, keys{(context.Cache.Scale == CacheScale.None ? "" : ", key_scales")}, sequence, kv_head, {key}, item.kv_end, {context.Addressing.Arguments}"
        + (context.Rules.NeedsRows ? ", exact_row" : "") + (context.Rope.IsOn ? ", angles" : "") + KernelInput.Arguments(context.Rules.ScoreInputs);
}
