namespace Kernels.Decoding;

/// <summary>One part of a matrix in memory: so many elements for each row, which lie as the layout says.</summary>
/// <param name="ElementBytes">Bytes of an element: 1, 2 or 4.</param>
/// <param name="Elements">Elements of a row.</param>
internal readonly record struct WeightPlane(int ElementBytes, int Elements)
{
    /// <summary>Bytes of a row.</summary>
    public int RowBytes => checked(ElementBytes * Elements);
}
