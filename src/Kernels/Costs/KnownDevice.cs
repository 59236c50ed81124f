namespace Kernels.Costs;

/// <summary>The figures of a device as its maker publishes them, without sparsity. What a program reaches is less.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="MatrixFlopsPerSecond">Operations a second of its matrix units on 16-bit elements, added up in float32.</param>
/// <param name="VectorFlopsPerSecond">Operations a second in float32, outside the matrix units where they have no float32.</param>
/// <param name="BytesPerSecond">Bytes a second from its memory.</param>
/// <param name="MemoryBytes">Bytes of its memory.</param>
/// <param name="Source">Where the figures are from.</param>
public sealed record KnownDevice(
    string Name, double MatrixFlopsPerSecond, double VectorFlopsPerSecond, double BytesPerSecond, long MemoryBytes, string Source)
{
    private const double Tera = 1e12;
    private const double Giga = 1e9;

    /// <summary>The devices whose figures are kept here.</summary>
    public static IReadOnlyList<KnownDevice> All { get; } =
    [
        new("H200", 989.5 * Tera, 67 * Tera, 4800 * Giga, 141_000_000_000, "NVIDIA H200 Tensor Core GPU datasheet, SXM"),
        new("H100", 989.5 * Tera, 67 * Tera, 3350 * Giga, 80_000_000_000, "NVIDIA H100 Tensor Core GPU datasheet, SXM"),
        new("A100", 312 * Tera, 19.5 * Tera, 2039 * Giga, 80_000_000_000, "NVIDIA A100 Tensor Core GPU datasheet, 80 GB SXM"),
        new("L40S", 362 * Tera, 91.6 * Tera, 864 * Giga, 48_000_000_000, "NVIDIA L40S GPU datasheet"),
        new("RTX 4090", 165.2 * Tera, 82.6 * Tera, 1008 * Giga, 24_000_000_000, "NVIDIA Ada GPU architecture whitepaper, appendix A"),
        new("MI300X", 1307.4 * Tera, 163.4 * Tera, 5300 * Giga, 192_000_000_000, "AMD Instinct MI300X accelerator data sheet"),
    ];

    /// <summary>
    /// The device of a name, in letters of either case and with or without spaces; null if its figures are not kept here.
    /// </summary>
    public static KnownDevice? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string wanted = Plain(name);
        return All.FirstOrDefault(device => string.Equals(Plain(device.Name), wanted, StringComparison.OrdinalIgnoreCase));

        static string Plain(string text) => text.Replace(" ", "", StringComparison.Ordinal);
    }

    /// <summary>The roofline for operands of a type: matrix units take 16-bit ones, and float32 is left to the others.</summary>
    /// <param name="operands">The type of queries, keys and values, or of weights and activations.</param>
    public Roofline RooflineFor(ElementType operands) =>
        new(Name, operands == ElementType.Float32 ? VectorFlopsPerSecond : MatrixFlopsPerSecond, BytesPerSecond, MemoryBytes);
}
