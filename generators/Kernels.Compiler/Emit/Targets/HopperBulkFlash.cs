using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Few query rows over keys and values that one warp copies in bulk for the others: a strip of consecutive tokens by one
/// instruction, as it is in the cache. Copies are fastest to multiples of 128 bytes, where rows begin in the same bank of local
/// memory and ldmatrix would read eight pieces of it. So fragments are made of whole pieces of 16 bytes: they may have the
/// elements of a key, or the columns of a value, in any order that the other factor shares. Keys, and columns of values, are the
/// 16 rows of products and query rows the 8 columns: mostly there are no more than 8, and half the products do.
/// </summary>
internal abstract partial class HopperBulkFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    protected override string RowBarrier => "row_barrier();";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * QUERY_STRIDE) + {d}";

    /// <summary>The functions of a form's own.</summary>
    protected abstract string[] Functions { get; }

    /// <summary>Statements: <c>query</c>, the queries' fragments, out of <c>memory</c>.</summary>
    protected abstract string LoadQueries { get; }

    /// <summary>Statements: four pieces each of two keys, of which this work-item has one of each key, <paramref name="k0"/> and <paramref name="k8"/>, times the queries from piece <paramref name="d"/> on, added to the scores of block <c>j</c>.</summary>
    protected abstract string MultiplyPiece(string k0, string k8, string d);

    /// <summary>Statements: the probabilities <c>p[j]</c> times this work-item's columns of four keys, the first at <c>value</c>, added to the outputs.</summary>
    protected abstract string MultiplyValues { get; }

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define ROW_BLOCKS (ROWS / 8) // blocks of 8 rows
        {WarpConstants(tile)}
        #define KEY_BLOCKS (WARP_KEYS / 16) // blocks of 16 keys of a warp
        #define VALUE_BLOCKS (VALUE_DIM / 16) // blocks of 16 columns of values
        #define MAXIMUM_LAG {Context.Rules.Lag8} // probabilities reach 2^8 before outputs are rescaled
        #define STRIPS {HopperPlanner.Strips} // of consecutive keys, each of which one work-item copies
        #define STRIP_KEYS (KEYS / STRIPS)

        // In pieces of 16 bytes.
        #define QUERY_STRIDE {NvidiaPlanner.Stride16(Spec.HeadDim)}
        #define KEY_PIECES {KeyPieces}
        #define VALUE_PIECES {ValuePieces}
        #define STAGE_SIZE (KEYS * (KEY_PIECES + VALUE_PIECES){(Context.ScalesTokens ? " + 2 * KEYS / 4" : "")}) // {(Context.ScalesTokens ? "keys, values, and the scales of both" : "keys and values")}
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
            [
                NvidiaPtx.Copy,
                .. Context.ScalesTokens ? [NvidiaPtx.CopyScale, HopperPtx.ArriveWhenCopied] : Array.Empty<string>(),
                HopperPtx.Barriers,
                HopperPtx.CopyBulk,
                NvidiaPtx.WarpBarrier,
                HopperPtx.RowBarrier(RowWorkItems),
                NvidiaPtx.MultiplyRows(Element),
                NvidiaPtx.Softmax(Element),
                NvidiaPtx.ColumnReductions,
                MergeFunctions,
                BlockFunctions,
                .. Functions,
            ]);
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add($$"""
            local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
            local ulong barriers[2 * STAGES];
            const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
            const uint tiles_at = queries_at + ROWS * QUERY_STRIDE * 16;
            const uint tile_there = (uint)(size_t)barriers; // the tile of stage s has arrived: barrier s of these
            const uint tile_free = tile_there + STAGES * 8; // no warp reads it any more
            const int thread = get_local_id(0);
            const int lane = thread % 32;
            if (thread == 0)
            {
                for (int s = 0; s < STAGES; s++)
                {
                    init_barrier(tile_there + s * 8, {{(Context.ScalesTokens ? "1 + 32" : "1")}});
                    init_barrier(tile_free + s * 8, WARPS_ALONG_KEYS);
                }
                fence_asynchronous();
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            """);
        writer.Open("if (thread >= WORK_GROUP)");
        CopyTiles(writer);
        writer.Add("return;");
        writer.Close().Line();
        writer.Add($$"""
            const int warp_key = thread / 32 * WARP_KEYS;
            {{CopyQueries("(r * QUERY_STRIDE + piece) * 16")}}
            asm volatile("cp.async.wait_all;");
            row_barrier();
            {{TurnQueries()}}
            {{LoadQueries}}

            """);
        BeginBlocks(writer);
        writer.Add("""
            int stage = 0;
            uint parity = 0;
            """);
    }

    /// <summary>The part of the warp that copies: the same tiles in the same order.</summary>
    private void CopyTiles(CodeWriter writer)
    {
        writer.Add("""
            int stage = 0;
            uint parity = 1; // the first copies wait for nobody
            """);
        writer.Open("for (int first_key = item.kv_begin; first_key < item.kv_end; first_key += KEYS)");
        FlashAlgorithm.ClassifyTile(writer, Spec, leavesOutEmpty: true);
        writer.Add("""
            const uint there = tile_there + stage * 8;
            const uint stage_at = tiles_at + stage * STAGE_SIZE * 16;
            wait_phase(tile_free + stage * 8, parity);
            if (lane == 0)
            {
                arrive_and_expect(there, min(KEYS, item.kv_end - first_key) * (KEY_PIECES + VALUE_PIECES) * 16);
            }
            """);
        string arguments = Context.Addressing.Arguments;
        if (Context.ScalesTokens)
        {
            writer.Add($$"""
                for (int i = lane; i < 2 * KEYS; i += 32)
                {
                    const int key = first_key + i % KEYS;
                    global const float* const from = i < KEYS ? key_scales : value_scales;
                    copy_4(stage_at + KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + scale_index(sequence, kv_head, min(key, item.kv_end - 1), {{arguments}}), key < item.kv_end);
                }
                arrive_when_copied(there);
                """);
        }

        writer.Add($$"""

            // Each of the first work-items copies a strip, as many tokens at a time as the cache has one after the other.
            const int begin = lane % STRIPS * STRIP_KEYS;
            const int end = lane < 2 * STRIPS ? min(begin + STRIP_KEYS, item.kv_end - first_key) : 0;
            int run;
            for (int r = begin; r < end; r += run)
            {
                const int key = first_key + r;
                run = {{Context.Addressing.AdjacentTokens("key", "end - r")}};
                if (lane < STRIPS)
                {
                    copy_bulk(stage_at + r * KEY_PIECES * 16, keys + key_row(sequence, kv_head, key, {{arguments}}), run * KEY_PIECES * 16, there);
                }
                else
                {
                    copy_bulk(stage_at + (KEYS * KEY_PIECES + r * VALUE_PIECES) * 16, values + value_row(sequence, kv_head, key, {{arguments}}), run * VALUE_PIECES * 16, there);
                }
            }
            stage = (stage + 1) % STAGES;
            parity ^= stage == 0;
            """);
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add($$"""
            wait_phase(tile_there + stage * 8, parity);
            local uint4* const tile = memory + ROWS * QUERY_STRIDE + stage * STAGE_SIZE;
            local uint4* const warp_values = tile + KEYS * KEY_PIECES + warp_key * VALUE_PIECES;
            if (first_key + KEYS > item.kv_end)
            {
                // Rows past the end are as they were: those of values become 0, as their probabilities are.
                for (int i = lane + max(0, item.kv_end - first_key - warp_key) * VALUE_PIECES; i < WARP_KEYS * VALUE_PIECES; i += 32)
                {
                    warp_values[i] = (uint4)(0);
                }
                warp_barrier();
            }
            {{(Context.ScalesTokens ? "local const float* const scales = (local const float*)(tile + KEYS * (KEY_PIECES + VALUE_PIECES)) + warp_key + lane / 4;\n" : "")}}
            // Of a block, this work-item has the keys lane / 4 and lane / 4 + 8 of two rows.
            float4 score[KEY_BLOCKS][ROW_BLOCKS];
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    score[j][b] = (float4)(0.0f);
                }
            }
            #pragma unroll
            for (int d = 0; d < KEY_PIECES; d += {{(KeyPieces % 8 == 0 ? 8 : 4)}})
            {
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    local const uint4* const key = tile + (warp_key + j * 16 + lane / 4) * KEY_PIECES + d;
                    {{(KeyPieces % 8 == 0 ? TwoPieces : OnePiece).Replace("\n", "\n        ")}}
                }
            }

            """);
        ScaleScores(writer);
    }

    private string OnePiece => $"""
        const uint4 k0 = key[lane % 4];
        const uint4 k8 = key[8 * KEY_PIECES + lane % 4];
        {MultiplyPiece("k0", "k8", "d")}
        """;

    private string TwoPieces => $"""
        // Odd keys have their two pieces in the other order, so that a warp reads all banks at a time.
        const uint4 x0 = key[lane % 8];
        const uint4 y0 = key[(lane + 4) % 8];
        const uint4 x8 = key[8 * KEY_PIECES + lane % 8];
        const uint4 y8 = key[8 * KEY_PIECES + (lane + 4) % 8];
        const uint4 k0 = lane & 4 ? y0 : x0;
        const uint4 k8 = lane & 4 ? y8 : x8;
        {MultiplyPiece("k0", "k8", "d")}
        const uint4 next0 = lane & 4 ? x0 : y0;
        const uint4 next8 = lane & 4 ? x8 : y8;
        {MultiplyPiece("next0", "next8", "d + 4")}
        """;

    public override void Accumulate(CodeWriter writer) => writer.Add($$"""
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            // This work-item has some adjacent columns of the keys lane % 4 * 2, the next, and those 8 on.
            {{MultiplyValues.Replace("\n", "\n    ")}}
        }
        warp_barrier();
        if (lane == 0)
        {
            arrive(tile_free + stage * 8);
        }
        stage = (stage + 1) % STAGES;
        parity ^= stage == 0;
        """);

    /// <summary>
    /// Statements: this work-item's columns of four keys, two items adjacent in local memory at a time, to <c>v0</c> and <c>v1</c>. Odd
    /// work-items read the two in the other order, so that fewer read the same banks at a time.
    /// </summary>
    /// <param name="type">The type of an item.</param>
    /// <param name="stride">Expression: items from a row to the next.</param>
    /// <param name="items">What two of them are in the comment.</param>
    protected static string ReadPairs(string type, string stride, string items) => $$"""
        // Odd work-items have the two {{items}} in the other order, so that fewer read the same banks at a time.
        {{type}} v0[4];
        {{type}} v1[4];
        #pragma unroll
        for (int k = 0; k < 4; k++)
        {
            local const {{type}}* const row = value + (k % 2 + k / 2 * 8) * {{stride}} + c;
            const {{type}} x = row[lane & 1];
            const {{type}} y = row[1 - (lane & 1)];
            v0[k] = lane & 1 ? y : x;
            v1[k] = lane & 1 ? x : y;
        }
        """;
}
