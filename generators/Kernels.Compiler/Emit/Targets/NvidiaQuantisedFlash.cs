using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Few query rows over a quantised cache: each warp copies its own keys and values, as they are in the cache, and makes
/// fragments of them in registers. A fragment may have the elements of a key, or the columns of a value, in any order that
/// the other factor shares; the order here is the one in which they come out of their bytes.
/// </summary>
internal sealed class NvidiaQuantisedFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override bool CanLeaveOutTiles => false;

    /// <summary>16-bit registers that one of the cache's becomes: columns of a value are that many apart in an output block.</summary>
    private int Registers => NvidiaExpansion.Registers(Spec);

    protected override string FirstKey => "first_key + warp_key + j * 8 + lane % 4 * 2";

    protected override string RowBarrier => "barrier(CLK_LOCAL_MEM_FENCE);";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * QUERY_STRIDE) + {d}";

    protected override string ValueScalesAt => "WARP_KEYS";

    protected override string Column(string element) => $"(c / {Registers} * 8 + lane % 4 * 2 + {element}) * {Registers} + c % {Registers}";

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        {FewRowsConstants(tile)}

        // Of a row, in pieces of 16 bytes.
        #define QUERY_STRIDE {NvidiaPlanner.Stride16(Spec.HeadDim)}
        #define KEY_PIECES {KeyPieces}
        #define VALUE_PIECES {ValuePieces}
        #define WARP_STAGE_SIZE (WARP_KEYS * (KEY_PIECES + VALUE_PIECES){(Context.ScalesTokens ? " + 2 * WARP_KEYS / 4" : "")}) // {(Context.ScalesTokens ? "keys, values, and the scales of both" : "keys and values")}
        #define LOCAL_SIZE {tile.LocalBytes / 16} // queries and stages, or the states that are merged after them
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        if (Context.Rules.NeedsRows)
        {
            LaneVocabulary.Declare(writer, 1, Spec);
        }

        Prelude.Helpers(
            writer,
            NvidiaPtx.Copy,
            Context.ScalesTokens ? NvidiaPtx.CopyScale : "",
            NvidiaPtx.CopyGroups,
            NvidiaPtx.LoadMatrix2,
            NvidiaPtx.Multiply(Element),
            NvidiaPtx.Softmax(Element),
            NvidiaPtx.RowReductions,
            MergeFunctions,
            NvidiaPtx.WarpBarrier,
            NvidiaExpansion.Functions(Context),
            Registers == 4 ? NvidiaPtx.Halves : ExchangeMiddle,
            """
            // Where a piece of a row of so many lies: exchanged with others, so that what a warp reads at a time is in different banks.
            static int piece_at(int row, int piece, int pieces)
            {
                const int exchange = pieces % 8 == 0 ? row % 2 * 4 + row / 2 % 4 : pieces % 4 == 0 ? row / 2 % 4 : 0;
                return row * pieces + (piece ^ exchange);
            }
            """);
    }

    public override void Begin(CodeWriter writer)
    {
        string query = Registers == 4
            ? """
                // Of 32 elements, 8 from 8 * (lane % 4) on, i and i + 4 in a register.
                const uint4 q0 = memory[r * QUERY_STRIDE + d * 2 + lane % 4];
                const uint4 q1 = memory[(r + 8) * QUERY_STRIDE + d * 2 + lane % 4];
                query[d] = (uint4)(low_halves(q0.s0, q0.s2), low_halves(q1.s0, q1.s2), high_halves(q0.s0, q0.s2), high_halves(q1.s0, q1.s2));
                query[d + 1] = (uint4)(low_halves(q0.s1, q0.s3), low_halves(q1.s1, q1.s3), high_halves(q0.s1, q0.s3), high_halves(q1.s1, q1.s3));
                """
            : """
                // Of 16 elements, 4 from 4 * (lane % 4) on.
                const uint2 q0 = ((local const uint2*)(memory + r * QUERY_STRIDE + d * 2))[lane % 4];
                const uint2 q1 = ((local const uint2*)(memory + (r + 8) * QUERY_STRIDE + d * 2))[lane % 4];
                query[d] = (uint4)(q0.s0, q1.s0, q0.s1, q1.s1);
                """;
        writer.Add($$"""
            local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
            const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
            const int thread = get_local_id(0);
            const int lane = thread % 32;
            const int warp_row = 0;
            const int warp_key = thread / 32 * WARP_KEYS;
            local const uint4* const stages = memory + ROWS * QUERY_STRIDE + thread / 32 * (STAGES * WARP_STAGE_SIZE); // of this warp
            const uint stages_at = (uint)(size_t)stages;
            {{CopyQueries("(r * QUERY_STRIDE + piece) * 16")}}
            asm volatile("cp.async.wait_all;");
            barrier(CLK_LOCAL_MEM_FENCE);
            {{TurnQueries()}}uint4 query[HEAD_DIM / 16];
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d += {{Registers / 2}})
            {
                const int r = lane / 4;
                {{query.Replace("\n", "\n    ")}}
            }

            """);
        BeginRows(writer);
        writer.Add("int stage = 0;");
        writer.Open("for (int ahead = 0; ahead < STAGES - 1; ahead++)");
        CopyTile(writer, "ahead", "item.kv_begin + ahead * KEYS");
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add("""
            wait_copies();
            warp_barrier(); // this tile is there for the warp, and the one before is no longer read
            """);
        writer.Open();
        CopyTile(writer, "(stage + STAGES - 1) % STAGES", "first_key + (STAGES - 1) * KEYS");
        writer.Close();
        string products = Registers == 4
            ? """
                const uint4 k = expand(((local const uint*)(raw + piece_at(r, d / 2, KEY_PIECES)))[lane % 4]);
                score[0][j] = mma_m16n8k16(score[0][j], query[d], k.s0, k.s1);
                score[0][j] = mma_m16n8k16(score[0][j], query[d + 1], k.s2, k.s3);
                """
            : """
                const uint2 k = expand(((local const uint*)(raw + piece_at(r, d, KEY_PIECES)))[lane % 4]);
                score[0][j] = mma_m16n8k16(score[0][j], query[d], k.s0, k.s1);
                """;
        writer.Add($$"""
            local const uint4* const raw = stages + stage * WARP_STAGE_SIZE;
            const uint values_at = stages_at + (stage * WARP_STAGE_SIZE + WARP_KEYS * KEY_PIECES) * 16;
            {{(Context.ScalesTokens ? "local const float* const scales = (local const float*)(raw + WARP_KEYS * (KEY_PIECES + VALUE_PIECES));\n" : "")}}stage = (stage + 1) % STAGES;

            float4 score[1][KEY_BLOCKS];
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                score[0][j] = (float4)(0.0f);
                const int r = j * 8 + lane / 4;
                #pragma unroll
                for (int d = 0; d < HEAD_DIM / 16; d += {{Registers / 2}})
                {
                    {{products.Replace("\n", "\n        ")}}
                }
            }

            """);
        ScaleKeys(writer);
    }

    public override void Accumulate(CodeWriter writer)
    {
        string blocks = Registers == 4
            ? """
                const uint4 v0 = expand(v.s0);
                const uint4 v1 = expand(v.s1);
                output[0][c * 4] = mma_m16n8k16(output[0][c * 4], p, v0.s0, v1.s0);
                output[0][c * 4 + 1] = mma_m16n8k16(output[0][c * 4 + 1], p, v0.s1, v1.s1);
                output[0][c * 4 + 2] = mma_m16n8k16(output[0][c * 4 + 2], p, v0.s2, v1.s2);
                output[0][c * 4 + 3] = mma_m16n8k16(output[0][c * 4 + 3], p, v0.s3, v1.s3);
                """
            : """
                const uint2 v0 = expand(exchange_middle(v.s0));
                const uint2 v1 = expand(exchange_middle(v.s1));
                output[0][c * 2] = mma_m16n8k16(output[0][c * 2], p, v0.s0, v1.s0);
                output[0][c * 2 + 1] = mma_m16n8k16(output[0][c * 2 + 1], p, v0.s1, v1.s1);
                """;
        writer.Add($$"""
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j += 2)
            {
                // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
                uint4 p;
                {{Fragment("p", "0", "j", "j + 1").Replace("\n", "\n    ")}}
                #pragma unroll
                for (int c = 0; c < VALUE_PIECES; c++)
                {
                    // Of a register, two bytes are of one key and two of the next.
                    const uint2 v = ldmatrix_x2_transposed(values_at + piece_at(j * 8 + lane % 16, c, VALUE_PIECES) * 16);
                    {{blocks.Replace("\n", "\n        ")}}
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
        MergeWarps(writer);
    }

    private const string ExchangeMiddle = """
        // Of two columns of one key and of the next, the two keys of one column and of the next.
        static uint exchange_middle(uint bytes)
        {
            uint x;
            asm("prmt.b32 %0, %1, %1, 0x3120;" : "=r"(x) : "r"(bytes));
            return x;
        }
        """;

    /// <summary>Starts the copies of a tile's keys and values of this warp; past the last key nothing is copied, but the group is closed all the same.</summary>
    private void CopyTile(CodeWriter writer, string stage, string firstKey)
    {
        string arguments = Context.Addressing.Arguments;
        string scales = !Context.ScalesTokens ? "" : $$"""

                #pragma unroll
                for (int i = lane; i < 2 * WARP_KEYS; i += 32)
                {
                    const int key = copy_key + i % WARP_KEYS;
                    global const float* const from = i < WARP_KEYS ? key_scales : value_scales;
                    copy_4(copy_to + WARP_KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + scale_index(sequence, kv_head, min(key, item.kv_end - 1), {{arguments}}), key < item.kv_end);
                }
            """;
        writer.Add($$"""
            const int copy_tile = {{firstKey}};
            const int copy_key = copy_tile + warp_key; // past the end, zeros arrive
            const uint copy_to = stages_at + ({{stage}}) * WARP_STAGE_SIZE * 16;
            if (copy_tile < item.kv_end)
            {
                #pragma unroll
                for (int i = lane; i < WARP_KEYS * KEY_PIECES; i += 32)
                {
                    const int r = i / KEY_PIECES;
                    const int piece = i % KEY_PIECES;
                    const int key = min(copy_key + r, item.kv_end - 1);
                    copy_16(copy_to + piece_at(r, piece, KEY_PIECES) * 16, keys + key_row(sequence, kv_head, key, {{arguments}}) + piece * 16, copy_key + r < item.kv_end);
                }
                #pragma unroll
                for (int i = lane; i < WARP_KEYS * VALUE_PIECES; i += 32)
                {
                    const int r = i / VALUE_PIECES;
                    const int piece = i % VALUE_PIECES;
                    const int key = min(copy_key + r, item.kv_end - 1);
                    copy_16(copy_to + (WARP_KEYS * KEY_PIECES + piece_at(r, piece, VALUE_PIECES)) * 16, values + value_row(sequence, kv_head, key, {{arguments}}) + piece * 16, copy_key + r < item.kv_end);
                }{{scales}}
            }
            close_copies();
            """);
    }
}
