namespace Kernels.Conformance;

/// <summary>
/// Stands in for the type that would carry the attribute: specs are compiled at run time, so that one binary can test any.
/// </summary>
internal sealed class RuntimeSpec
{
    /// <inheritdoc cref="SpecCompiler.Describe(AttentionShape, string)"/>
    public static AttentionDescriptor Describe(AttentionShape shape, int queryTile = 0, int keyTile = 0) =>
        SpecCompiler.Describe(shape, shape.ToString(), queryTile, keyTile);
}
