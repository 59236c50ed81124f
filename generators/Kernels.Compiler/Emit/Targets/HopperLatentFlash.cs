using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// For a latent cache, whose rows are keys and values at once: two groups of four warps have the same 64 query rows, each the
/// scores of one half of a tile's keys and one half of the outputs' columns. Maxima and probabilities go through local memory.
/// </summary>
internal sealed class HopperLatentFlash(KernelContext context, HopperTile tile) : HopperFlash(context, tile)
{
    protected override string[] Copied => ["keys"];

    protected override string FirstKey => "first_key + group * (KEYS / 2) + j * 8 + lane % 4 * 2";

    protected override string FirstColumn => "group * (VALUE_DIM / 2) + ";

    protected override string OneWorkItemOfRow => "group == 0 && lane % 4 == 0";

    protected override string AfterStores => "row_barrier(); // one group stores the LSEs of both";

    protected override string ShareMaximum => """

            // The other half of the keys counts as well.
            if (lane % 4 == 0)
            {
                shared_rows[group * ROWS + warp_row + lane / 4] = top0;
                shared_rows[group * ROWS + warp_row + lane / 4 + 8] = top1;
            }
            row_barrier();
            top0 = fmax(top0, shared_rows[(1 - group) * ROWS + warp_row + lane / 4]);
            top1 = fmax(top1, shared_rows[(1 - group) * ROWS + warp_row + lane / 4 + 8]);
        """;

    protected override string OwnMemory => """
        const uint weights_at = tiles_at + STAGES * STAGE_SIZE; // probabilities [ROWS][KEYS], one panel
        local float shared_rows[2 * ROWS]; // what the groups tell each other of their rows

        """;

    protected override string[] Functions =>
    [
        HopperPtx.RegisterLists(Tile.Keys / 2, Spec.ResolvedValueDim / 2),
        HopperPtx.MultiplyLocal("multiply_keys", Element, Tile.Keys / 2, transposed: false),
        HopperPtx.MultiplyLocal("multiply_values", Element, Spec.ResolvedValueDim / 2, transposed: true),
        HopperPtx.Wait("wait_scores", Tile.Keys / 2, pending: 0),
        HopperPtx.Wait("wait_outputs", Spec.ResolvedValueDim / 2, pending: 0),
    ];

    public override void DeclareTile(CodeWriter writer)
    {
        base.DeclareTile(writer);
        writer.Add("""
            #define KEY_BLOCKS (KEYS / 2 / 8) // blocks of 16 x 8 scores of a group
            #define VALUE_BLOCKS (VALUE_DIM / 2 / 8) // blocks of 16 x 8 outputs of a group

            // Bytes of local memory. All matrices lie there in panels of 64 columns, which are rows of 128 bytes.
            #define QUERY_SIZE (ROWS * HEAD_DIM * 2)
            #define STAGE_SIZE (KEYS * HEAD_DIM * 2)
            #define LOCAL_SIZE (QUERY_SIZE + STAGES * STAGE_SIZE + ROWS * 128)
            """);
    }

    public override bool CallsValueRow => false;

    protected override void CopyStage(CodeWriter writer, string copied) => CopyRows(writer, "key_row", "keys", "stage_at", "HEAD_DIM");

    public override void Begin(CodeWriter writer)
    {
        base.Begin(writer);
        writer.Add("""
            const int warp_row = thread / 32 % 4 * 16;
            const ulong query_matrix = matrix_at(queries_at, ROWS * 128);
            const ulong weight_matrix = matrix_at(weights_at, ROWS * 128);

            """);
        BeginRows(writer);
        writer.Add("int tile = 0; // tiles that are done");
    }

    public override void Scores(CodeWriter writer) => writer.Add("""
        const uint stage_at = tiles_at + tile % STAGES * STAGE_SIZE;
        float4 score[1][KEY_BLOCKS];
        wait_phase(keys_there + tile % STAGES * 8, tile / STAGES % 2);
        fence_asynchronous();
        begin_products();
        const ulong key_matrix = matrix_at(stage_at + group * (KEYS / 2) * 128, KEYS * 128);
        #pragma unroll
        for (int d = 0; d < HEAD_DIM / 16; d++)
        {
            // 16 columns are 32 bytes of a panel's row.
            multiply_keys(score[0], query_matrix + d / 4 * (ROWS * 128 / 16) + d % 4 * 2, key_matrix + d / 4 * (KEYS * 128 / 16) + d % 4 * 2, d > 0);
        }
        close_products();
        wait_scores(score[0]);

        """);

    public override void Accumulate(CodeWriter writer) => writer.Add("""
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            const int piece = group * KEY_BLOCKS + j;
            local uint* const weights = (local uint*)((local char*)memory + (weights_at - queries_at)) + lane % 4;
            weights[piece_at(warp_row + lane / 4, piece, ROWS) / 4] = pack(score[0][j].s0, score[0][j].s1);
            weights[piece_at(warp_row + lane / 4 + 8, piece, ROWS) / 4] = pack(score[0][j].s2, score[0][j].s3);
        }
        fence_asynchronous();
        row_barrier();
        begin_products();
        const ulong value_matrix = matrix_at(stage_at + group * (VALUE_DIM / 2 / 64) * (KEYS * 128), KEYS * 128);
        #pragma unroll
        for (int j = 0; j < KEYS / 16; j++)
        {
            multiply_values(output[0], weight_matrix + j * 2, value_matrix + j * (16 * 128 / 16), 1);
        }
        close_products();
        wait_outputs(output[0]);
        if (lane == 0)
        {
            arrive(keys_free + tile % STAGES * 8);
        }
        tile++;
        """);

    public override void Finish(CodeWriter writer)
    {
        TotalRows(writer);
        writer.Add("""
            // Each group has the sums over its half of the keys.
            row_barrier();
            if (lane % 4 == 0)
            {
                shared_rows[group * ROWS + warp_row + lane / 4] = row_sum[0][0];
                shared_rows[group * ROWS + warp_row + lane / 4 + 8] = row_sum[0][1];
            }
            row_barrier();
            row_sum[0][0] = shared_rows[warp_row + lane / 4] + shared_rows[ROWS + warp_row + lane / 4];
            row_sum[0][1] = shared_rows[warp_row + lane / 4 + 8] + shared_rows[ROWS + warp_row + lane / 4 + 8];

            """);
        StoreRows(writer);
    }
}
