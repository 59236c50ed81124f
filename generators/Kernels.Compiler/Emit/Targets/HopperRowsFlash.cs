using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Each group of four warps has 64 query rows. The outputs of a tile are multiplied while the next tile's softmax is calculated.</summary>
internal sealed class HopperRowsFlash(KernelContext context, HopperTile tile) : HopperFlash(context, tile)
{
    protected override string[] Copied => ["keys", "values"];

    protected override string FirstKey => "first_key + j * 8 + lane % 4 * 2";

    protected override string BeforeRescale => """

            // The values of the tile before have been multiplied meanwhile.
            wait_outputs(output[0]);
            if (tile > 0 && lane == 0)
            {
                arrive(values_free + (tile - 1) % STAGES * 8);
            }

        """;

    protected override string[] Functions =>
    [
        """
        // The groups take turns at starting products, so that one has its softmax while another multiplies.
        static void wait_turn(int group)
        {
            asm volatile("bar.sync %0, 256;" : : "r"(2 + group) : "memory");
        }

        static void give_turn(int next_group)
        {
            asm volatile("bar.arrive %0, 256;" : : "r"(2 + next_group) : "memory");
        }
        """,
        HopperPtx.RegisterLists(Tile.Keys, Spec.ResolvedValueDim),
        HopperPtx.MultiplyLocal("multiply_keys", Element, Tile.Keys, transposed: false),
        HopperPtx.MultiplyRegisters("multiply_values", Element, Spec.ResolvedValueDim),
        HopperPtx.Wait("wait_scores", Tile.Keys, pending: 1),
        HopperPtx.Wait("wait_outputs", Spec.ResolvedValueDim, pending: 0),
    ];

    public override void DeclareTile(CodeWriter writer)
    {
        base.DeclareTile(writer);
        writer.Add("""
            #define KEY_BLOCKS (KEYS / 8) // blocks of 16 x 8 scores
            #define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs

            // Bytes of local memory. All matrices lie there in panels of 64 columns, which are rows of 128 bytes.
            #define QUERY_SIZE (ROWS * HEAD_DIM * 2)
            #define KEY_SIZE (KEYS * HEAD_DIM * 2)
            #define STAGE_SIZE (KEY_SIZE + KEYS * VALUE_DIM * 2)
            #define LOCAL_SIZE (QUERY_SIZE + STAGES * STAGE_SIZE)
            """);
    }

    protected override void CopyStage(CodeWriter writer, string copied)
    {
        if (copied == "keys")
        {
            CopyRows(writer, "key_row", "keys", "stage_at", "HEAD_DIM");
        }
        else
        {
            CopyRows(writer, "value_row", "values", "stage_at + KEY_SIZE", "VALUE_DIM");
        }
    }

    public override void Begin(CodeWriter writer)
    {
        base.Begin(writer);
        writer.Add("""
            const int warp_row = thread / 32 * 16;
            const int next_group = (group + 1) % ROW_GROUPS;
            const ulong query_matrix = matrix_at(queries_at + group * 64 * 128, ROWS * 128);

            """);
        BeginRows(writer);
        writer.Add("""
            uint4 p[KEYS / 16]; // probabilities of the tile before, as fragments
            int tile = 0; // tiles whose scores are done
            if (next_group == 0)
            {
                give_turn(0);
            }
            """);
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add("""
            const uint stage_at = tiles_at + tile % STAGES * STAGE_SIZE;
            float4 score[1][KEY_BLOCKS];
            wait_phase(keys_there + tile % STAGES * 8, tile / STAGES % 2);
            fence_asynchronous();
            wait_turn(group);
            begin_products();
            const ulong key_matrix = matrix_at(stage_at, KEYS * 128);
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d++)
            {
                // 16 columns are 32 bytes of a panel's row.
                multiply_keys(score[0], query_matrix + d / 4 * (ROWS * 128 / 16) + d % 4 * 2, key_matrix + d / 4 * (KEYS * 128 / 16) + d % 4 * 2, d > 0);
            }
            close_products();
            """);
        writer.Open("if (tile > 0)");
        MultiplyValues(writer);
        writer.Close();
        writer.Add("""
            close_products();
            give_turn(next_group);
            wait_scores(score[0]);
            if (lane == 0)
            {
                arrive(keys_free + tile % STAGES * 8);
            }

            """);
    }

    /// <summary>Starts the products of the last probabilities with the values of their tile.</summary>
    private static void MultiplyValues(CodeWriter writer) => writer.Add("""
        const int before = tile - 1;
        wait_phase(values_there + before % STAGES * 8, before / STAGES % 2);
        fence_asynchronous();
        const ulong value_matrix = matrix_at(tiles_at + before % STAGES * STAGE_SIZE + KEY_SIZE, KEYS * 128);
        #pragma unroll
        for (int j = 0; j < KEYS / 16; j++)
        {
            multiply_values(output[0], p[j], value_matrix + j * (16 * 128 / 16));
        }
        """);

    public override void Accumulate(CodeWriter writer) => writer.Add($$"""
        // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
        #pragma unroll
        for (int j = 0; j < KEYS / 16; j++)
        {
            {{Fragment("p[j]", "0", "2 * j", "2 * j + 1").Replace("\n", "\n    ")}}
        }
        tile++;
        """);

    public override void Finish(CodeWriter writer)
    {
        writer.Open("if (group == 0)").Add("wait_turn(0); // the last group's last").Close();
        writer.Open("if (tile > 0)");
        writer.Add("begin_products();");
        MultiplyValues(writer);
        writer.Add("""
            close_products();
            wait_outputs(output[0]);
            """);
        writer.Close().Line();
        TotalRows(writer);
        StoreRows(writer);
    }
}
