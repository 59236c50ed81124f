using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>A value of a query row that is calculated once, before any key is read.</summary>
/// <param name="Type">Its type in the lane vocabulary.</param>
/// <param name="Name">Its name in <c>Row</c>.</param>
/// <param name="Expression">On <c>row</c>'s query and head, and <c>r</c>, the row's index in its sequence.</param>
/// <param name="Inputs">The kernel's inputs that the expression names.</param>
internal sealed record RowValue(string Type, string Name, string Expression, IReadOnlyList<KernelInput> Inputs)
{
    /// <summary>Whether it has 64 bits a lane, where <c>Row</c>'s other members have 32.</summary>
    public bool IsWide => Type == "lanes_long";

    /// <summary>What a template takes.</summary>
    public Holes Holes => new() { { "type", Type }, { "name", Name }, { "expression", Expression }, { "is_wide", IsWide } };
}
