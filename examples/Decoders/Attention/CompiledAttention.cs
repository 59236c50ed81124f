namespace Decoders;

/// <summary>
/// The attention types of this program, whose kernels the source generator wrote: those of the checkpoints beside it, and one of many
/// published models. Layers of any other geometry get theirs when a model is loaded.
/// </summary>
internal static class CompiledAttention
{
    private static readonly AttentionDescriptor[] All =
    [
        StoriesGqa.Descriptor, StoriesGqaPaged.Descriptor,
        StoriesMlaAbsorbed.Descriptor, StoriesMlaAbsorbedPaged.Descriptor, StoriesMlaExpanded.Descriptor,
        Heads32Over8Of128.Descriptor, Heads32Over8Of128Paged.Descriptor,
    ];

    /// <summary>The types' names.</summary>
    public static IEnumerable<string> Names => All.Select(descriptor => descriptor.Name);

    /// <summary>The type of a name; null if there is none.</summary>
    public static AttentionDescriptor? Find(string name) =>
        Array.Find(All, descriptor => string.Equals(descriptor.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Lets decoders use them.</summary>
    public static void Register()
    {
        foreach (AttentionDescriptor descriptor in All)
        {
            AttentionCatalog.Register(descriptor);
        }
    }
}
