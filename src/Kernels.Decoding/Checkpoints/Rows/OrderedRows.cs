namespace Kernels.Decoding;

/// <summary>The same rows in another order.</summary>
/// <param name="rows">The rows.</param>
/// <param name="order">Which row comes at a place.</param>
internal sealed unsafe class OrderedRows(WeightRows rows, Func<long, long> order) : WeightRows(rows.Format, rows.Columns)
{
    /// <inheritdoc/>
    public override byte* Plane(int plane, long row, byte* buffer) => rows.Plane(plane, order(row), buffer);
}
