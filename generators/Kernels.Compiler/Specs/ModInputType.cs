namespace Kernels.Compiler.Specs;

/// <summary>The type of a run-time input of a mod.</summary>
internal enum ModInputType
{
    Int,
    Float,
    IntBuffer,
    FloatBuffer,
}
