namespace Kernels.Decoding;

/// <summary>How a template goes on after a statement.</summary>
internal enum JinjaFlow
{
    Next,
    Break,
    Continue,
}
