using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Targets.Sm80;

namespace Kernels.Compiler.Targets.Sm90;

/// <summary>
/// Products of groups of four warps: each group has rows of its own, or, with a latent cache, half of the keys and of the outputs' columns.
/// </summary>
internal sealed class Sm90Flash(KernelContext context, Sm90Tile tile) : Sm80Flash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => Spec.LatentCache ? "Sm90/latent" : "Sm90/rows";

    public override bool CallsValueRow => !Spec.LatentCache;

    public override Holes Fill(Holes around)
    {
        int parts = Spec.LatentCache ? 2 : 1;
        int scoreColumns = tile.Keys / parts, outputColumns = Spec.ResolvedValueDim / parts;
        return new(base.Fill(around))
        {
            { "row_groups", tile.Groups },
            { "row_registers", tile.RowRegisters },
            { "copy_registers", tile.CopyRegisters },
            { "stages", tile.Stages },

            // Columns of the matrices that products are added to.
            { "score_columns", scoreColumns },
            { "output_columns", outputColumns },

            // A work-item's registers of a matrix of so many columns are the first operands of an instruction; others follow.
            { "registers_of", arguments => C.Int(int.Parse(arguments[0]) / 2) },
            { "operand", arguments => C.Int((int.Parse(arguments[0]) / 2) + int.Parse(arguments[1])) },
            { "register_names", arguments => RegisterNames(int.Parse(arguments[0]) / 2) },
            { "register_lists", RegisterLists(scoreColumns / 2, outputColumns / 2) },
        };
    }

    /// <summary>The names of the first so many operands of an instruction, as string literals of 16 each.</summary>
    private static string RegisterNames(int registers) => string.Join("\n", Enumerable.Range(0, (registers + 15) / 16).Select(line =>
    {
        IEnumerable<int> names = Enumerable.Range(line * 16, Math.Min(16, registers - (line * 16)));
        return $"\"{string.Concat(names.Select(i => $"%{i}{(i < registers - 1 ? ", " : "")}"))}\"";
    }));

    /// <summary>
    /// Lists of <paramref name="registers"/>, and those of 16, 32 and so on that they begin with; each has the one before and what it has
    /// more, four at a time.
    /// </summary>
    private static IEnumerable<Holes> RegisterLists(params int[] registers)
    {
        int before = 0;
        foreach (int count in Enumerable.Range(1, registers.Max() / 16).Select(i => 16 * i).Concat(registers).Distinct().OrderBy(i => i))
        {
            string more = string.Join(", ", Enumerable.Range(before / 4, (count - before) / 4).Select(i => $"REGISTERS_4((d)[{i}])"));
            yield return new() { { "count", count }, { "registers", before > 0 ? $"REGISTERS_{before}(d), {more}" : more } };
            before = count;
        }
    }
}
