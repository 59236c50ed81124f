namespace Kernels.Decoding;

/// <summary>The types of values in a GGUF file's metadata, by their numbers there.</summary>
internal enum GgufValueType
{
    /// <summary>8 bits without sign.</summary>
    UInt8 = 0,

    /// <summary>8 bits with sign.</summary>
    Int8 = 1,

    /// <summary>16 bits without sign.</summary>
    UInt16 = 2,

    /// <summary>16 bits with sign.</summary>
    Int16 = 3,

    /// <summary>32 bits without sign.</summary>
    UInt32 = 4,

    /// <summary>32 bits with sign.</summary>
    Int32 = 5,

    /// <summary>float32.</summary>
    Float32 = 6,

    /// <summary>A byte, 0 or 1.</summary>
    Bool = 7,

    /// <summary>UTF-8 with its length before it.</summary>
    Text = 8,

    /// <summary>Values of one type.</summary>
    Array = 9,

    /// <summary>64 bits without sign.</summary>
    UInt64 = 10,

    /// <summary>64 bits with sign.</summary>
    Int64 = 11,

    /// <summary>float64.</summary>
    Float64 = 12,
}
