using System.Globalization;

namespace Kernels.OpenCL;

/// <summary>A number of work-items along up to three dimensions.</summary>
/// <param name="X">Along the first dimension, at least 1.</param>
/// <param name="Y">Along the second.</param>
/// <param name="Z">Along the third.</param>
public readonly record struct NDRange(nuint X, nuint Y = 1, nuint Z = 1)
{
    /// <summary>The same from signed numbers.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    public NDRange(int x, int y = 1, int z = 1)
        : this(Checked(x, nameof(x)), Checked(y, nameof(y)), Checked(z, nameof(z)))
    {
    }

    /// <summary>All work-items: the product of the three.</summary>
    public nuint Count => checked(X * Y * Z);

    internal uint Dimensions => Z != 1 ? 3u : Y != 1 ? 2u : 1u;

    /// <summary>What a device cannot count of work-items and work-groups, or null.</summary>
    /// <param name="local">The work-items of a work-group.</param>
    /// <param name="addressBits">Bits of the device's size_t.</param>
    internal string? Excess(NDRange local, int addressBits)
    {
        ulong mostItems = addressBits < 64 ? uint.MaxValue : ulong.MaxValue;
        ReadOnlySpan<(nuint All, nuint Together)> dimensions = [(X, local.X), (Y, local.Y), (Z, local.Z)];
        for (int i = 0; i < dimensions.Length; i++)
        {
            (nuint all, nuint together) = dimensions[i];
            if (all > mostItems)
            {
                return $"{all} work-items along dimension {i}, where its addresses of {addressBits} bits count {mostItems}";
            }

            // Kernels have a work-group's number as an int, and so do drivers.
            if (all / together > int.MaxValue)
            {
                return $"{all / together} work-groups along dimension {i}, which are numbered up to {int.MaxValue}";
            }
        }

        return null;
    }

    /// <summary>One dimension.</summary>
    public static implicit operator NDRange(int x) => new(x);

    /// <summary>Two dimensions.</summary>
    public static implicit operator NDRange((int X, int Y) sizes) => new(sizes.X, sizes.Y);

    /// <summary>Three dimensions.</summary>
    public static implicit operator NDRange((int X, int Y, int Z) sizes) => new(sizes.X, sizes.Y, sizes.Z);

    /// <summary>Such as "64x2x1".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{X}x{Y}x{Z}");

    private static nuint Checked(int value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value, name);
        return (nuint)value;
    }
}
