namespace Kernels.OpenCL;

/// <summary>What a program is given as.</summary>
internal enum ProgramForm : byte
{
    Source,
    Binary,
}
