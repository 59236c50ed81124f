namespace Kernels.Decoding;

/// <summary>What becomes of a sequence that must give its pages to others.</summary>
public enum Preemption
{
    /// <summary>Its keys and values move to host memory, and back when there is room.</summary>
    SwapOut,

    /// <summary>They are dropped, and its tokens run again when there is room; prefixes that are still cached do not.</summary>
    Recompute,
}
