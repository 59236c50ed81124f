namespace Decoders;

/// <summary>Matrices of one shape.</summary>
/// <param name="Name">What they are.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Rows">Rows of each.</param>
/// <param name="Columns">Columns of each.</param>
/// <param name="Use">When they are read.</param>
internal sealed record WeightMatrices(string Name, long Count, long Rows, long Columns, WeightUse Use)
{
    /// <summary>Whether they are vectors, which become float32 on the device: norms and biases.</summary>
    public bool AreVectors { get; init; }

    /// <summary>Whether they are another's too, and take no memory of their own.</summary>
    public bool AreShared { get; init; }

    /// <summary>What they are stored as.</summary>
    public WeightFormat Format { get; init; } = WeightFormat.Float32;

    /// <summary>Whether each head has a matrix of its own, row-major whatever the layout of others.</summary>
    public bool AreByHead { get; init; }

    /// <summary>Elements of all.</summary>
    public long Elements => checked(Count * Rows * Columns);

    /// <summary>Bytes of all on the device.</summary>
    /// <param name="layout">How matrices lie: a last panel has room for all its rows.</param>
    public long Bytes(WeightLayout layout) => AreVectors ? checked(Elements * sizeof(float))
        : checked(Count * Format.MatrixBytes(checked((int)Rows), checked((int)Columns), AreByHead ? WeightLayout.RowMajor : layout));
}
