using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// What the forms with wgmma have in common: groups of four warps whose products read keys and values from local memory while
/// the warps do something else, and one group more that copies keys and values some tiles ahead. Both sides wait for each
/// other at barriers of each stage.
/// </summary>
internal abstract class HopperFlash(KernelContext context, HopperTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    protected override string RowBarrier => "row_barrier();";

    protected override string RowWorkItems => "ROW_ITEMS";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)((local char*)memory + piece_at({row}, ({d}) / 8, ROWS)) + ({d}) % 8";

    /// <summary>The functions of a form's own.</summary>
    protected abstract string[] Functions { get; }

    /// <summary>The names of the barriers that a stage has two of: what is copied there.</summary>
    protected abstract string[] Copied { get; }

    /// <summary>Local memory of a form's own, and where things lie in it.</summary>
    protected virtual string OwnMemory => "";

    /// <summary>Copies of one stage, between <c>wait_phase</c> of its free barrier and <c>arrive_when_copied</c>.</summary>
    protected abstract void CopyStage(CodeWriter writer, string copied);

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define ROW_GROUPS {tile.Groups} // of four warps, which multiply together
        #define ROW_BLOCKS 1 // blocks of 16 rows of a warp
        #define ROW_ITEMS (128 * ROW_GROUPS) // work-items that hold rows
        #define COPY_ITEMS 128 // work-items that copy keys and values
        #define ROW_REGISTERS {tile.RowRegisters} // of a work-item that holds rows, once those that copy have given theirs back
        #define COPY_REGISTERS {tile.CopyRegisters}
        #define STAGES {tile.Stages} // tiles in local memory: in use, or on their way
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
                NvidiaPtx.WarpBarrier,
                NvidiaPtx.Softmax(Element),
                NvidiaPtx.RowReductions,
                HopperPtx.Barriers,
                HopperPtx.ArriveWhenCopied,
                HopperPtx.Registers,
                """
                // Where a row's piece of 16 bytes lies in a matrix of so many rows: in its panel, exchanged with others of its row.
                static uint piece_at(int row, int piece, int rows)
                {
                    return piece / 8 * rows * 128 + row * 128 + (piece % 8 ^ row % 8) * 16;
                }
                """,
                HopperPtx.RowBarrier(RowWorkItems),
                HopperPtx.Products,
                .. Functions,
            ]);
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add($"""
            local uint4 memory[LOCAL_SIZE / 16] __attribute__((aligned(1024)));
            local ulong barriers[{2 * Copied.Length} * STAGES];
            const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
            const uint tiles_at = queries_at + QUERY_SIZE;
            """);
        for (int i = 0; i < Copied.Length; i++)
        {
            string what = Copied[i];
            writer.Add(i == 0
                ? $"const uint {what}_there = (uint)(size_t)barriers; // the {what} of stage s have arrived: barrier s of these"
                : $"const uint {what}_there = {Copied[i - 1]}_free + STAGES * 8;");
            writer.Add($"const uint {what}_free = {what}_there + STAGES * 8;{(i == 0 ? " // no warp reads them any more" : "")}");
        }

        writer.Add($"""
            {OwnMemory}const int thread = get_local_id(0);
            const int lane = thread % 32;
            """);
        writer.Open("if (thread == 0)").Open("for (int s = 0; s < STAGES; s++)");
        foreach (string what in Copied)
        {
            writer.Add($"""
                init_barrier({what}_there + s * 8, COPY_ITEMS);
                init_barrier({what}_free + s * 8, ROW_ITEMS / 32);
                """);
        }

        writer.Close().Close();
        writer.Add("barrier(CLK_LOCAL_MEM_FENCE);");
        writer.Open("if (thread >= ROW_ITEMS)");
        CopyTiles(writer);
        writer.Add("return;");
        writer.Close().Line();
        writer.Add($$"""
            take_registers(ROW_REGISTERS);
            const int group = thread / 128;
            {{CopyQueries("piece_at(r, piece, ROWS)")}}
            asm volatile("cp.async.wait_all;");
            {{(Context.Rope.IsOn ? "row_barrier();\n" + TurnQueries() : "")}}fence_asynchronous();
            row_barrier();
            """);
    }

    /// <summary>The part of the warps that copy: the same tiles in the same order.</summary>
    private void CopyTiles(CodeWriter writer)
    {
        writer.Add("""
            give_registers(COPY_REGISTERS);
            const int copy_row = (thread - ROW_ITEMS) / 8;
            int tile = 0;
            """);
        writer.Open("for (int first_key = item.kv_begin; first_key < item.kv_end; first_key += KEYS)");
        FlashAlgorithm.ClassifyTile(writer, Spec, leavesOutEmpty: true);
        writer.Add("""
            const uint stage_at = tiles_at + tile % STAGES * STAGE_SIZE;
            const uint stage_barrier = tile % STAGES * 8;
            const uint parity = tile / STAGES % 2;
            tile++;
            """);
        foreach (string what in Copied)
        {
            writer.Add($"wait_phase({what}_free + stage_barrier, parity ^ 1); // at once the first time");
            CopyStage(writer, what);
            writer.Add($"arrive_when_copied({what}_there + stage_barrier);");
        }

        writer.Close();
        writer.Add("asm volatile(\"cp.async.wait_all;\");");
    }

    /// <summary>Eight work-items copy a row's part of each panel, whose pieces are exchanged by the row.</summary>
    protected void CopyRows(CodeWriter writer, string row, string from, string to, string dim) => writer.Add($$"""
        #pragma unroll
        for (int rows = 0; rows < KEYS; rows += COPY_ITEMS / 8)
        {
            const int r = rows + copy_row;
            const int key = first_key + r;
            global const {{Context.Storage.StorageType}}* const row = {{from}} + {{row}}(sequence, kv_head, min(key, item.kv_end - 1), {{Context.Addressing.Arguments}}) + thread % 8 * 8;
            const uint row_at = {{to}} + r * 128 + (thread % 8 ^ copy_row % 8) * 16;
            #pragma unroll
            for (int panel = 0; panel < {{dim}} / 64; panel++)
            {
                copy_16(row_at + panel * KEYS * 128, row + panel * 64, key < item.kv_end);
            }
        }
        """);
}
