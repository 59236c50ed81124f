using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>One tensor of a checkpoint.</summary>
/// <param name="Name">Its name, unique in the checkpoint.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its extents, outermost first; empty for a scalar.</param>
/// <param name="Length">Its elements.</param>
internal sealed record TensorInfo(string Name, TensorType Type, ImmutableArray<long> Shape, long Length)
{
    /// <summary>The type as the file names it.</summary>
    public string StoredType { get; init; } = SafeTensorsHeader.NameOf(Type);

    /// <summary>The type and the shape, as in <c>BF16 [768, 192]</c>.</summary>
    public override string ToString() => $"{StoredType} [{string.Join(", ", Shape)}]";
}
