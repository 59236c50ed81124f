namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>The two shapes in which flash attention is needed; they differ in the tile and in the kernel's name.</summary>
internal enum FlashForm
{
    Prefill,
    Decode,
}
