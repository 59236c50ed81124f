namespace Kernels.Compiler.Specs;

/// <summary>
/// A user's function on scores or on visibility, translated to OpenCL C. <paramref name="Source"/> has the entry function
/// <c>score_mod</c> or <c>mask_mod</c> and what it calls, in the lane vocabulary that each target defines, so that one text
/// serves targets that handle one score at a time and targets that handle a vector of them.
/// </summary>
internal sealed record ModFunction(string Source, EquatableArray<ModInput> Inputs)
{
    /// <summary>The user's name of it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whether the function looks at the query head; one that does not treats all heads alike.</summary>
    public bool UsesHead { get; init; } = true;
}
