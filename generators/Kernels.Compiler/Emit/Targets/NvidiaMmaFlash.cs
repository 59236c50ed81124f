using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// A warp multiplies 16 query rows with its keys by mma.m16n8k16. Work-item l of a warp holds, of each 16 × 8 block of
/// scores or outputs, the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8. Keys and values are copied
/// to local memory some tiles ahead.
/// </summary>
internal sealed class NvidiaMmaFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Nvidia/mma";

    public override Holes Fill(Holes around)
    {
        int piece = Expands ? 16 : 8; // items of the cache's storage type: bytes, or 16-bit elements
        return new(base.Fill(around))
        {
            { "splits_keys", SplitsKeys },
            { "expands", Expands },
            { "holds_queries", HoldsQueries },
            { "warps_along_rows", tile.WarpsAlongRows },
            { "warps_along_keys", tile.WarpsAlongKeys },
            { "stages", tile.Stages },
            { "key_stride", NvidiaPlanner.Stride16(Spec.HeadDim) },
            { "value_stride", NvidiaPlanner.Stride16(Spec.ResolvedValueDim) },
            { "scale_size", Context.ScalesTokens ? "2 * KEYS / 4" : "0" },
            { "local_size", tile.LocalBytes / 16 },

            // Rows of a work-group, or of a warp that has its own.
            { "copier", SplitsKeys ? "lane" : "thread" },
            { "copied_rows", SplitsKeys ? "WARP_KEYS" : "KEYS" },
            { "copiers", SplitsKeys ? "32" : "WORK_GROUP" },
            { "copy_begin", SplitsKeys ? "warp_key + " : "" },
            { "piece_items", piece },
            { "copied_key_pieces", Expands ? "KEY_PIECES" : "(HEAD_DIM / 8)" },
            { "copied_value_pieces", Expands ? "VALUE_PIECES" : "(VALUE_DIM / 8)" },
            { "copied_key_stride", Expands ? "KEY_PIECES" : "KEY_STRIDE" },
            { "copied_value_stride", Expands ? "VALUE_PIECES" : "VALUE_STRIDE" },
        };
    }

    public override bool CanLeaveOutTiles => false;

    /// <summary>Whether keys and values arrive as they are in a quantised cache and become 16-bit elements in local memory.</summary>
    private bool Expands => Context.Cache.Scale != CacheScale.None;

    /// <summary>Whether each warp has keys of its own, which it copies itself: then warps need not wait for each other.</summary>
    private bool SplitsKeys => tile.WarpsAlongKeys > 1;

    protected override string FirstKey => "first_key + warp_key + j * 8 + lane % 4 * 2";

    protected override string RowBarrier => "barrier(CLK_LOCAL_MEM_FENCE);";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * KEY_STRIDE) + {d}";

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define WARPS_ALONG_ROWS {tile.WarpsAlongRows}
        #define ROW_BLOCKS (ROWS / WARPS_ALONG_ROWS / 16) // blocks of 16 rows of a warp
        #define WARPS_ALONG_KEYS {tile.WarpsAlongKeys} // each has a part of the tile's keys
        #define WORK_GROUP (32 * WARPS_ALONG_ROWS * WARPS_ALONG_KEYS)
        #define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
        #define STAGES {tile.Stages} // tiles in local memory: one in use, the others on their way
        #define KEY_BLOCKS (WARP_KEYS / 8) // blocks of 16 x 8 scores
        #define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs

        // Of a row in local memory, in pieces of 16 bytes; odd, so that the rows that ldmatrix reads begin in different banks.
        #define KEY_STRIDE {NvidiaPlanner.Stride16(Spec.HeadDim)}
        #define VALUE_STRIDE {NvidiaPlanner.Stride16(Spec.ResolvedValueDim)}
        {(Expands ? $"""
            #define TILE_SIZE (KEYS * (KEY_STRIDE + VALUE_STRIDE)) // of the one tile that is expanded

            // Of a row as it is in the cache, in pieces of 16 bytes.
            #define KEY_PIECES {KeyPieces}
            #define VALUE_PIECES {ValuePieces}
            #define SCALE_SIZE ({(Context.ScalesTokens ? "2 * KEYS / 4" : "0")}) // scales of a stage's keys and values
            #define STAGE_SIZE (KEYS * (KEY_PIECES + VALUE_PIECES) + SCALE_SIZE)
            """ : """
            #define TILE_SIZE 0 // no tile but those of the stages
            #define STAGE_SIZE (KEYS * (KEY_STRIDE + VALUE_STRIDE))
            """)}
        #define LOCAL_SIZE {tile.LocalBytes / 16} // queries and stages, or the states that are merged after them
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        if (Context.Rules.NeedsRows)
        {
            LaneVocabulary.Declare(writer, 1, Spec);
        }

        Prelude.Helpers(writer, NvidiaPtx.Copy, Context.ScalesTokens ? NvidiaPtx.CopyScale : "", NvidiaPtx.CopyGroups, NvidiaPtx.LoadMatrix, NvidiaPtx.Multiply(Element), NvidiaPtx.Softmax(Element), NvidiaPtx.RowReductions, SplitsKeys ? MergeFunctions : "", NvidiaPtx.WarpBarrier, Expands ? NvidiaExpansion.Functions(Context) : "", Expands ? NvidiaExpansion.PieceFunction(Spec) : "");
    }

    /// <summary>Whether the queries' fragments stay in registers; wide heads leave no room for them, and they are read again for each tile.</summary>
    private bool HoldsQueries => tile.Rows / tile.WarpsAlongRows / NvidiaPlanner.BlockRows * Spec.HeadDim <= 128;

    private static string LoadQuery(string block, string d) =>
        $"ldmatrix_x4(queries_at + ((warp_row + {block} * 16 + lane % 16) * KEY_STRIDE + {d} * 2 + lane / 16) * 16)";

    public override void Begin(CodeWriter writer)
    {
        string arrived = HoldsQueries || Context.Rope.IsOn
            ? """
                asm volatile("cp.async.wait_all;");
                barrier(CLK_LOCAL_MEM_FENCE);

                """
            : "";
        string held = HoldsQueries
            ? $$"""
                uint4 query[ROW_BLOCKS][HEAD_DIM / 16];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    #pragma unroll
                    for (int d = 0; d < HEAD_DIM / 16; d++)
                    {
                        query[b][d] = {{LoadQuery("b", "d")}};
                    }
                }

                """
            : "";
        writer.Add($$"""
            local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
            const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
            const uint tiles_at = queries_at + (ROWS * KEY_STRIDE + TILE_SIZE) * 16;
            const int thread = get_local_id(0);
            const int lane = thread % 32;
            const int warp_row = (thread / 32) % WARPS_ALONG_ROWS * ROW_BLOCKS * 16;
            const int warp_key = (thread / 32) / WARPS_ALONG_ROWS * WARP_KEYS;
            {{CopyQueries("(r * KEY_STRIDE + piece) * 16")}}

            {{arrived}}{{TurnQueries()}}{{held}}
            """);
        BeginRows(writer);
        writer.Add("int stage = 0;");
        writer.Open("for (int ahead = 0; ahead < STAGES - 1; ahead++)");
        CopyTile(writer, "ahead", "item.kv_begin + ahead * KEYS");
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add($"""
            wait_copies();
            {(SplitsKeys
                ? "warp_barrier(); // the warp's part of this tile is there, and that of the one before is no longer read"
                : "barrier(CLK_LOCAL_MEM_FENCE); // this tile is there for all, and the one before is no longer read")}
            """);
        writer.Open();
        CopyTile(writer, "(stage + STAGES - 1) % STAGES", "first_key + (STAGES - 1) * KEYS");
        writer.Close();
        writer.Add($$"""
            {{(Expands ? ExpandTile() : "const uint tile_at = tiles_at + stage * STAGE_SIZE * 16;")}}
            const uint keys_at = tile_at + warp_key * KEY_STRIDE * 16;
            const uint values_at = tile_at + (KEYS * KEY_STRIDE + warp_key * VALUE_STRIDE) * 16;
            stage = (stage + 1) % STAGES;

            float4 score[ROW_BLOCKS][KEY_BLOCKS];
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    score[b][j] = (float4)(0.0f);
                }
            }
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d++)
            {
                uint4 q[ROW_BLOCKS];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    q[b] = {{(HoldsQueries ? "query[b][d]" : LoadQuery("b", "d"))}};
                }
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j += 2)
                {
                    const uint4 k = ldmatrix_x4(keys_at + ((j * 8 + lane / 16 * 8 + lane % 8) * KEY_STRIDE + d * 2 + lane / 8 % 2) * 16);
                    #pragma unroll
                    for (int b = 0; b < ROW_BLOCKS; b++)
                    {
                        score[b][j] = mma_m16n8k16(score[b][j], q[b], k.s0, k.s1);
                        score[b][j + 1] = mma_m16n8k16(score[b][j + 1], q[b], k.s2, k.s3);
                    }
                }
            }

            """);
        ScaleKeys(writer);
    }

    public override void Accumulate(CodeWriter writer)
    {
        writer.Add($$"""
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j += 2)
            {
                // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
                uint4 p[ROW_BLOCKS];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    {{Fragment("p[b]", "b", "j", "j + 1").Replace("\n", "\n        ")}}
                }
                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c += 2)
                {
                    const uint4 v = ldmatrix_x4_transposed(values_at + ((j * 8 + lane % 16) * VALUE_STRIDE + c + lane / 16) * 16);
                    #pragma unroll
                    for (int b = 0; b < ROW_BLOCKS; b++)
                    {
                        output[b][c] = mma_m16n8k16(output[b][c], p[b], v.s0, v.s1);
                        output[b][c + 1] = mma_m16n8k16(output[b][c + 1], p[b], v.s2, v.s3);
                    }
                }
            }
            """);
    }

    public override void Finish(CodeWriter writer)
    {
        writer.Add("""
            asm volatile("cp.async.wait_all;");
            """);
        TotalRows(writer);
        if (SplitsKeys)
        {
            MergeWarps(writer);
        }
        else
        {
            StoreRows(writer);
        }
    }

    /// <summary>The stage's keys and values become elements of the tile, all work-items together.</summary>
    private string ExpandTile()
    {
        return $$"""
            const uint tile_at = queries_at + ROWS * KEY_STRIDE * 16;
            {
                local uint4* const expanded = memory + ROWS * KEY_STRIDE;
                local const uint4* const raw = memory + ROWS * KEY_STRIDE + TILE_SIZE + stage * STAGE_SIZE;
            {{Expand("KEY", "", "")}}
            {{Expand("VALUE", "KEYS * KEY_STRIDE + ", "KEYS * KEY_PIECES + ")}}
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            {{(Context.ScalesTokens ? "local const float* const scales = (local const float*)(memory + ROWS * KEY_STRIDE + TILE_SIZE + stage * STAGE_SIZE + KEYS * (KEY_PIECES + VALUE_PIECES)) + warp_key;\n" : "")}}
            """;

        string Expand(string what, string to, string from) => $$"""
                #pragma unroll
                for (int i = thread; i < KEYS * {{what}}_PIECES; i += WORK_GROUP)
                {
                    const int r = i / {{what}}_PIECES;
                    expand_piece(expanded + {{to}}r * {{what}}_STRIDE + i % {{what}}_PIECES * {{NvidiaPlanner.PieceElements(Spec) / 8}}, raw[{{from}}i]);
                }
            """;
    }

    /// <summary>Starts the copies of a tile's keys and values into a stage; past the last key nothing is copied, but the group is closed all the same.</summary>
    private void CopyTile(CodeWriter writer, string stage, string firstKey)
    {
        int piece = Expands ? 16 : 8; // items of the cache's storage type: bytes, or 16-bit elements
        (string keyPieces, string valuePieces) = Expands ? ("KEY_PIECES", "VALUE_PIECES") : ("(HEAD_DIM / 8)", "(VALUE_DIM / 8)");
        (string keyStride, string valueStride) = Expands ? ("KEY_PIECES", "VALUE_PIECES") : ("KEY_STRIDE", "VALUE_STRIDE");
        string scales = !Context.ScalesTokens ? "" : $$"""

                for (int i = thread; i < 2 * KEYS; i += WORK_GROUP)
                {
                    const int r = i % KEYS;
                    global const float* const from = i < KEYS ? key_scales : value_scales;
                    copy_4(copy_to + KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + scale_index(sequence, kv_head, min(copy_key + r, item.kv_end - 1), {{Context.Addressing.Arguments}}), copy_key + r < item.kv_end);
                }
            """;
        // Rows of a work-group, or of a warp that has its own.
        (string first, string rows, string step, string begin) = SplitsKeys ? ("lane", "WARP_KEYS", "32", "warp_key + ") : ("thread", "KEYS", "WORK_GROUP", "");
        writer.Add($$"""
            const int copy_key = {{firstKey}};
            const uint copy_to = tiles_at + ({{stage}}) * STAGE_SIZE * 16;
            if (copy_key < item.kv_end)
            {
                #pragma unroll 4
                for (int i = {{first}}; i < {{rows}} * {{keyPieces}}; i += {{step}})
                {
                    const int r = {{begin}}i / {{keyPieces}};
                    const int piece = i % {{keyPieces}};
                    const int key = min(copy_key + r, item.kv_end - 1);
                    copy_16(copy_to + (r * {{keyStride}} + piece) * 16, keys + key_row(sequence, kv_head, key, {{Context.Addressing.Arguments}}) + piece * {{piece}}, copy_key + r < item.kv_end);
                }
                #pragma unroll 4
                for (int i = {{first}}; i < {{rows}} * {{valuePieces}}; i += {{step}})
                {
                    const int r = {{begin}}i / {{valuePieces}};
                    const int piece = i % {{valuePieces}};
                    const int key = min(copy_key + r, item.kv_end - 1);
                    copy_16(copy_to + (KEYS * {{keyStride}} + r * {{valueStride}} + piece) * 16, values + value_row(sequence, kv_head, key, {{Context.Addressing.Arguments}}) + piece * {{piece}}, copy_key + r < item.kv_end);
                }{{scales}}
            }
            close_copies();
            """);
    }
}
