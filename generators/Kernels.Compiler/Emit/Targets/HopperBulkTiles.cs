using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Tiles of keys and values that one warp copies in bulk for the others: a strip of consecutive tokens by one instruction, as it
/// is in the cache. Both sides wait for each other at barriers of each stage.
/// </summary>
/// <param name="context">The kernel.</param>
/// <param name="tile">Its tile.</param>
/// <param name="spreads">
/// Whether the eight keys of a block of scores are one of each strip, and strips begin in different banks of local memory: for
/// forms that read the same piece of eight rows at a time. It costs copies some 5 % of their speed, for they are fastest to
/// multiples of 128 bytes.
/// </param>
internal sealed class HopperBulkTiles(KernelContext context, NvidiaTile tile, bool spreads)
{
    private const int Strips = 8;

    /// <summary>Expression: the first of the two keys of score block <c>j</c> of which a work-item has scores.</summary>
    public string FirstKey => spreads ? "first_key + lane % 4 * 2 * STRIP_KEYS + warp_key + j" : "first_key + warp_key + j * 8 + lane % 4 * 2";

    /// <summary>Expression: from the first of the two keys to the second.</summary>
    public string KeyStep => spreads ? "STRIP_KEYS" : "1";

    public string[] Functions =>
        [NvidiaPtx.Copy, context.ScalesTokens ? NvidiaPtx.CopyScale : "", HopperPtx.Barriers, HopperPtx.CopyBulk, context.ScalesTokens ? HopperPtx.ArriveWhenCopied : "", NvidiaPtx.WarpBarrier, RowBarrier];

    private const string RowBarrier = """
        // The work-items that hold rows wait for one another.
        static void row_barrier(void)
        {
            asm volatile("bar.sync 1, %0;" : : "n"(WORK_GROUP) : "memory");
        }
        """;

    /// <summary>Expression: a key of this warp's row <c>r</c>, counted in the tile.</summary>
    private string KeyOfRow => spreads ? "r % 8 * STRIP_KEYS + warp_key + r / 8" : "warp_key + r";

    /// <summary>Constants: how tiles lie in local memory.</summary>
    public string Layout => $"""
        #define STRIPS {Strips} // of a tile: consecutive keys{(spreads ? "; the keys of a block of eight are one of each" : "")}
        #define STRIP_KEYS (KEYS / STRIPS)

        // In pieces of 16 bytes.{(spreads ? " A strip is followed by one more, so that those of a block's keys lie in different banks." : "")}
        #define QUERY_STRIDE {NvidiaPlanner.Stride16(context.Spec.HeadDim)}
        #define KEY_PIECES {context.Spec.HeadDim / NvidiaPlanner.PieceElements(context.Spec)}
        #define VALUE_PIECES {context.Spec.ResolvedValueDim / NvidiaPlanner.PieceElements(context.Spec)}
        #define KEY_STRIP (STRIP_KEYS * KEY_PIECES{(spreads ? " + 1" : "")})
        #define VALUE_STRIP (STRIP_KEYS * VALUE_PIECES{(spreads ? " + 1" : "")})
        #define STAGE_SIZE (STRIPS * (KEY_STRIP + VALUE_STRIP){(context.ScalesTokens ? " + 2 * KEYS / 4" : "")}) // {(context.ScalesTokens ? "keys, values, and the scales of both" : "keys and values")}
        #define LOCAL_SIZE {tile.LocalBytes / 16} // queries and stages, or the states that are merged after them
        """;

    /// <summary>Local memory, the barriers, and the part of the warp that copies.</summary>
    public void Begin(CodeWriter writer)
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
                    init_barrier(tile_there + s * 8, {{(context.ScalesTokens ? "1 + 32" : "1")}});
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
        writer.Add($"""
            const int warp_row = 0;
            const int warp_key = thread / 32 * {(spreads ? "(WARP_KEYS / 8); // this warp's first key of each strip" : "WARP_KEYS;")}
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
        if (context.Spec.MaskMod is not null)
        {
            writer.Add(FlashAlgorithm.TileClass);
            writer.Open("if (tile_class == TILE_EMPTY)").Add("continue;").Close();
        }

        writer.Add("""
            const uint there = tile_there + stage * 8;
            const uint stage_at = tiles_at + stage * STAGE_SIZE * 16;
            wait_phase(tile_free + stage * 8, parity);
            if (lane == 0)
            {
                arrive_and_expect(there, min(KEYS, item.kv_end - first_key) * (KEY_PIECES + VALUE_PIECES) * 16);
            }
            """);
        if (context.ScalesTokens)
        {
            CopyScales(writer);
        }

        string arguments = context.Addressing.Arguments;
        writer.Add($$"""

            // Each of the first work-items copies a strip, as many tokens at a time as the cache has one after the other.
            const int strip = lane % STRIPS;
            const int strip_key = first_key + strip * STRIP_KEYS;
            const int count = lane < 2 * STRIPS ? clamp(item.kv_end - strip_key, 0, STRIP_KEYS) : 0;
            int run;
            for (int at = 0; at < count; at += run)
            {
                const int key = strip_key + at;
                run = {{context.Addressing.AdjacentTokens("key", "count - at")}};
                if (lane < STRIPS)
                {
                    copy_bulk(stage_at + (strip * KEY_STRIP + at * KEY_PIECES) * 16, keys + key_row(sequence, kv_head, key, {{arguments}}), run * KEY_PIECES * 16, there);
                }
                else
                {
                    copy_bulk(stage_at + (STRIPS * KEY_STRIP + strip * VALUE_STRIP + at * VALUE_PIECES) * 16, values + value_row(sequence, kv_head, key, {{arguments}}), run * VALUE_PIECES * 16, there);
                }
            }
            stage = (stage + 1) % STAGES;
            parity ^= stage == 0;
            """);
        writer.Close();
    }

    /// <summary>Scales in the order in which warps have their keys, block after block; zeros past the end.</summary>
    private void CopyScales(CodeWriter writer) => writer.Add($$"""
        for (int i = lane; i < 2 * KEYS; i += 32)
        {
            const int r = i % WARP_KEYS;
            const int warp_key = i % KEYS / WARP_KEYS * {{(spreads ? "(WARP_KEYS / 8)" : "WARP_KEYS")}};
            const int key = first_key + {{KeyOfRow}};
            global const float* const from = i < KEYS ? key_scales : value_scales;
            copy_4(stage_at + STRIPS * (KEY_STRIP + VALUE_STRIP) * 16 + i * 4, from + scale_index(sequence, kv_head, min(key, item.kv_end - 1), {{context.Addressing.Arguments}}), key < item.kv_end);
        }
        arrive_when_copied(there);
        """);

    /// <summary>Waits for a tile. Rows past the end are as they were: those of values become 0, as their probabilities are; scores of keys are hidden.</summary>
    public void Take(CodeWriter writer) => writer.Add($$"""
        wait_phase(tile_there + stage * 8, parity);
        local uint4* const tile = memory + ROWS * QUERY_STRIDE + stage * STAGE_SIZE;
        if (first_key + KEYS > item.kv_end)
        {
            for (int i = lane; i < WARP_KEYS * VALUE_PIECES; i += 32)
            {
                const int r = i / VALUE_PIECES;
                if (first_key + {{KeyOfRow}} >= item.kv_end)
                {
                    tile[STRIPS * KEY_STRIP + {{(spreads ? "r % 8 * VALUE_STRIP + (warp_key + r / 8) * VALUE_PIECES" : "(warp_key + r) * VALUE_PIECES")}} + i % VALUE_PIECES] = (uint4)(0);
                }
            }
            warp_barrier();
        }
        {{(context.ScalesTokens ? "local const float* const scales = (local const float*)(tile + STRIPS * (KEY_STRIP + VALUE_STRIP)) + thread / 32 * WARP_KEYS;\n" : "")}}
        """);

    /// <summary>After the last read of a tile.</summary>
    public static void Release(CodeWriter writer) => writer.Add("""
        warp_barrier();
        if (lane == 0)
        {
            arrive(tile_free + stage * 8);
        }
        stage = (stage + 1) % STAGES;
        parity ^= stage == 0;
        """);
}
