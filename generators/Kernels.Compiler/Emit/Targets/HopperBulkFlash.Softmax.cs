using Kernels.Compiler.Emit.Scores;

namespace Kernels.Compiler.Emit.Targets;

/// <content>The softmax where keys are the rows of products: of each block of 8 query rows, work-item l has the rows 2(l % 4) and 2(l % 4) + 1.</content>
internal abstract partial class HopperBulkFlash
{
    protected override string Score => "score[j][b]";

    protected override string FirstKey => "first_key + warp_key + j * 16 + lane / 4";

    protected override string KeyOf(int element) => element < 2 ? "key" : "key + 8";

    protected override int RowOf(int element) => element % 2;

    protected override string SkipEmptyBlock => """
        if (is_empty(b, item.row_count))
        {
            continue;
        }

        """;

    private const string BlockFunctions = """
        // Whether there are no rows in block b; there are some in the first.
        static int is_empty(int b, int row_count)
        {
            return b > 0 && b * 8 >= row_count;
        }

        // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
        static float2 base_of(float2 maximum)
        {
            return (float2)(maximum.s0 == -INFINITY ? 0.0f : maximum.s0, maximum.s1 == -INFINITY ? 0.0f : maximum.s1);
        }

        // c += a (16 keys or columns) times b (8 rows), of each block of rows.
        static void multiply_rows(float4* c, uint4 a, const uint2* b, int row_count)
        {
            #pragma unroll
            for (int i = 0; i < ROW_BLOCKS; i++)
            {
                c[i] = mma_m16n8k16(c[i], a, b[i], is_empty(i, row_count));
            }
        }
        """;

    /// <summary>The state of a work-item's rows at their start.</summary>
    private void BeginBlocks(CodeWriter writer)
    {
        BeginScales(writer);
        writer.Add($$"""
            // Of each block, the rows lane % 4 * 2 and the next.
            float2 row_max[ROW_BLOCKS]; // may lag behind by MAXIMUM_LAG
            float2 row_sum[ROW_BLOCKS]; // over this work-item's keys only{{(Context.ScalesTokens ? "\nfloat2 row_unit[ROW_BLOCKS]; // a weight of an integer near the largest so far; outputs are multiples of it" : "")}}
            float4 output[VALUE_BLOCKS][ROW_BLOCKS]; // two rows of one column and of the next
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                row_max[b] = (float2)(-INFINITY);
                row_sum[b] = (float2)(0.0f);{{(Context.ScalesTokens ? "\n    row_unit[b] = (float2)(0.0f);" : "")}}
                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    output[c][b] = (float4)(0.0f);
                }
            }
            """);
        if (Context.Rules.NeedsRows)
        {
            writer.Add($$"""
                Row row[ROW_BLOCKS][2];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    row[b][0] = {{Context.Rules.MakeRow}}min(b * 8 + lane % 4 * 2, item.row_count - 1));
                    row[b][1] = {{Context.Rules.MakeRow}}min(b * 8 + lane % 4 * 2 + 1, item.row_count - 1));
                }
                """);
        }

        writer.Line();
    }

    public override void Softmax(CodeWriter writer)
    {
        string scaled = Context.Rules.Transforms ? "" : $" * {ScoreScale}";
        ScoreRules rules = Context.Rules;
        string Exponent(string element, string row) => rules.Power($"score[j][b].{element}{scaled}", $"base.{row}");
        string rescale = Context.ScalesTokens ? "row_unit[b] *= rescale;" : """
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                output[c][b] *= rescale.s0101;
            }
            """;
        writer.Add($$"""

            uint2 p[KEY_BLOCKS][ROW_BLOCKS]; // probabilities of the keys lane % 4 * 2, the next, and those 8 on; of row lane / 4
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                {{SkipEmptyBlock.Replace("\n", "\n    ").TrimEnd()}}
                float2 top = (float2)(-INFINITY);
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    top = fmax(top, fmax(score[j][b].lo, score[j][b].hi));
                }
                top = fmax(row_max[b], top{{scaled}});
                if (any_of_warp(top.s0 > row_max[b].s0 + MAXIMUM_LAG || top.s1 > row_max[b].s1 + MAXIMUM_LAG))
                {
                    top = rows_maximum(top);
                    const float2 growth = base_of(top) - row_max[b];
                    const float2 rescale = (float2)(exp2_fast({{rules.Power("-growth.s0")}}), exp2_fast({{rules.Power("-growth.s1")}}));
                    row_max[b] = top;
                    row_sum[b] *= rescale;
                    {{rescale.Replace("\n", "\n        ")}}
                }
                const float2 base = base_of(row_max[b]);
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    score[j][b].s0 = exp2_fast({{Exponent("s0", "s0")}});
                    score[j][b].s1 = exp2_fast({{Exponent("s1", "s1")}});
                    score[j][b].s2 = exp2_fast({{Exponent("s2", "s0")}});
                    score[j][b].s3 = exp2_fast({{Exponent("s3", "s1")}});
                    row_sum[b] += score[j][b].lo + score[j][b].hi;
                }
                {{ScaleProbabilities.Replace("\n", "\n    ")}}#pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    p[j][b].s0 = transpose(pack(score[j][b].s0, score[j][b].s1));
                    p[j][b].s1 = transpose(pack(score[j][b].s2, score[j][b].s3));
                }
            }

            """);
    }

    /// <summary>
    /// Statements of a row block: probabilities times the scales of their values, which <c>scales</c> has after those of the keys, as
    /// multiples of one near the row's largest so far: up to 2^7 times that, 16 bits suffice, whatever the scales of values that the row does not see
    /// or has little of.
    /// </summary>
    private string ScaleProbabilities => !Context.ScalesTokens ? "" : """
        const float2 unit = (float2)(row_unit[b].s0 > 0.0f ? row_unit[b].s0 : 1.0f, row_unit[b].s1 > 0.0f ? row_unit[b].s1 : 1.0f);
        const float2 inverse_unit = 1.0f / unit;
        float2 largest = (float2)(0.0f);
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            score[j][b].lo *= scales[KEYS + j * 16] * inverse_unit;
            score[j][b].hi *= scales[KEYS + j * 16 + 8] * inverse_unit;
            largest = fmax(largest, fmax(score[j][b].lo, score[j][b].hi));
        }
        if (any_of_warp(largest.s0 > 128.0f || largest.s1 > 128.0f || row_unit[b].s0 == 0.0f || row_unit[b].s1 == 0.0f))
        {
            const float2 before = row_unit[b];
            const float2 after = fmax(before, rows_maximum(largest) * unit);
            const float2 inverse = (float2)(after.s0 > 0.0f ? 1.0f / after.s0 : 0.0f, after.s1 > 0.0f ? 1.0f / after.s1 : 0.0f);
            row_unit[b] = after;
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                output[c][b] *= (before * inverse).s0101;
            }
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                score[j][b].lo *= unit * inverse;
                score[j][b].hi *= unit * inverse;
            }
        }

        """;

    /// <summary>Scores times the scales of their keys.</summary>
    private void ScaleScores(CodeWriter writer)
    {
        if (!Context.ScalesTokens)
        {
            return;
        }

        writer.Add("""
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    score[j][b].lo *= scales[j * 16];
                    score[j][b].hi *= scales[j * 16 + 8];
                }
            }

            """);
    }

    protected override string StoreStates => """
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            local float* const state = states + (thread / 32 * ROWS + b * 8 + lane % 4 * 2) * (VALUE_DIM + 2);
            local float* const next = state + VALUE_DIM + 2;
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                vstore2(output[c][b].s02, lane / 4 * VALUE_BLOCKS + c, state);
                vstore2(output[c][b].s13, lane / 4 * VALUE_BLOCKS + c, next);
            }
            if (lane / 4 == 0)
            {
                state[VALUE_DIM] = row_max[b].s0;
                state[VALUE_DIM + 1] = row_sum[b].s0;
                next[VALUE_DIM] = row_max[b].s1;
                next[VALUE_DIM + 1] = row_sum[b].s1;
            }
        }
        """;

    public override void Finish(CodeWriter writer)
    {
        string units = !Context.ScalesTokens ? "" : """

                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    output[c][b] *= row_unit[b].s0101;
                }
            """;
        writer.Add($$"""
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                row_sum[b] = rows_total(row_sum[b]);{{units}}
            }

            """);
        MergeWarps(writer);
    }
}
