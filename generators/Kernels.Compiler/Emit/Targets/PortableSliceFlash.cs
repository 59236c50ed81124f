using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Many query rows on a GPU, bound by multiply-adds and by what they read of local memory: a work-item has many scores and outputs,
/// so that it multiplies often with what it has read. Keys come in slices of their elements, values a few keys at a time, in
/// pieces of up to 16 bytes, each on its way while the one before is multiplied.
/// </summary>
internal sealed class PortableSliceFlash(KernelContext context, PortableSliceTile tile) : PortableFlash(context, tile)
{
    private readonly int stage = tile.Stage;
    private readonly Piece piece = context.Cache.Piece
        ?? throw new ArgumentException($"{context.Cache.DisplayName} has no pieces.", nameof(context));

    private int Elements => PortablePlanner.PieceElements(Context.Spec);

    protected override (string X, string Y) Place =>
        ("(id & 1) | (id >> 1 & 2) | (id >> 2 & 4)", "(id >> 1 & 1) | (id >> 2 & 2) | (id >> 3 & 4)");

    protected override string KvStride => $"{PortablePlanner.TileStride(PortablePlanner.SliceElements)} // of a slice of the keys; values have none between them";

    protected override string KvFloat4s => "KEYS * KV_STRIDE > STAGE * VALUE_DIM4 ? KEYS * KV_STRIDE : STAGE * VALUE_DIM4";

    protected override string SharedFloat4s => "THREADS_X / 4";

    public override void DeclareTile(CodeWriter writer)
    {
        base.DeclareTile(writer);
        writer.Add($"""

            #define PIECE {Elements} // elements that are loaded at a time
            #define SLICE {PortablePlanner.SliceElements} // elements of the keys that are in local memory at a time
            #define STAGE {stage} // keys whose values are
            #define SLICE_PIECES (SLICE / PIECE)
            #define VALUE_PIECES (VALUE_DIM / PIECE)
            #define KEY_LOADS (KEYS * SLICE_PIECES / WORK_GROUP) // pieces of a slice that one work-item loads
            #define VALUE_LOADS (STAGE * VALUE_PIECES / WORK_GROUP) // pieces of a stage
            """);
    }

    protected override void DeclareLoads(CodeWriter writer)
    {
        Prelude.Helpers(writer, piece.Helper);
        Prelude.AddProducts(writer, 4);
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add("const int id = get_local_id(0); // bits of x and y take turns: neighbours share rows or keys, and read them of local memory together");
        base.Begin(writer);
        writer.Add($"{piece.Type} ahead[KEY_LOADS > VALUE_LOADS ? KEY_LOADS : VALUE_LOADS]; // of the next slice or stage, on their way");
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add($"global const {piece.Type}* key_at[KEY_LOADS]; // past the end the last key again, whose scores there are hidden");
        EachLoad(writer, "KEY_LOADS", $"key_at[n] = {Row("key", "i / SLICE_PIECES")} + i % SLICE_PIECES;");
        AskForKeys(writer, "0");
        writer.Add("""

            float score[ROWS_EACH][KEYS_EACH];
            for (int i = 0; i < ROWS_EACH; i++)
            {
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    score[i][j] = 0.0f;
                }
            }
            """);
        writer.Open("for (int slice = 0; slice < HEAD_DIM / SLICE; slice++)");
        PutAhead(writer, "KEY_LOADS", "i / SLICE_PIECES * KV_STRIDE + i % SLICE_PIECES * (PIECE / 4)");
        writer.Open("if (slice + 1 < HEAD_DIM / SLICE)");
        AskForKeys(writer, "slice + 1");
        writer.Close();
        writer.Add("""
            for (int d = 0; d < SLICE / 4; d++)
            {
                float4 k[KEYS_EACH];
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    k[j] = kv_tile[(x + j * THREADS_X) * KV_STRIDE + d];
                }
                for (int i = 0; i < ROWS_EACH; i++)
                {
                    const float4 q = query_tile[(y + i * THREADS_Y) * QUERY_STRIDE + slice * (SLICE / 4) + d];
                    for (int j = 0; j < KEYS_EACH; j++)
                    {
                        score[i][j] = add_products(score[i][j], q, k[j]);
                    }
                }
            }
            """);
        writer.Close();
        ScaleScores(writer);
    }

    protected override void ShareScores(CodeWriter writer) => writer.Add("""
        // Of its own keys each work-item finds the maximum.
        for (int i = 0; i < ROWS_EACH; i++)
        {
            float top = score[i][0];
            for (int j = 1; j < KEYS_EACH; j++)
            {
                top = fmax(top, score[i][j]);
            }
            scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x] = top;
        }
        """);

    protected override void LoadValues(CodeWriter writer) => AskForValues(writer, "0");

    public override void Accumulate(CodeWriter writer)
    {
        writer.Open("for (int stage = 0; stage < KEYS / STAGE; stage++)");
        PutAhead(writer, "VALUE_LOADS", "i / VALUE_PIECES * VALUE_DIM4 + i % VALUE_PIECES * (PIECE / 4)");
        writer.Open("if (stage + 1 < KEYS / STAGE)");
        AskForValues(writer, "stage + 1");
        writer.Close();
        writer.Add("""
            for (int j = 0; j < STAGE / 4; j++)
            {
                float4 p[ROWS_EACH]; // weights of four keys
                for (int i = 0; i < ROWS_EACH; i++)
                {
                    p[i] = score_tile[(y + i * THREADS_Y) * SCORE_STRIDE + stage * (STAGE / 4) + j];
                }
                for (int c = 0; c < COLUMNS_EACH; c++)
                {
                    float4 v[4];
                    for (int n = 0; n < 4; n++)
                    {
                        v[n] = kv_tile[(j * 4 + n) * VALUE_DIM4 + x + c * THREADS_X];
                    }
                    for (int i = 0; i < ROWS_EACH; i++)
                    {
                        output[i][c] += p[i].s0 * v[0];
                        output[i][c] += p[i].s1 * v[1];
                        output[i][c] += p[i].s2 * v[2];
                        output[i][c] += p[i].s3 * v[3];
                    }
                }
            }
            """);
        writer.Close();
    }

    private void AskForKeys(CodeWriter writer, string slice) => writer.Add($$"""
        for (int n = 0; n < KEY_LOADS; n++)
        {
            ahead[n] = key_at[n][{{(slice == "0" ? "0" : $"({slice}) * SLICE_PIECES")}}];
        }
        """);

    private void AskForValues(CodeWriter writer, string next) => EachLoad(
        writer, "VALUE_LOADS", $"ahead[n] = {Row("value", (next == "0" ? "" : $"({next}) * STAGE + ") + "i / VALUE_PIECES")}[i % VALUE_PIECES];");

    /// <summary>Puts the pieces on their way into <c>kv_tile</c>, between barriers.</summary>
    private void PutAhead(CodeWriter writer, string loads, string at)
    {
        writer.Add("barrier(CLK_LOCAL_MEM_FENCE); // what is in the tile has been multiplied");
        EachLoad(writer, loads, Elements == 4
            ? $"kv_tile[{at}] = {piece.ToFloat("ahead[n]")};"
            : $"""
                const float{Elements} put = {piece.ToFloat("ahead[n]")};
                local float4* const to = kv_tile + {at};
                to[0] = put.lo;
                to[1] = put.hi;
                """);
        writer.Add("barrier(CLK_LOCAL_MEM_FENCE);");
    }

    /// <summary>Expression: pointer to the first piece of a row of the tile.</summary>
    private string Row(string what, string key) =>
        $"((global const {piece.Type}*)({what}s + {what}_row(sequence, kv_head, min(first_key + {key}, item.kv_end - 1), {Context.Addressing.Arguments})))";

    private static void EachLoad(CodeWriter writer, string loads, string statements)
    {
        writer.Open($"for (int n = 0; n < {loads}; n++)");
        writer.Add("const int i = id + n * WORK_GROUP;").Add(statements);
        writer.Close();
    }
}
