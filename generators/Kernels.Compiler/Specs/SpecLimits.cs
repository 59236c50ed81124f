namespace Kernels.Compiler.Specs;

/// <summary>Every limit of a spec, as data; the validator and the documentation of a rule take their numbers from here.</summary>
internal static class SpecLimits
{
    public const int MinHeads = 1;
    public const int MaxHeads = 1024;
    public const int MinDim = 8;

    /// <summary>A latent row of DeepSeek has 512 elements and 64 that turn.</summary>
    public const int MaxHeadDim = 576;
    public const int MaxValueDim = 512;

    /// <summary>Kernels multiply the scale by log2(e) in float32: what lies between is a normal float before and after.</summary>
    public const double MinScale = 1e-30;
    public const double MaxScale = 1e30;

    /// <summary>Positions and windows are added up in 32 bits.</summary>
    public const int MaxWindow = 1 << 30;

    public const int MinPageSize = 1;
    public const int MaxPageSize = KernelContract.MaxPageSize;

    /// <summary>
    /// Rows of half bytes are stored and loaded in whole vectors, so that no byte is shared between two rows or two loads.
    /// </summary>
    public const int Int4DimMultiple = 16;

    /// <summary>A latent row with scales in it has one for each of so many elements of its value.</summary>
    public const int LatentFloat8ValueMultiple = LatentFloat8Row.GroupSize;

    /// <summary>A latent row with scales in it has them at addresses of whole float32s.</summary>
    public const int LatentFloat8DimMultiple = 2;

    public const int MinRotaryDim = 2;

    public const int MinQueryTile = 4;
    public const int MaxQueryTile = 128;
    public const int MinKeyTile = 8;
    public const int MaxKeyTile = 256;

    /// <summary>The local memory that OpenCL 1.2 promises of every full-profile device, in bytes.</summary>
    public const int PortableLocalBytes = 32 * 1024;
}
