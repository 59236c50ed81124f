namespace Kernels.Decoding;

/// <summary>Which layers see all keys and which have a sliding window, as configurations write it.</summary>
internal static class LayerTypes
{
    /// <summary>A layer whose queries see all keys before them.</summary>
    public const string Full = "full_attention";

    /// <summary>A layer whose queries see the last <c>sliding_window</c> keys, their own included.</summary>
    public const string Sliding = "sliding_attention";

    /// <summary>
    /// Reads the type of each layer from the list <c>layer_types</c> of newer configurations, or else from
    /// <c>sliding_window_pattern</c>, of as many layers the last of which sees all keys.
    /// </summary>
    /// <param name="config">The model's configuration.</param>
    /// <param name="layers">Layers.</param>
    /// <param name="hasWindow">Whether a layer has a window where there is neither key.</param>
    /// <exception cref="CheckpointException">The list is not one of <paramref name="layers"/> known types.</exception>
    public static string[] Read(ConfigReader config, int layers, Func<int, bool> hasWindow)
    {
        if (config.OptionalTexts("layer_types") is not { } types)
        {
            return config.OptionalCount("sliding_window_pattern") is { } pattern
                ? Types(layer => (layer + 1) % pattern != 0)
                : Types(hasWindow);
        }

        return types.Length == layers && Array.TrueForAll(types, type => type is Full or Sliding)
            ? types
            : throw config.Unsupported("layer_types", $"{Full} or {Sliding} for each of {layers} layers");

        string[] Types(Func<int, bool> slides) => [.. Enumerable.Range(0, layers).Select(layer => slides(layer) ? Sliding : Full)];
    }
}
