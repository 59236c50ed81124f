namespace Kernels.Generators.Mods;

/// <summary>What a mod calculates in. A bool is an int in kernels: 0, or what a comparison gives.</summary>
internal enum LaneType
{
    Bool,
    Int,
    Float,
}
