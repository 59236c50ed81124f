using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>
/// The form in which the weights of a matrix are stored and computed from. A weight is its code; in formats with groups, scale · code
/// + minimum, where so many columns of a row side by side share a scale and a minimum.
/// </summary>
/// <remarks>
/// A matrix in groups is planes one behind the other, each from a multiple of 16 bytes on: codes, two of 4 bits to a byte with the even
/// column in the low half, scales, what coded scales are multiplied by, and the same two of the minima.
/// </remarks>
/// <param name="Code">What a single weight is stored as.</param>
/// <param name="Group">Columns of a group; 0: no groups.</param>
/// <param name="Scale">What scales, and minima, are stored as.</param>
/// <param name="HasMinimum">Whether groups have minima.</param>
/// <param name="Zero">What is taken from codes of <see cref="WeightCode.Int4"/>.</param>
internal sealed record WeightFormat(
    WeightCode Code, int Group = 0, WeightScale Scale = WeightScale.None, bool HasMinimum = false, int Zero = 0)
{
    /// <summary>Columns that share what coded scales are multiplied by.</summary>
    public const int SuperGroup = 256;

    private const int PlaneAlignment = 16;

    /// <summary>float32.</summary>
    public static WeightFormat Float32 { get; } = new(WeightCode.Float32);

    /// <summary>float16.</summary>
    public static WeightFormat Float16 { get; } = new(WeightCode.Float16);

    /// <summary>bfloat16.</summary>
    public static WeightFormat BFloat16 { get; } = new(WeightCode.BFloat16);

    /// <summary>MXFP4: E2M1 in groups of 32 with a power of two.</summary>
    public static WeightFormat Mxfp4 { get; } = new(WeightCode.E2M1, 32, WeightScale.PowerOfTwo);

    /// <summary>Whether scales belong to the codes.</summary>
    public bool HasGroups => Group > 0;

    /// <summary>Bits of a code.</summary>
    public int CodeBits => Code switch
    {
        WeightCode.Float32 => 32,
        WeightCode.Float16 or WeightCode.BFloat16 => 16,
        WeightCode.E4M3 or WeightCode.Int8 => 8,
        _ => 4,
    };

    /// <summary>The element type of the codes.</summary>
    public ElementType Type => Code switch
    {
        WeightCode.Float32 => ElementType.Float32,
        WeightCode.Float16 => ElementType.Float16,
        WeightCode.BFloat16 => ElementType.BFloat16,
        WeightCode.E4M3 => ElementType.Float8E4M3,
        WeightCode.Int8 => ElementType.Int8,
        _ => ElementType.Int4,
    };

    /// <summary>fp8 with a float32 scale for every so many columns of a row.</summary>
    public static WeightFormat Fp8(int group) => new(WeightCode.E4M3, group, WeightScale.Float32);

    /// <summary>The format of a type of floating point without groups.</summary>
    /// <exception cref="ArgumentException">It is none of float32, float16 and bfloat16.</exception>
    public static WeightFormat Of(ElementType type) => type switch
    {
        ElementType.Float32 => Float32,
        ElementType.Float16 => Float16,
        ElementType.BFloat16 => BFloat16,
        _ => throw new ArgumentException($"{type} alone is no format of weights.", nameof(type)),
    };

    /// <summary>Whether matrices of so many columns can have the format.</summary>
    public bool Fits(int columns) => (CodeBits >= 8 || columns % 2 == 0) && (Scale != WeightScale.Coded || columns % SuperGroup == 0);

    /// <summary>The planes of a matrix of so many columns, in their order in memory.</summary>
    public ImmutableArray<WeightPlane> Planes(int columns)
    {
        if (!HasGroups)
        {
            return [new WeightPlane(CodeBits / 8, columns)];
        }

        int groups = ((columns - 1) / Group) + 1;
        int supers = ((columns - 1) / SuperGroup) + 1;
        ImmutableArray<WeightPlane>.Builder planes = ImmutableArray.CreateBuilder<WeightPlane>();
        planes.Add(new WeightPlane(1, CodeBits == 4 ? columns / 2 : columns));
        for (int i = 0; i < (HasMinimum ? 2 : 1); i++)
        {
            planes.Add(new WeightPlane(Scale switch { WeightScale.Float32 => 4, WeightScale.Float16 => 2, _ => 1 }, groups));
            if (Scale == WeightScale.Coded)
            {
                planes.Add(new WeightPlane(2, supers));
            }
        }

        return planes.ToImmutable();
    }

    /// <summary>Bytes of a plane of a matrix.</summary>
    /// <param name="plane">The plane.</param>
    /// <param name="rows">Rows, with those that fill the last panel.</param>
    public long PlaneBytes(WeightPlane plane, int rows)
    {
        long bytes = (long)rows * plane.RowBytes;
        return HasGroups ? (bytes + PlaneAlignment - 1) / PlaneAlignment * PlaneAlignment : bytes;
    }

    /// <summary>Bytes of one matrix.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="layout">How rows lie: a last panel has room for all its rows.</param>
    public long MatrixBytes(int rows, int columns, WeightLayout layout)
    {
        int padded = layout.PaddedRows(rows);
        return Planes(layout.IsStrips ? layout.PaddedColumns(columns) : columns).Sum(plane => PlaneBytes(plane, padded));
    }

    /// <summary>What a person calls it, as in <c>MXFP4</c> or <c>int4 in groups of 32</c>.</summary>
    public override string ToString() => this == Mxfp4 ? "MXFP4" : Code switch
    {
        WeightCode.Float32 => "float32",
        WeightCode.Float16 => "float16",
        WeightCode.BFloat16 => "bfloat16",
        WeightCode.E4M3 => $"fp8 in groups of {Group}",
        WeightCode.Int8 => $"int8 in groups of {Group}",
        WeightCode.Int4 => $"int4 in groups of {Group}",
        _ => $"{Code} in groups of {Group}",
    };
}
