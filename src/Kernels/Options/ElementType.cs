namespace Kernels;

/// <summary>How one number is stored in device memory. Arithmetic is float32 whatever the storage.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 single precision, 4 bytes; <see cref="float"/> on the host.</summary>
    Float32 = 0,

    /// <summary>IEEE 754 half precision, 2 bytes; <c>System.Half</c> on the host.</summary>
    Float16 = 1,

    /// <summary>The upper half of a float32, 2 bytes; <c>Kernels.BFloat16</c> on the host.</summary>
    BFloat16 = 2,
}
