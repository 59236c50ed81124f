namespace Kernels.Benchmarks.Compare;

/// <summary>What a step of attention is.</summary>
internal enum Step
{
    /// <summary>As many queries as keys.</summary>
    Prefill,

    /// <summary>One query a sequence.</summary>
    Decode,
}
