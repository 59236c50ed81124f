namespace Kernels.Compiler.Emit.Scores;

/// <summary>What steps and masks can ask of a row beside its query's position.</summary>
[Flags]
internal enum RowMembers
{
    None = 0,
    Head = 1,
    Batch = 2,
    Prefix = 4,
}
